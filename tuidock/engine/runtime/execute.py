"""The last steps of a birth: from a process inside its namespaces to the command it becomes.

Used for the first process and for further commands, both stubs. Invariant: when the command is
executed nothing of the host is left in the process: no descriptor but 0 to 2, no capability
beyond the asked ones; and all that its filter has to allow before is to take the capabilities
away, to unblock signals and to execute.
"""

from __future__ import annotations

import errno
import os
import signal
import stat
import struct
from functools import partial

from tuidock.engine.errors import CommandNotExecutable, CommandNotFound, EngineError, StartFailed
from tuidock.engine.linux import ledger
from tuidock.engine.linux import mount as m
from tuidock.engine.linux import process as p
from tuidock.engine.named import NamedTuple
from tuidock.engine.runtime import asking as a
from tuidock.engine.runtime import reaper, user
from tuidock.engine.runtime.capabilities import ALL, bits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tuidock.engine.linux.arena import Answer
    from tuidock.engine.linux.stub import Stub
    from tuidock.engine.runtime.asking import Descriptor

_PATH_MAX = 4096
_ORDINARY = os.geteuid() != 0
_CAP_SYS_ADMIN = 1 << ALL.index("CAP_SYS_ADMIN")


class Ready(NamedTuple):
    """What is left to do for a process that has its user and its directory."""

    paths: list[str]
    """Where the command may be, in order; each was reached without /proc's magic."""
    arguments: list[str]
    environment: dict[str, str]
    capabilities: int
    program: bytes
    """Its seccomp filter; empty for none."""
    no_new_privileges: bool
    reaper: int
    """The program that runs the command and reaps orphans, as a descriptor; -1 for none."""


class Asked(NamedTuple):
    """Who the command shall be, beyond an OCI `process`."""

    who: str
    """The USER string, resolved in the root."""
    groups: tuple[str, ...]
    program: bytes
    held: int
    """Capabilities that the process has to give, as bits."""
    reaper: int = -1


def identify(stub: Stub, root: Descriptor, asked: Asked) -> user.User:
    """Who the command will run as, by the files below `root`. Raises OSError, StartFailed."""
    stub.step = f"look up the user {asked.who}"
    return user.resolve(partial(_content, stub, root), asked.who, asked.groups)


def settle(stub: Stub, process: dict[str, Any], asked: Asked, who: user.User) -> Ready:
    """Take the working directory and user of an OCI `process`, and find its command.

    The directory must be there: see `make_directory`. The stub has left our descriptors, for
    none of them may lead anywhere (CVE-2024-21626).
    Raises OSError, StartFailed, CommandNotFound, CommandNotExecutable.
    """
    stub.step = f"enter {process['cwd']} as the user"
    here = _enter_directory(stub, process["cwd"])
    caps = process.get("capabilities") or {}
    _drop_bounding(stub, bits(caps.get("bounding", ())))
    final = bits(caps.get("permitted", ())) & asked.held if who.uid == 0 else 0
    bare = bool(process.get("noNewPrivileges"))
    # Who may still gain privileges needs this one to load a filter.
    until_filter = 0 if bare or not asked.program else _CAP_SYS_ADMIN & asked.held
    _take_identity(stub, who, final | until_filter)
    environment = _environment(process.get("env", ()), who)
    command = process["args"][0]
    candidates = _candidates(command, environment.get("PATH", ""))
    found = [_look(stub, path) for path in candidates]
    _run(stub, process["cwd"], who)
    _check_directory(stub.arena.read(here, 1), process["cwd"])
    paths = _chosen(command, candidates, [each.known for each in found])
    if asked.reaper >= 0:
        paths = _permitted(stub, command, paths)
    return Ready(paths, process["args"], environment, final, asked.program, bare, asked.reaper)


def _content(stub: Stub, root: Descriptor, path: str) -> bytes:
    return a.read_small(stub, root, path, user.MAX_FILE)


def make_directory(stub: Stub, path: str) -> None:
    """Make the working directory of a first process if it is missing, as docker does."""
    stub.step = f"make {path}"
    walked = ""
    for name in filter(None, path.split("/")):
        walked += f"/{name}"
        fine = (errno.EEXIST, errno.EROFS, errno.EACCES, errno.EPERM)  # chdir will tell
        stub.add("mkdirat", a.AT_FDCWD, walked, 0o755, fine=fine)


def _enter_directory(stub: Stub, path: str) -> int:
    """Go there; returns the address of its path as the kernel tells it."""
    stub.add("chdir", path, path=path)
    room = stub.arena.put(bytes(_PATH_MAX))
    stub.add("getcwd", room, _PATH_MAX)
    return room


