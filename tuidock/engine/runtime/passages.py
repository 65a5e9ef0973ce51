"""Parts of nearly every container's root, written down once, in the launcher.

To write a system call down takes longer than to make it. Who is forked from the launcher inherits
what is written, and only has a stub make it. Invariant: a passage is made for exactly those
operations that it was written from.
"""

from __future__ import annotations

import mmap

from tuidock.engine.linux.arena import Answer, Arena, Batch, Scribe
from tuidock.engine.named import NamedTuple
from tuidock.engine.runtime import cgroupview, plan, rootfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from tuidock.engine.runtime.rootfs import Operation, Unchecked

_ROOM = 40 * mmap.PAGESIZE
_HIDDEN = ["nosuid", "noexec", "nodev"]
_PTS = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]
_USUAL = (
    (
        ("/proc", "proc", _HIDDEN),
        ("/dev", "tmpfs", ["nosuid", "noexec", "strictatime", "mode=755", "size=64k"]),
        ("/sys", "sysfs", [*_HIDDEN, "ro"]),
    ),
    (
        ("/dev/pts", "devpts", _PTS),
        ("/dev/shm", "tmpfs", [*_HIDDEN, "mode=1777", "size=67108864"]),
        ("/dev/mqueue", "mqueue", _HIDDEN),
    ),
    (("/sys/fs/cgroup", "cgroup", [*_HIDDEN, "ro"]),),
)
"""As `spec` has them when nobody asks for anything else: target, type, options."""


class Passage(NamedTuple):
    """A row of operations as a batch of calls."""

    operations: tuple[Operation, ...]
    batch: Batch
    root: Answer
    """Stands in it for the descriptor of the container's root."""
    unchecked: tuple[Unchecked, ...]


class _Scribe(Scribe):
    """Writes, and has nobody who makes the calls."""

    def push(self) -> None:
        """Later."""

    def play(self, passage: Batch) -> None:
        raise NotImplementedError

    def run(self) -> None:
        raise NotImplementedError


def write(operations: list[Operation]) -> Passage:
    """Write operations down that need no answer in between."""
    scribe = _Scribe(Arena(shared=False, size=_ROOM))
    root = scribe.arena.variable()
    birth = rootfs.Birth(scribe, -1, [])
    birth.root = root
    for operation in operations:
        scribe.step = operation.describe()
        operation.execute(birth)
    return Passage(tuple(operations), scribe.arena.close_batch(), root, tuple(birth.unchecked))


def _usual() -> Iterator[Passage]:
    hierarchies = cgroupview.hierarchies()
    for group in _USUAL:
        mounts: list[dict[str, Any]] = [
            {"destination": target, "type": kind, "options": options}
            for target, kind, options in group
        ]
        yield write(plan.mounts({"mounts": mounts}, hierarchies))


USUAL = tuple(_usual())
