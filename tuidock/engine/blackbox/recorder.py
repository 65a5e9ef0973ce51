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

_USEC, _USEC_DROP, _NSEC_DROP = 125, 13, 16
"""Both make 65.536 microseconds of what the kernel tells."""
_STALLS = {ring.STALLED_CPU: "cpu", ring.STALLED_MEMORY: "memory", ring.STALLED_IO: "io"}
_BLOCK = {
    1: ("blkio.throttle.io_service_bytes_recursive", 18, ((ring.READ, 2), (ring.WRITTEN, 5))),
    2: ("io.stat", 8, ((ring.READ, 2), (ring.WRITTEN, 3))),
}
"""File, its numbers for each device, and those that come before ours in the first device's."""
_FALLBACKS = frozenset(b"tunl0 gre0 gretap0 erspan0 ip_vti0 ip6_vti0 sit0 ip6tnl0 ip6gre0".split())
"""Interfaces that the kernel puts into every network, and that nobody uses."""


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
            always = [*self._cpu(cgroup), *self._memory(cgroup), *self._pids(cgroup)]
            if always:
                always += self._network(pid)
                slow = [*self._held_back(cgroup), *self._block(cgroup)]
                lists = [(mark, [*always, *more]) for mark, more in slow if more]
                self._write(lists or [(ring.NOTHING, always)], new_run=new_run)

    def _write(self, lists: list[tuple[int, list[Gauge]]], *, new_run: bool) -> None:
        opened = ring.open_ring(self._path, new_run=new_run)
        self._open.append(opened.descriptor)
        block = Block(opened, lists)
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
            found = self._file(f"{cgroup.path('cpuacct')}/cpuacct.usage")
            return _count(found, 0, ring.CPU, _NSEC_DROP)
        found = self._file(f"{cgroup.path('cgroup')}/cpu.stat")
        return _count(found, _before(found, b"usage_usec"), ring.CPU, _USEC_DROP, _USEC)

    def _memory(self, cgroup: Cgroup) -> list[Gauge]:
        """The working set, as `Sample.memory` counts it."""
        is_v1 = cgroup.version("memory") == 1
        used = "memory.usage_in_bytes" if is_v1 else "memory.current"
        cache = b"\ntotal_inactive_file" if is_v1 else b"\ninactive_file"
        folder, place = cgroup.path("memory"), ring.MEMORY
        whole, parts = self._file(f"{folder}/{used}"), self._file(f"{folder}/memory.stat")
        skip = _before(parts, cache)
        found = [Gauge(whole, 0, place, 1, ring.PAGE_SHIFT)] if whole >= 0 else []
        return found + ([Gauge(parts, skip, place, -1, ring.PAGE_SHIFT)] if skip >= 0 else [])

    def _pids(self, cgroup: Cgroup) -> list[Gauge]:
        found = self._file(f"{cgroup.path('pids')}/pids.current")
        return [Gauge(found, 0, ring.PIDS - 2, 1 << 16)] if found >= 0 else []

    def _network(self, pid: int) -> list[Gauge]:
        """Of the container's own network, all interfaces but lo; the host's is not its traffic."""
        if os.readlink(f"/proc/{pid}/ns/net") == os.readlink("/proc/self/ns/net"):
            return []
        found, chosen = self._file(f"/proc/{pid}/net/dev"), []
        for key in _interfaces(found):
            skip = _before(found, key)
            chosen += _count(found, skip, ring.RECEIVED, ring.TRAFFIC_SHIFT, shared=True)
            chosen += _count(found, skip + 8, ring.SENT, ring.TRAFFIC_SHIFT, shared=True)
        return chosen

    def _held_back(self, cgroup: Cgroup) -> list[tuple[int, list[Gauge]]]:
        """The time that its quota, and the lack of CPU, memory and disks, cost it."""
        found = self._file(f"{cgroup.path('cpu')}/cpu.stat")
        if cgroup.version("cpu") == 1:
            by_quota = _count(found, _before(found, b"throttled_time"), ring.SLOW, _NSEC_DROP)
        else:
            skip = _before(found, b"throttled_usec")
            by_quota = _count(found, skip, ring.SLOW, _USEC_DROP, _USEC)
        stalls = []
        for mark, name in _STALLS.items():
            found = self._file(f"{cgroup.path('cgroup')}/{name}.pressure")
            skip = _before(found, b"total=")
            stalls.append((mark, _count(found, skip, ring.SLOW, _USEC_DROP, _USEC)))
        return [(ring.THROTTLED, by_quota), *stalls]

    def _block(self, cgroup: Cgroup) -> list[tuple[int, list[Gauge]]]:
        """A device has its numbers once it was used: there is always room for some."""
        name, step, ways = _BLOCK[1 if cgroup.version("io") == 1 else 2]
        found, all_of_it = self._file(f"{cgroup.path('io')}/{name}"), step * ring.SHARERS
        return [(mark, _devices(found, range(skip, all_of_it, step))) for mark, skip in ways]

    def _file(self, path: str) -> int:
        """Opened, until we close; -1 where this kernel does not have it."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return -1
        self._open.append(descriptor)
        return descriptor


def _before(descriptor: int, key: bytes) -> int:
    """How many numbers come before the one behind `key`; -1 without it, or without the file."""
    return -1 if descriptor < 0 else gauges.before(os.pread(descriptor, 4096, 0), key)


def _count(
    descriptor: int, skip: int, offset: int, drop: int, times: int = 1, *, shared: bool = False
) -> list[Gauge]:
    """Of a number `times` something the bits above the lowest, as many as a counter has.

    None for a file, or a key, that there is not.
    """
    bits = ring.SHARED_BITS if shared else ring.COUNT_BITS
    if descriptor < 0 or skip < 0:
        return []
    return [Gauge(descriptor, skip, offset, times << 64 - drop - bits, 64 - bits)]


def _devices(descriptor: int, skips: range) -> list[Gauge]:
    shared = (_count(descriptor, skip, ring.SLOW, ring.BLOCK_SHIFT, shared=True) for skip in skips)
    return [gauge for each in shared for gauge in each]


def _interfaces(descriptor: int) -> list[bytes]:
    """What comes before the numbers of each interface but lo, those first that may be used."""
    text = b"" if descriptor < 0 else os.pread(descriptor, 4096, 0)
    names = [line.partition(b":")[0] for line in text.split(b"\n")[2:] if b":" in line]
    used = [name for name in names if name.strip() not in _FALLBACKS | {b"lo"}]
    return [b"\n" + name + b":" for name in used[: ring.SHARERS]]