def _check_directory(start: bytes, path: str) -> None:
    """A directory outside the root, reached by a descriptor that leaked, has no path from
    here: the kernel says `(unreachable)` (CVE-2024-21626).
    """
    if start != b"/":
        raise OSError(errno.EPERM, "the working directory lies outside the container", path)


def ownable(descriptor: int) -> bool:
    """A pipe or a terminal, which its user may want to open again as /dev/stdout."""
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or (stat.S_ISCHR(mode) and os.isatty(descriptor))


def own_stdio(stub: Stub, uid: int, stdio: tuple[int, ...]) -> None:
    """Let the user open /dev/stdout and its sisters again: pipes and terminals become theirs."""
    for descriptor in filter(ownable, set(stdio)):
        # A pipe of the host's: its owner has no number in here.
        stub.add("fchown", descriptor, uid, -1, fine=(errno.EPERM, errno.EINVAL))


def _drop_bounding(stub: Stub, keep: int) -> None:
    stub.add("prctl", p.PR_CAP_AMBIENT, p.PR_CAP_AMBIENT_CLEAR_ALL)
    for number in range(len(ALL)):
        if not keep >> number & 1:
            # EINVAL: a capability that this kernel does not know.
            stub.add("prctl", p.PR_CAPBSET_DROP, number, fine=(errno.EINVAL,))


def _take_identity(stub: Stub, who: user.User, capabilities: int) -> None:
    """Groups, ids, capabilities; inheritable and ambient ones are always empty."""
    stub.add("prctl", p.PR_SET_KEEPCAPS, 1)
    set_groups(stub, who.groups)
    stub.add("setresgid", who.gid, who.gid, who.gid)
    stub.add("setresuid", who.uid, who.uid, who.uid)
    _set_capabilities(stub, capabilities)


def set_groups(stub: Stub, groups: tuple[int, ...]) -> None:
    """setgroups(2), which in a namespace with a single id nobody may; see `userns.set_groups`."""
    packed = struct.pack(f"={len(groups)}I", *groups)
    fine = (errno.EPERM,) if _ORDINARY else ()
    stub.add("setgroups", len(groups), packed, fine=fine)


def _set_capabilities(stub: Stub, capabilities: int) -> None:
    stub.add("capset", *p.capability_words(capabilities))


def _run(stub: Stub, directory: str, who: user.User) -> None:
    try:
        stub.run()
    except OSError as error:
        if stub.failed == "chdir":
            said = os.strerror(error.errno or 0)
            raise CommandNotExecutable(f"working directory {directory}: {said}") from error
        if error.errno != errno.EINVAL or not stub.failed.startswith("set"):
            raise
        ids = " ".join(map(str, (f"{who.uid}:{who.gid}", *who.groups)))
        raise StartFailed(
            f"not all ids of the user exist in this container: {ids}",
            "ordinary users need ranges in /etc/subuid and /etc/subgid: see `tuidock doctor`"
            if os.geteuid()
            else "it has those below 65536; all of them has one with --userns host",
        ) from error


def _environment(pairs: list[str], who: user.User) -> dict[str, str]:
    environment = dict(pair.partition("=")[::2] for pair in pairs)
    environment.setdefault("HOME", who.home)
    return environment


# --- finding the command --------------------------------------------------------------------------


def _candidates(command: str, search: str) -> list[str]:
    """Where it may be; without a slash it is looked for in the directories of `search`."""
    if "/" in command:
        return [command]
    return [f"{directory or '.'}/{command}" for directory in search.split(":")] if command else []


def _look(stub: Stub, path: str) -> Answer:
    """Without /proc's magic: it could be our own interpreter."""
    flags = os.O_PATH
    found = a.open_in(stub, a.AT_FDCWD, path, flags, _NO_MAGICLINKS, fine=_NOT_THERE, skip=1)
    stub.add("close", found)
    return found


def _permitted(stub: Stub, command: str, paths: list[str]) -> list[str]:
    """The one that a reaper shall execute, which cannot tell us what execve says.

    Raises CommandNotExecutable.
    """
    code = 0
    for path in paths:
        fine = (errno.EACCES,)
        asked = stub.add("faccessat2", a.AT_FDCWD, path, os.X_OK, _AT_EACCESS, fine=fine)
        stub.run()
        if asked.known == 0 and not _is_directory(stub, path):
            return [path]
        code = -asked.known or errno.EISDIR
    raise _refusal(command, code)


_AT_EACCESS = 0x200
_NO_MAGICLINKS = 2
_NOT_THERE = (
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EACCES,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.EXDEV,
    errno.EPERM,
)


