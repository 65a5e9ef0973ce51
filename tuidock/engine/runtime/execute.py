"""The last steps of a birth: from a process inside its namespaces to the command it becomes.

Used by init and by exec. Invariant: after `become` nothing of the host is left in this
process: no descriptor but 0 to 2 and the line, no capability beyond the asked ones.
"""

from __future__ import annotations

import errno
import os
import signal
import stat

from tuidock.engine.errors import CommandNotExecutable, CommandNotFound, EngineError, StartFailed
from tuidock.engine.linux import process as p
from tuidock.engine.linux import userns
from tuidock.engine.linux.openat2 import openat2
from tuidock.engine.runtime import reaper, user
from tuidock.engine.runtime.capabilities import ALL, bits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

_MOST_LINKS = 40


def become(
    process: dict[str, Any], who: str, groups: tuple[str, ...], filter_program: bytes
) -> dict[str, str]:
    """Take the working directory, user, capabilities and seccomp filter of an OCI `process`.

    `who` is the USER string, `groups` are further ones, resolved in the root. Returns the
    environment for `execute`. Raises OSError, StartFailed.
    """
    root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    resolved = user.resolve(root, who, groups)
    os.close(root)
    _enter_directory(process["cwd"])
    _own_stdio(resolved.uid)
    caps = process.get("capabilities") or {}
    _drop_bounding(bits(caps.get("bounding", ())))
    no_new_privileges = bool(process.get("noNewPrivileges"))
    if filter_program and not no_new_privileges:
        p.load_filter(filter_program)  # needs CAP_SYS_ADMIN, which goes next
    _take_identity(resolved, bits(caps.get("permitted", ())))
    if no_new_privileges:
        p.prctl(p.PR_SET_NO_NEW_PRIVS, 1)
        if filter_program:
            p.load_filter(filter_program)
    return _environment(process.get("env", ()), resolved)


def _enter_directory(path: str) -> None:
    """Make the working directory if it is missing, as docker does, and go there.

    A directory outside the root, reached by a descriptor that leaked, has no path from
    here (CVE-2024-21626).
    """
    os.makedirs(path, 0o755, exist_ok=True)
    os.chdir(path)
    if not os.getcwd().startswith("/"):
        raise OSError(errno.EPERM, "the working directory lies outside the container", path)


def _own_stdio(uid: int) -> None:
    """Let the user open /dev/stdout and its sisters again: pipes and terminals become theirs."""
    for number in range(3):
        status = os.fstat(number)
        is_terminal = stat.S_ISCHR(status.st_mode) and os.isatty(number)
        if stat.S_ISFIFO(status.st_mode) or is_terminal:
            try:
                os.fchown(number, uid, -1)
            except OSError as error:
                # A pipe of the host's: its owner has no number in here.
                if error.errno not in (errno.EPERM, errno.EINVAL):
                    raise


def _drop_bounding(keep: int) -> None:
    p.prctl(p.PR_CAP_AMBIENT, p.PR_CAP_AMBIENT_CLEAR_ALL)
    for number in range(len(ALL)):
        if not keep >> number & 1:
            try:
                p.prctl(p.PR_CAPBSET_DROP, number)
            except OSError as error:
                if error.errno != errno.EINVAL:  # a capability that this kernel does not know
                    raise


def _take_identity(who: user.User, capabilities: int) -> None:
    """Groups, ids, capabilities; inheritable and ambient ones are always empty."""
    p.prctl(p.PR_SET_KEEPCAPS, 1)
    try:
        userns.set_groups(who.groups)
        os.setresgid(who.gid, who.gid, who.gid)
        os.setresuid(who.uid, who.uid, who.uid)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        ids = " ".join(map(str, (f"{who.uid}:{who.gid}", *who.groups)))
        raise StartFailed(
            f"not all ids of the user exist in this container: {ids}",
            "ordinary users need ranges in /etc/subuid and /etc/subgid: see `tuidock doctor`",
        ) from error
    # Without a user namespace of its own nobody gets more than the engine itself has.
    p.capset(capabilities & p.permitted() if who.uid == 0 else 0)


def _environment(pairs: list[str], who: user.User) -> dict[str, str]:
    environment = dict(pair.partition("=")[::2] for pair in pairs)
    environment.setdefault("HOME", who.home)
    return environment


def execute(arguments: list[str], environment: dict[str, str], *, reaped: bool = False) -> NoReturn:
    """Find the command as execvp would, inside the root, and become it.

    `reaped`: become a reaper that runs it. Raises CommandNotFound, CommandNotExecutable.
    """
    path = find(arguments[0], environment.get("PATH", ""))
    for number in _IGNORED:
        signal.signal(number, signal.SIG_DFL)
    try:
        if reaped:
            program = reaper.open_program()
            os.execve(program, reaper.arguments(path, arguments), environment)
        os.execve(path, arguments, environment)
    except OSError as error:
        raise _refusal(arguments[0], error) from error


_IGNORED = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGHUP)
"""By Python and by the launcher; what is ignored stays so over an execve."""


def find(command: str, search: str) -> str:
    """The path of a command; without a slash it is looked for in the directories of `search`.

    Raises CommandNotFound, CommandNotExecutable.
    """
    if "/" in command:
        _check(command, command)
        return command
    refused: CommandNotExecutable | None = None
    for directory in search.split(":"):
        path = f"{directory or '.'}/{command}"
        try:
            _check(command, path)
        except CommandNotFound:
            continue
        except CommandNotExecutable as error:
            refused = error
            continue
        return path
    if refused and command:
        raise refused
    raise CommandNotFound(f'exec: "{command}": executable file not found in $PATH')


def _check(command: str, path: str) -> None:
    """An executable file, reached without /proc's magic (it could be our own interpreter)."""
    try:
        file = openat2(_AT_FDCWD, path, os.O_PATH, resolve=_NO_MAGICLINKS)
    except OSError as error:
        raise _refusal(command, error) from error
    try:
        if stat.S_ISDIR(os.fstat(file).st_mode):
            raise CommandNotExecutable(f'exec: "{command}": is a directory')
    finally:
        os.close(file)
    if not os.access(path, os.X_OK, effective_ids=True):
        raise CommandNotExecutable(f'exec: "{command}": permission denied')


_AT_FDCWD = -100
_NO_MAGICLINKS = 2


def _refusal(command: str, error: OSError) -> CommandNotFound | CommandNotExecutable:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return CommandNotFound(f'exec: "{command}": no such file or directory')
    return CommandNotExecutable(f'exec: "{command}": {(error.strerror or "").lower()}')


def failure(step: str, error: Exception) -> dict[str, object]:
    """What a child tells its monitor about an error: class, step, errno, message, hint."""
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
