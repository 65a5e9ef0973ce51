"""Who fills a black box: a container's monitor, from files that the kernel counts in.

The files are opened once, some time after the start; from then on machine code does the rest
(`linux.gauges`), asleep or awake. Invariant: what cannot be opened is not recorded, and no
container fails for it.
"""

from __future__ import annotations

import os
from contextlib import suppress

from tuidock.engine.blackbox import ring
from tuidock.engine.linux import gauges
from tuidock.engine.linux.beat import Beat
from tuidock.engine.linux.gauges import Block, Gauge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tuidock.engine.cgroups.cgroup import Cgroup

BEGIN = 1.0
"""Seconds after its start at which a container is looked at for the first time."""
_USEC, _USEC_SHIFT, _NSEC_SHIFT = 125, 7, 10
"""Both make 1.024 microseconds of what the kernel tells."""


class Recorder:
    """The black box of one run of a container."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._open: list[int] = []
        self.beat: Beat | None = None
        """For whoever waits; None when there is nothing to record."""

    def begin(self, find: Callable[[], Cgroup], pid: int, *, new_run: bool) -> None:
        """Record from now on; `pid` is of the container's first process."""
        with suppress(OSError):  # it has just ended, or the disk is full
            cgroup = find()
            chosen = [*self._cpu(cgroup), *self._memory(cgroup), *self._pids(cgroup)]
            if chosen:
                chosen += self._network(pid)
                opened = ring.open_ring(self._path, new_run=new_run)
                self._open.append(opened.descriptor)
                block = Block(opened, chosen)
                block.note()
                self.beat = Beat(ring.INTERVAL, block.note, gauges.ADDRESS, block.address)

    def close(self) -> None:
        """An open file of a network would keep that alive."""
        self.beat = None
        while self._open:
            os.close(self._open.pop())

    # --- what is counted --------------------------------------------------------------------

    def _cpu(self, cgroup: Cgroup) -> list[Gauge]:
        if 1 in (cgroup.version("cpu"), cgroup.version("cpuacct")):
            path = f"{cgroup.path('cpuacct')}/cpuacct.usage"
            return self._gauge(path, b"", ring.CPU, shift=_NSEC_SHIFT)
        path = f"{cgroup.path('cgroup')}/cpu.stat"
        return self._gauge(path, b"usage_usec", ring.CPU, _USEC, _USEC_SHIFT)

    def _memory(self, cgroup: Cgroup) -> list[Gauge]:
        """The working set, as `Sample.memory` counts it."""
        is_v1 = cgroup.version("memory") == 1
        used = "memory.usage_in_bytes" if is_v1 else "memory.current"
        cache = b"total_inactive_file" if is_v1 else b"inactive_file"
        folder, shift = cgroup.path("memory"), ring.MEMORY_SHIFT
        return [
            *self._gauge(f"{folder}/{used}", b"", ring.MEMORY, shift=shift),
            *self._gauge(f"{folder}/memory.stat", b"\n" + cache, ring.MEMORY, -1, shift),
        ]

    def _pids(self, cgroup: Cgroup) -> list[Gauge]:
        return self._gauge(f"{cgroup.path('pids')}/pids.current", b"", ring.PIDS, 1 << 16)

    def _network(self, pid: int) -> list[Gauge]:
        """Of the container's own network; the host's is not its traffic."""
        if os.readlink(f"/proc/{pid}/ns/net") == os.readlink("/proc/self/ns/net"):
            return []
        path, shift = f"/proc/{pid}/net/dev", ring.NETWORK_SHIFT
        found = self._gauge(path, b" eth0:", ring.RECEIVED, shift=shift)
        return [
            *found,
            *(each._replace(skip=each.skip + 8, offset=ring.SENT) for each in found),
        ]

    def _gauge(
        self, path: str, key: bytes, offset: int, multiplier: int = 1, shift: int = 0
    ) -> list[Gauge]:
        """The first number behind `key` in a file; none where this kernel does not tell it."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return []
        self._open.append(descriptor)
        skip = gauges.before(os.pread(descriptor, 4096, 0), key)
        return [Gauge(descriptor, skip, offset, multiplier, shift)] if skip >= 0 else []