def _chosen(command: str, paths: list[str], found: list[int]) -> list[str]:
    """Those that are there. Raises CommandNotFound, CommandNotExecutable."""
    there = [path for path, result in zip(paths, found, strict=True) if result >= 0]
    if there:
        return there
    if "/" in command:
        raise _refusal(command, -found[0])
    refused = [-each for each in found if -each not in (errno.ENOENT, errno.ENOTDIR)]
    if refused:
        raise _refusal(command, refused[-1])
    raise CommandNotFound(f'exec: "{command}": executable file not found in $PATH')


def _refusal(command: str, code: int) -> CommandNotFound | CommandNotExecutable:
    if code in (errno.ENOENT, errno.ENOTDIR):
        return CommandNotFound(f'exec: "{command}": no such file or directory')
    return CommandNotExecutable(f'exec: "{command}": {os.strerror(code).lower()}')


# --- becoming the command -------------------------------------------------------------------------


def harden(stub: Stub, ready: Ready) -> None:
    """Filter and capabilities: after this nobody is more than the command may be."""
    if ready.no_new_privileges:
        _set_capabilities(stub, ready.capabilities)
        stub.add("prctl", p.PR_SET_NO_NEW_PRIVS, 1)
    if ready.program:
        code = stub.arena.put(ready.program)
        header = struct.pack("@HP", len(ready.program) // 8, code)
        stub.add("prctl", p.PR_SET_SECCOMP, p.SECCOMP_MODE_FILTER, header)
    if not ready.no_new_privileges:
        _set_capabilities(stub, ready.capabilities)


def default_signals(stub: Stub) -> None:
    """What we or the launcher ignore stays ignored over an execve, unless told otherwise."""
    for number in _IGNORED:
        stub.add("rt_sigaction", number, bytes(32), None, 8)


_IGNORED = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGHUP, 32, 33)
"""The last two are glibc's own; its posix_spawn, which started the launcher, ignores them."""


def execute(stub: Stub, ready: Ready) -> None:
    """Become the command: the first one found that the user may execute.

    Raises CommandNotFound, CommandNotExecutable.
    """
    stub.step = "execute the command"
    ledger.note("argv", ready.arguments, len(ready.environment))
    stub.add("rt_sigprocmask", signal.SIG_SETMASK, bytes(8), None, 8)
    environment = stub.arena.put_list([f"{k}={v}" for k, v in ready.environment.items()])
    if ready.reaper >= 0:
        words = stub.arena.put_list(reaper.arguments(ready.paths[0], ready.arguments))
        stub.add("execveat", ready.reaper, "", words, environment, m.AT_EMPTY_PATH)
    else:
        _execve(stub, ready, environment)
    try:
        stub.finish()
    except OSError as error:
        if not stub.failed.startswith("execve"):
            raise
        if error.errno == errno.EACCES and _is_directory(stub, ready.paths[-1]):
            error.errno = errno.EISDIR
        raise _refusal(ready.arguments[0], error.errno or 0) from error


def _execve(stub: Stub, ready: Ready, environment: int) -> None:
    arguments = stub.arena.put_list(ready.arguments)
    for path in ready.paths[:-1]:
        stub.add("execve", path, arguments, environment, fine=(errno.EACCES,))
    stub.add("execve", ready.paths[-1], arguments, environment)


def _is_directory(stub: Stub, path: str) -> bool:
    flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
    opened = stub.add("openat", a.AT_FDCWD, path, flags, fine=(errno.ENOTDIR, errno.EACCES))
    stub.run()
    return opened.known >= 0


# --- what went wrong ------------------------------------------------------------------------------


def failure(step: str, error: Exception) -> dict[str, object]:
    """What is told about an error: class, step, errno, message, hint."""
    kind = type(error).__name__
    number = error.errno or 0 if isinstance(error, OSError) else 0
    if isinstance(error, OSError):
        where = f" {error.filename}" if error.filename else ""
        return _told("StartFailed", step, number, f"{step}:{where} {error.strerror}", "")
    if isinstance(error, (CommandNotFound, CommandNotExecutable, StartFailed)):
        return _told(kind, step, 0, error.message, error.hint)
    if isinstance(error, EngineError):
        return _told("StartFailed", step, 0, error.message, error.hint)
    return _told("StartFailed", step, 0, f"{step}: {kind}: {error}", "")


def _told(kind: str, step: str, number: int, message: str, hint: str) -> dict[str, object]:
    return {"kind": kind, "step": step, "errno": number, "message": message, "hint": hint}
