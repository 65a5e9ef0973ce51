"""The files of a container's cgroup with their values, hierarchy by hierarchy.

Read are those that have a meaning for a person; lists of all processes and per-device histograms
are left to those who look for them. Invariant: nothing is read whose reading changes something.
"""

from __future__ import annotations

import os

from tuidock.engine.anatomy import CgroupFile
from tuidock.engine.cgroups.files import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NONE = "This user has no cgroup to give: `tuidock doctor` says how to get one delegated."
_V1 = (
    "cpu.shares", "cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.stat", "cpuacct.usage",
    "cpuset.cpus", "cpuset.mems", "memory.usage_in_bytes", "memory.max_usage_in_bytes",
    "memory.limit_in_bytes", "memory.soft_limit_in_bytes", "memory.memsw.limit_in_bytes",
    "memory.memsw.usage_in_bytes", "memory.failcnt", "memory.oom_control", "memory.swappiness",
    "pids.current", "pids.max", "freezer.state", "devices.list", "blkio.weight",
    "blkio.bfq.weight", "blkio.throttle.read_bps_device", "blkio.throttle.write_bps_device",
    "blkio.throttle.read_iops_device", "blkio.throttle.write_iops_device",
    "blkio.throttle.io_service_bytes",
)  # fmt: skip
_V2 = (
    "cgroup.controllers", "cgroup.events", "cgroup.freeze", "cgroup.procs", "cpu.max",
    "cpu.weight", "cpu.stat", "cpu.pressure", "cpuset.cpus.effective", "cpuset.mems.effective",
    "memory.current", "memory.peak", "memory.max", "memory.high", "memory.low",
    "memory.swap.current", "memory.swap.max", "memory.events", "memory.pressure",
    "pids.current", "pids.max", "io.max", "io.stat", "io.weight", "io.bfq.weight", "io.pressure",
)  # fmt: skip
NAMES = frozenset((*_V1, *_V2))
"""Every file that is ever read."""
_LONG = 400
"""Characters of a value that are kept."""


def files(directories: Iterable[tuple[str, int]]) -> tuple[CgroupFile, ...]:
    """Of each directory (path, version of cgroups) what is there. Raises OSError."""
    return tuple(found for place in directories for found in _files(*place))


def _files(directory: str, version: int) -> Iterator[CgroupFile]:
    for name in _V2 if version == 2 else _V1:
        path = f"{directory}/{name}"
        if os.path.exists(path):
            try:
                value = _flat(read(path))
            except OSError as error:
                # Some files are there and cannot be read, such as the pressure of a kernel that
                # was booted without it.
                value = f"({error.strerror})"
            yield CgroupFile(_home(directory), version, name, value)


def _home(directory: str) -> str:
    return directory.rpartition("/tuidock-")[0]


def _flat(value: str) -> str:
    """Lines with a comma between."""
    lines = [line.strip() for line in value.splitlines() if line.strip()]
    return ", ".join(lines)[:_LONG]
