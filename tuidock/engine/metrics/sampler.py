"""Measure running containers: counters from their cgroups, and the rates between two samples.

What no cgroup counts, /proc of the container's processes must tell.

Files are opened once and read again with pread(2); a container that is gone, or was started
again, loses its files at the next sample.
"""

from __future__ import annotations

import errno
import os
import select
import time
from collections.abc import Iterator, Sequence

from tuidock.engine.cgroups.cgroup import Cgroup, reach_cgroup
from tuidock.engine.layout import Layout
from tuidock.engine.metrics import counters
from tuidock.engine.metrics.counters import Read
from tuidock.engine.metrics.kin import Kin, Usage, usage
from tuidock.engine.types import Sample

SPAN = 0.2
"""Seconds; over less, a rate is mostly noise, and the one before is given again."""
QUIET = 20.0
"""Seconds for which all counters of a container are taken for unchanged when its `_SIGNS` are.

What moves without any process of the container is then that late: packets nobody waits for, the
host's pressure; while nothing runs in any of them, memory that the host reclaims, and a limit
set past tuidock.
"""
_SIGNS = {
    ("cpuacct", 1): ("cpuacct.usage",),
    ("cpu", 1): ("cpu.cfs_quota_us",),
    ("cpu", 2): ("cpu.max",),
    ("memory", 1): ("memory.usage_in_bytes", "memory.limit_in_bytes"),
    ("memory", 2): ("memory.current", "memory.max"),
    ("pids", 1): ("pids.max",),
    ("pids", 2): ("pids.max",),
}
"""By controller and version: what differs when a process of a container ran, or a limit was set."""
_SIZE, _SIGN_SIZE = 1 << 14, 64
_GONE = (errno.ENOENT, errno.ENODEV, errno.ESRCH)


