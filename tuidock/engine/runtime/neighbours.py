"""Being born into namespaces of a running container.

Namespaces are joined by a pidfd that was compared with the container's own state, so that no
other process of the same number can be meant. Invariant: who enters a user namespace is not
dumpable, so that nobody in it can look at the host's memory in that process.
"""

from __future__ import annotations

import os
import signal

from tuidock.engine.errors import StartFailed
from tuidock.engine.linux import process as p
from tuidock.engine.linux.openat2 import PLAIN
from tuidock.engine.linux.proc import open_pidfd, start_time
from tuidock.engine.linux.stub import make
from tuidock.engine.named import NamedTuple
from tuidock.engine.runtime import asking as a
from tuidock.engine.runtime.config import NAMESPACES
from tuidock.engine.runtime.namespaces import SHARED_MEMORY, joined
from tuidock.engine.runtime.state import read_run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from tuidock.engine.layout import Layout
    from tuidock.engine.linux.stub import Stub


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
        pidfd = open_pidfd(run["pid"])
    except (FileNotFoundError, ProcessLookupError) as error:
        raise gone from error
    if start_time(run["pid"]) != run["starttime"]:
        os.close(pidfd)
        raise gone
    return pidfd


def enter(stub: Stub, neighbours: Sequence[Neighbour]) -> None:
    """Have a stub join them. A pid namespace takes in only its children. Raises OSError."""
    stub.step = "join the namespaces of another container"
    stub.add("prctl", p.PR_SET_DUMPABLE, 0)
    for each in neighbours:
        stub.add("setns", each.pidfd, each.flags)
    stub.run()


def shared_memory(neighbours: Sequence[Neighbour]) -> int:
    """A copy of the mount on /dev/shm of whose ipc namespace is joined; -1 for none.

    Copied in the mount namespace of that container, where its links lead nowhere else; no
    link is followed anyway. Raises OSError.
    """
    ids = 0
    for each in neighbours:  # all are in the user namespace of the first, if it is joined
        ids |= each.flags & p.CLONE_NEWUSER
        if each.flags & p.CLONE_NEWIPC:
            return _copy_shared_memory(each._replace(flags=ids | p.CLONE_NEWNS))
    return -1


def _copy_shared_memory(neighbour: Neighbour) -> int:
    """By a stub, which shares our descriptors."""
    visitor = make(0)
    try:
        enter(visitor, [neighbour])
        visitor.step = "copy the shared memory of another container"
        directory = os.O_PATH | os.O_DIRECTORY
        root = visitor.add("openat", a.AT_FDCWD, "/", directory | os.O_CLOEXEC)
        found = a.open_in(visitor, root, SHARED_MEMORY[1:], directory, PLAIN)
        tree = a.open_tree(visitor, found)
        visitor.run()
        return a.number(tree)
    finally:
        visitor.close()
        # It need not see that: it shares our descriptors, and the number that it is about to
        # wait for may be another's by now.
        p.send_signal(visitor.pidfd, signal.SIGKILL)
        os.waitpid(visitor.pid, 0)
        os.close(visitor.pidfd)
