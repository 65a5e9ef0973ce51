"""User namespaces of an ordinary user: which ids it may hand out, and how they are mapped.

Root in there is the user itself; 1 and up are its ranges in subuid(5) and subgid(5), which only
newuidmap(1) and newgidmap(1) may map. Without these there is root alone, and no other user.
Invariant: who calls `enter` has one thread.
"""

from __future__ import annotations

import errno
import os

from tuidock.engine.linux import ledger
from tuidock.engine.named import NamedTuple

_PROGRAMS = {"uid": "newuidmap", "gid": "newgidmap"}
_ORDINARY = os.geteuid() != 0
"""Who this process is outside of the namespaces in which everybody is root."""
_SEARCH = ("/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin")


class Range(NamedTuple):
    """A line of uid_map or gid_map, user_namespaces(7)."""

    inside: int
    outside: int
    size: int


class Maps(NamedTuple):
    """The ids of a user namespace."""

    uids: tuple[Range, ...]
    gids: tuple[Range, ...]

    @property
    def single(self) -> bool:
        """There is root and nobody else."""
        return sum(each.size for each in self.uids) == 1


def own() -> Maps:
    """What the calling user may map. Raises OSError, not for a missing file."""
    found = {kind: _subordinate(kind) if program(kind) else [] for kind in _PROGRAMS}
    if not all(found.values()):
        found = {kind: [] for kind in _PROGRAMS}
    return Maps(_stacked(os.geteuid(), found["uid"]), _stacked(os.getegid(), found["gid"]))


def program(kind: str) -> str:
    """The path of newuidmap (`uid`) or newgidmap (`gid`); empty where it is not installed."""
    for directory in _SEARCH:
        path = f"{directory}/{_PROGRAMS[kind]}"
        if os.access(path, os.X_OK):
            return path
    return ""


def _subordinate(kind: str) -> list[tuple[int, int]]:
    """(first, count) of every range of the calling user in subuid(5) or subgid(5)."""
    try:
        with open(f"/etc/sub{kind}", encoding="utf-8", errors="replace") as file:
            lines = [line.strip().split(":") for line in file]
    except FileNotFoundError:
        return []
    names = _names()
    return [
        (int(fields[1]), int(fields[2]))
        for fields in lines
        if len(fields) == 3 and fields[0] in names and fields[1].isdecimal() and int(fields[2])
    ]


def _names() -> tuple[str, ...]:
    """What the files may call us; nothing for a uid without a name, whom newuidmap refuses."""
    import pwd

    uid = os.geteuid()
    try:
        return pwd.getpwuid(uid).pw_name, str(uid)
    except KeyError:
        return ()


def _stacked(root: int, ranges: list[tuple[int, int]]) -> tuple[Range, ...]:
    stacked = [Range(0, root, 1)]
    for first, count in ranges:
        stacked.append(Range(stacked[-1].inside + stacked[-1].size, first, count))
    return tuple(stacked)


def write(pid: int, maps: Maps) -> None:
    """Map the ids of the new user namespace that process `pid` is in. Raises OSError."""
    if maps.single:
        for name, text in (
            ("setgroups", "deny"),  # else the kernel lets nobody but root map a group
            ("uid_map", " ".join(map(str, maps.uids[0]))),
            ("gid_map", " ".join(map(str, maps.gids[0]))),
        ):
            _write(f"/proc/{pid}/{name}", text)
        return
    running = [_start("uid", pid, maps.uids), _start("gid", pid, maps.gids)]
    for complaint in [_finish(*each) for each in running]:
        if complaint:
            raise OSError(errno.EPERM, complaint)


def _write(path: str, text: str) -> None:
    ledger.note("write", path, text)
    file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)


def _start(kind: str, pid: int, ranges: tuple[Range, ...]) -> tuple[str, int, int]:
    """Run newuidmap or newgidmap: its name, pid, and where it complains."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    words = [_PROGRAMS[kind], str(pid), *(str(number) for each in ranges for number in each)]
    ledger.note("program", words)
    moves = [(os.POSIX_SPAWN_DUP2, writing, 2)]
    try:
        child = os.posix_spawn(program(kind), words, {}, file_actions=moves)
    finally:
        os.close(writing)
    return words[0], child, reading


def _finish(name: str, child: int, reading: int) -> str:
    """Empty, or what the program said when it failed.

    Its end, not that of its output, is waited for: another process might hold that open.
    """
    _, status = os.waitpid(child, 0)
    os.set_blocking(reading, False)
    with open(reading, "rb", buffering=0) as said:
        text = " ".join((said.read(4096) or b"").decode(errors="replace").split())
    return (text or f"{name} failed") if status else ""


def enter(maps: Maps) -> None:
    """Become root of a new user namespace with these ids. Raises OSError.

    The programs that map ids work from outside only, so a child stays behind to run them.
    """
    from tuidock.engine.linux.process import CLONE_NEWUSER, unshare  # with ctypes, 2 ms

    ready, told = os.pipe2(os.O_CLOEXEC)
    answer, says = os.pipe2(os.O_CLOEXEC)
    me = os.getpid()
    child = os.fork()
    if child == 0:
        _stay_behind(me, maps, ready, told, says)
    try:
        unshare(CLONE_NEWUSER)
    except OSError:
        os.kill(child, 9)
        raise
    finally:
        for descriptor in (ready, told, says):  # the end of `told` is the signal
            os.close(descriptor)
        with open(answer, encoding="utf-8", errors="replace") as said:
            complaint = said.read()
        os.waitpid(child, 0)
    if complaint:
        raise OSError(errno.EPERM, complaint)
    become_root()


def _stay_behind(parent: int, maps: Maps, ready: int, told: int, says: int) -> None:
    """The child's part; never returns."""
    try:
        os.close(told)
        os.read(ready, 1)
        write(parent, maps)
    except OSError as error:
        os.write(says, (error.strerror or str(error)).encode())
    finally:
        os._exit(0)


def become_root() -> None:
    """Take the ids of root, in a user namespace whose ids are mapped, or of the host if there
    is none.
    """
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    set_groups(())


def set_groups(groups: tuple[int, ...]) -> None:
    """setgroups(2) for a caller with CAP_SETGID.

    In a namespace with a single id nobody may, whatever capabilities they have: groups stay
    those of the user, who could not otherwise be kept from shedding a group that bars it from
    a file. Raises OSError.
    """
    try:
        os.setgroups(groups)
    except PermissionError:
        if not _ORDINARY:
            raise