class Sampler:
    """Serves every screen and stream of a process; not for two threads at once."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._meters: dict[tuple[str, int], _Meter] = {}
        self._ends = select.poll()
        self._rest: object = None
        """What would differ if anything had run in any of them, or an event had happened."""

    def running(self) -> dict[str, int]:
        """Id and main process of what was sampled last and has not ended since: one system call."""
        ended = {fd for fd, _ in self._ends.poll(0)}
        self._forget({key for key, meter in self._meters.items() if meter.pidfd in ended})
        return dict(self._meters.keys())

    def sample(self, containers: Sequence[tuple[str, int]]) -> list[Sample]:
        """One sample for each (id, pid of its main process) that still runs.

        CPU and throttling are rates since the last sample of the same run, 0.0 in its first.
        Raises OSError.
        """
        self._forget(set(self._meters) - set(containers))
        if self._all_rest(containers):
            at = time.clock_gettime(time.CLOCK_BOOTTIME)
            return [self._meters[key].again(at) for key in containers]
        return list(self._samples(containers))

    def _all_rest(self, containers: Sequence[tuple[str, int]]) -> bool:
        """Whether nothing ran since the last look: the cgroup above counts for all beneath it, and
        limits are changed with an event.
        """
        before, meters = self._rest, self._meters
        one_each = {meter.total: meter for meter in meters.values()}
        self._rest = _extent(self._layout.events), [it.together() for it in one_each.values()]
        full = time.clock_gettime(time.CLOCK_BOOTTIME) - QUIET
        return self._rest == before and all(
            key in meters and meters[key].rests(full) for key in containers
        )

    def _samples(self, containers: Sequence[tuple[str, int]]) -> Iterator[Sample]:
        for key in containers:
            try:
                if key not in self._meters:
                    self._begin(key)
                yield self._meters[key].sample()
            except OSError as error:
                self._forget({key})
                if error.errno not in _GONE:
                    raise

    def _begin(self, key: tuple[str, int]) -> None:
        meter = self._meters[key] = _Meter(reach_cgroup(self._layout.tag, key[0]), *key)
        self._ends.register(meter.pidfd, select.POLLIN)

    def _forget(self, keys: set[tuple[str, int]]) -> None:
        for key in keys:
            if meter := self._meters.pop(key, None):
                self._ends.unregister(meter.pidfd)
                meter.close()

    def close(self) -> None:
        """Let go of all files; the sampler can go on afterwards, its rates begin anew."""
        self._forget(set(self._meters))


class _Meter:
    """One run of one container."""

    def __init__(self, cgroup: Cgroup, container_id: str, pid: int) -> None:
        self._id, self._pid = container_id, pid
        self._fds: dict[str, int] = {}
        self._has_network = _network_of(pid) != _network_of(os.getpid())
        self._unified = self._reader(cgroup.path("cgroup"))
        self._readers = {
            name: self._reader(cgroup.path(name))
            for name in ("cpu", "cpuacct", "memory", "pids", "io")
        }
        self._versions = {name: cgroup.version(name) for name in self._readers}
        self._counts_cpu = bool(cgroup.path("cgroup") or cgroup.path("cpuacct"))
        self.total = _total(cgroup)
        self.together()
        self._kin = None if self._counted_by_cgroups() else Kin(pid)
        self._at = self._cpu = self._throttled = 0.0
        self._used = self._held = 0.0
        self._pressed = ""
        self._signs = self._kin is None and tuple(self._name_signs(cgroup))
        self._seen: list[bytes] = []
        self._kept: Sample | None = None
        """The last sample, when nothing ran."""
        self._full = 0.0
        self.pidfd = os.pidfd_open(pid)
        """Readable once the main process has ended. The last thing that can fail here."""

    def _name_signs(self, cgroup: Cgroup) -> Iterator[str]:
        for (name, version), files in _SIGNS.items():
            if cgroup.version(name) == version:
                paths = (f"{cgroup.path(name)}/{file}" for file in files)
                yield from (path for path in paths if self._open(path) >= 0)
        if cgroup.version("cpuacct") != 1:
            yield f"{cgroup.path('cgroup')}/cpu.stat"

    def _counted_by_cgroups(self) -> bool:
        return self._counts_cpu and all(self._versions[name] for name in ("memory", "pids"))

    def _reader(self, directory: str | None) -> Read:
        return lambda name: self._read(f"{directory}/{name}") if directory else b""

    def _open(self, path: str) -> int:
        fd = self._fds.get(path)
        if fd is None:
            fd = self._fds[path] = _open(path)
        return fd

    def _read(self, path: str) -> bytes:
        """b"" for what this kernel does not have. Raises OSError when the cgroup is gone."""
        fd = self._open(path)
        try:
            return os.pread(fd, _SIZE, 0) if fd >= 0 else b""
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                raise
            return b""  # PSI, compiled in and switched off

    def close(self) -> None:
        for fd in (self.pidfd, *self._fds.values()):
            if fd >= 0:
                os.close(fd)
        self._fds.clear()

    # --- one sample -------------------------------------------------------------------------

    def sample(self) -> Sample:
        """Raises OSError with ENOENT, ENODEV or ESRCH when the run is over."""
        at = time.clock_gettime(time.CLOCK_BOOTTIME)
        seen = [os.pread(self._open(path), _SIGN_SIZE, 0) for path in self._signs or ()]
        if self._kept is not None and seen == self._seen and at - self._full < QUIET:
            return self.again(at)
        sample = self._sample()
        settled = self._signs and not sample.cpu and not sample.throttled
        self._kept, self._seen, self._full = sample if settled else None, seen, at
        return sample

    def together(self) -> bytes:
        """What `total` says; nothing where nobody counts, or where all that is gone."""
        try:
            return self._read(self.total) if self.total else b""
        except OSError as error:
            if error.errno not in _GONE:
                raise
            return b""

    def rests(self, full: float) -> bool:
        """Whether nothing ran when it was last measured, and all was read after `full`."""
        return self._kept is not None and self._full > full

    def again(self, at: float) -> Sample:
        """The last sample once more, for one that rests."""
        assert self._kept is not None
        self._at = at
        return self._kept._replace(at=at)

    def _sample(self) -> Sample:
        """Every counter read."""
        found = usage(self._kin.pids()) if self._kin else None
        cpu = self._read_cpu(found)
        at = time.clock_gettime(time.CLOCK_BOOTTIME)
        self._derive(at, cpu)
        memory = self._read_memory(found)
        pids = self._read_pids(found)
        io = self._read_io()
        received, sent = self._read_network()
        pressure = self._read_pressure()
        return Sample(
            id=self._id,
            at=at,
            cpu=self._cpu,
            cpu_seconds=cpu.seconds,
            cpu_limit=cpu.limit,
            throttled=self._throttled,
            memory=memory.used,
            memory_cache=memory.cache,
            memory_limit=memory.limit,
            memory_peak=memory.peak,
            oom_kills=memory.oom_kills,
            pids=pids.current,
            pids_limit=pids.limit,
            network_rx=received,
            network_tx=sent,
            block_read=io.read,
            block_write=io.written,
            pressure_cpu=counters.pressure(pressure("cpu")),
            pressure_memory=counters.pressure(pressure("memory")),
            pressure_io=counters.pressure(pressure("io")),
            pressure_of=self._pressed,
            periods=cpu.periods,
            throttled_periods=cpu.throttled_periods,
            throttled_seconds=cpu.throttled,
            memory_anon=memory.anon,
            memory_shared=memory.shared,
            memory_swap=memory.swap,
            memory_failures=memory.failures,
            memory_high_events=memory.high_events,
            pids_failures=pids.failures,
            block_reads=io.reads,
            block_writes=io.writes,
        )

    def _derive(self, at: float, cpu: counters.Cpu) -> None:
        """The one place where rates are made."""
        elapsed = at - self._at
        if self._at and elapsed < SPAN:
            return
        if self._at:
            self._cpu = max(cpu.seconds - self._used, 0.0) / elapsed
            # Every CPU on which it waits counts, so several waiting ones are still all of the time.
            self._throttled = min(max(cpu.throttled - self._held, 0.0) / elapsed, 1.0)
        self._at, self._used, self._held = at, cpu.seconds, cpu.throttled

    def _read_cpu(self, found: Usage | None) -> counters.Cpu:
        if found and not self._counts_cpu:
            return counters.Cpu(found.cpu_seconds)
        if self._versions["cpu"] == 1 or self._versions["cpuacct"] == 1:
            return counters.cpu_v1(self._readers["cpu"], self._readers["cpuacct"])
        # v2 counts CPU time without its controller too.
        return counters.cpu_v2(self._unified)

    def _read_memory(self, found: Usage | None) -> counters.Memory:
        if found and not self._versions["memory"]:
            return counters.Memory(found.memory)
        v1 = self._versions["memory"] == 1
        return (counters.memory_v1 if v1 else counters.memory_v2)(self._readers["memory"])

    def _read_pids(self, found: Usage | None) -> counters.Pids:
        if found and not self._versions["pids"]:
            return counters.Pids(found.processes)
        return counters.pids(self._readers["pids"])

    def _read_io(self) -> counters.Io:
        v1 = self._versions["io"] == 1
        return (counters.io_v1 if v1 else counters.io_v2)(self._readers["io"])

    def _read_pressure(self) -> Read:
        """The container's own where its cgroup has a v2 directory, else the host's."""
        if not self._pressed and self._unified("cpu.pressure"):
            self._pressed = "container"
        if self._pressed == "container":
            return lambda name: self._unified(f"{name}.pressure")
        if not os.path.exists("/proc/pressure"):
            return lambda name: b""
        self._pressed = "host" if self._read("/proc/pressure/cpu") else ""
        return lambda name: self._read(f"/proc/pressure/{name}")

    def _read_network(self) -> tuple[int, int]:
        """The container's own network; the host's is not the container's traffic.

        Opened each time: an open file of /proc/PID/net keeps a dead network namespace alive.
        """
        if not self._has_network:
            return 0, 0
        fd = os.open(f"/proc/{self._pid}/net/dev", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return counters.network(os.read(fd, 1 << 16))
        finally:
            os.close(fd)


def _open(path: str) -> int:
    """-1 for a file that its directory does not have. Raises OSError without the directory."""
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        os.stat(os.path.dirname(path))
        return -1


def _network_of(pid: int) -> str:
    return os.readlink(f"/proc/{pid}/ns/net")


def _total(cgroup: Cgroup) -> str:
    """The file that counts CPU time of all containers of this store together; empty for none."""
    if cgroup.version("cpuacct") == 1:
        return f"{os.path.dirname(str(cgroup.path('cpuacct')))}/cpuacct.usage"
    unified = cgroup.path("cgroup")
    return f"{os.path.dirname(unified)}/cpu.stat" if unified else ""


def _extent(path: str) -> tuple[int, int]:
    """Inode and bytes of a file that only grows."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return 0, 0
    return found.st_ino, found.st_size
