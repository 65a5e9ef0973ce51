"""A container's processes and what they use, where no cgroup counts them.

That is so for an ordinary user without a delegated cgroup. Processes of a container still have
its mount namespace, which no two containers share. Invariant: what cannot be known without a
cgroup is 0, not a guess.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from tuidock.engine.linux.proc import stat
from tuidock.engine.named import NamedTuple

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Kin:
    """The processes in the mount namespace of a container's first one, and those they made."""

    def __init__(self, init: int) -> None:
        self._init = init

    def pids(self) -> list[int]:
        """In no order. Raises OSError with ENOENT or ESRCH when the first one is gone."""
        home = _namespace(self._init)
        parents: dict[int, int] = {}
        found: set[int] = set()
        for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))):
            try:
                parents[pid] = int(stat(pid)[1])
                if _namespace(pid) == home:
                    found.add(pid)
            except OSError:  # it ended, or it is somebody else's
                continue
        return list(_with_descendants(found, parents))


def _with_descendants(found: set[int], parents: dict[int, int]) -> set[int]:
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


class Usage(NamedTuple):
    """What some processes use together."""

    cpu_seconds: float
    """With their children that ended and were waited for."""
    memory: int
    """Bytes in memory that no file holds; what two of them share counts twice."""
    processes: int


def usage(pids: Iterable[int]) -> Usage:
    """Add up, without those that end meanwhile."""
    ticks = pages = count = 0
    for pid in pids:
        try:
            ticks += sum(map(int, stat(pid)[11:15]))
            resident, shared = map(int, _read(f"/proc/{pid}/statm").split()[1:3])
        except (FileNotFoundError, ProcessLookupError):
            continue
        pages += resident - shared
        count += 1
    return Usage(ticks / _TICK, pages * _PAGE, count)


def _namespace(pid: int) -> str:
    return os.readlink(f"/proc/{pid}/ns/mnt")


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read(4096) or b""
