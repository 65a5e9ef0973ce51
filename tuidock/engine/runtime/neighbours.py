"""Being born into namespaces of a running container.

Namespaces are joined by a pidfd that was compared with the container's own state, so that no
other process of the same number can be meant. Invariant: who enters a user namespace is not
dumpable, so that nobody in it can look at the host's memory in that process.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from tuidock.engine.errors import StartFailed
from tuidock.engine.linux import mount as m
from tuidock.engine.linux import process as p
from tuidock.engine.linux import sockets
from tuidock.engine.linux.openat2 import PLAIN, openat2
from tuidock.engine.linux.proc import start_time
from tuidock.engine.runtime.config import NAMESPACES
from tuidock.engine.runtime.namespaces import SHARED_MEMORY, joined
from tuidock.engine.runtime.protocol import decode, encode
from tuidock.engine.runtime.state import read_run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn

    from tuidock.engine.layout import Layout
    from tuidock.engine.linux.sockets import Packets


class Neighbour(NamedTuple):
    """A container whose namespaces are joined."""

    pidfd: int
    flags: int
    """Which, as clone flags."""


def find(layout: Layout, config: dict[str, Any]) -> list[Neighbour]:
    """Whom the configuration names; who shares its user namespace comes first.

    Raises StartFailed when one of them does not run.
    """
    found = [
        Neighbour(_open(layout, each), _flags(kinds)) for each, kinds in joined(config).items()
    ]
    return sorted(found, key=lambda each: not each.flags & p.CLONE_NEWUSER)


def _flags(kinds: list[str]) -> int:
    return sum(NAMESPACES[kind] for kind in kinds)


def _open(layout: Layout, container_id: str) -> int:
    gone = StartFailed(
        f"container {container_id[:12]}, whose namespaces this one shares, is not running",
        f"`tuidock start {container_id[:12]}` first",
    )
    try:
        run = read_run(layout, container_id)
        pidfd = os.pidfd_open(run["pid"])
    except (FileNotFoundError, ProcessLookupError) as error:
        raise gone from error
    if start_time(run["pid"]) != run["starttime"]:
        os.close(pidfd)
        raise gone
    return pidfd


def clone(neighbours: Sequence[Neighbour], flags: int, cgroup: int) -> tuple[int, int, int]:
    """As `process.clone`, in namespaces of neighbours; the third is a go-between to reap.

    A pid namespace takes in children only, and who entered a user namespace has no way back:
    so a sibling of ours enters, makes the child, and leaves. It is a child of our parent, as
    the one that it makes. Raises OSError.
    """
    ours, theirs = sockets.pair()
    between, pidfd = p.clone(p.CLONE_PARENT)
    if between == 0:
        ours.close()
        return (*_go_between(neighbours, flags, cgroup, theirs), 0)
    theirs.close()
    os.close(pidfd)
    answer, descriptors = _hear(ours)
    return answer["pid"], descriptors[0], between


def _go_between(
    neighbours: Sequence[Neighbour], flags: int, cgroup: int, line: Packets
) -> tuple[int, int]:
    """Returns in the new process only."""

    def enter_and_clone() -> tuple[dict[str, int], tuple[int, ...]]:
        _enter(neighbours)
        pid, pidfd = p.clone(flags, cgroup)
        return {"pid": pid}, (pidfd,)

    _report(line, enter_and_clone)
    line.close()
    return 0, -1


def _enter(neighbours: Sequence[Neighbour]) -> None:
    p.prctl(p.PR_SET_DUMPABLE, 0)
    for each in neighbours:
        p.setns(each.pidfd, each.flags)


def _report(line: Packets, act: Callable[[], tuple[dict[str, int], tuple[int, ...]]]) -> None:
    """Tell what came of it, and leave; returns only in a child that `act` made."""
    try:
        answer, descriptors = act()
        if answer["pid"] == 0:
            return
        line.send(encode(answer), descriptors)
    except OSError as error:
        line.send(encode({"errno": error.errno, "message": error.strerror}))
    os._exit(0)


def _hear(line: Packets) -> tuple[dict[str, Any], list[int]]:
    message, descriptors = line.receive(sockets.SMALL_MESSAGE)
    line.close()
    answer = decode(message)
    if "errno" in answer:
        raise OSError(answer["errno"], answer["message"])
    if not descriptors:
        raise StartFailed("the process that was to join the other container died")
    return answer, descriptors


def shared_memory(neighbours: Sequence[Neighbour]) -> int:
    """A copy of the mount on /dev/shm of whose ipc namespace is joined; -1 for none.

    Copied in the mount namespace of that container, where its links lead nowhere else; no
    link is followed anyway. Raises OSError.
    """
    for each in neighbours:
        if each.flags & p.CLONE_NEWIPC:
            ours, theirs = sockets.pair()
            child = os.fork()
            if child == 0:
                _copy_shared_memory(each, theirs)
            theirs.close()
            try:
                return _hear(ours)[1][0]
            finally:
                os.waitpid(child, 0)
    return -1


def _copy_shared_memory(neighbour: Neighbour, line: Packets) -> NoReturn:
    def copy() -> tuple[dict[str, int], tuple[int, ...]]:
        _enter([neighbour._replace(flags=neighbour.flags & p.CLONE_NEWUSER | p.CLONE_NEWNS)])
        root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        found = openat2(root, SHARED_MEMORY[1:], os.O_PATH | os.O_DIRECTORY, PLAIN)
        return {"pid": 1}, (m.open_tree(found, ""),)

    _report(line, copy)
    os._exit(1)
