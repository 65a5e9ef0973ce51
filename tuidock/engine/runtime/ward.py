"""A running container as its monitor holds it.

Invariant: it holds descriptors and numbers only; what costs memory, such as the cgroup's
paths, is made anew by who needs it.
"""

from __future__ import annotations

from tuidock.engine.cgroups.cgroup import open_cgroup
from tuidock.engine.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tuidock.engine.cgroups.cgroup import Cgroup
    from tuidock.engine.layout import Layout
    from tuidock.engine.linux.sockets import Packets


class Ward(NamedTuple):
    """What a starter handed over, or what was found of a container that lost its monitor."""

    layout: Layout
    id: str
    pid: int
    pidfd: int
    """-1 when its first process was gone already."""
    outputs: dict[int, str]
    """Readable descriptors and the stream that each carries."""
    stdin: int
    """Writable end, -1 without; with a terminal the same as its output."""
    alarm: int = -1
    """Polls when memory runs out, see `Cgroup.oom_alarm`; -1 where nobody tells."""
    watcher: Packets | None = None
    """Where an adopted container's wait status comes from; None for a child of ours."""

    def cgroup(self) -> Cgroup:
        """Raises OSError without /proc."""
        return open_cgroup(self.layout.tag, self.id)
