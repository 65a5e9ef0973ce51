"""Which limits can be set on this machine, and why not the others: asked before anybody tries.

Knows which file each limit lives in, on v1 and on v2. Invariant: what is not named as lacking is
taken by the kernel, unless the value itself is bad.
"""

from __future__ import annotations

import os

from tuidock.engine.cgroups.files import read
from tuidock.engine.cgroups.limits import THROTTLES, parse_cpuset
from tuidock.engine.types import Bounds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from tuidock.engine.cgroups.cgroup import Cgroup

_NO_HIGH = "only cgroup v2 has memory.high, and the memory controller here is v1's"
_NO_SWAP = "this kernel does not limit swap: boot it with swapaccount=1"
_NO_WEIGHT = "this kernel has no I/O weight (no BFQ)"
_NO_RATES = "this kernel does not throttle block devices"
_NO_QUOTA = "this kernel has no CPU quota (no CFS bandwidth)"

_Files = dict[int, tuple[str, ...]]
"""By version of the hierarchy; one of them is enough."""

FILES: dict[str, tuple[str, _Files, str]] = {
    "cpus": ("cpu", {1: ("cpu.cfs_quota_us",), 2: ("cpu.max",)}, _NO_QUOTA),
    "cpu_shares": ("cpu", {1: ("cpu.shares",), 2: ("cpu.weight",)}, ""),
    "cpuset_cpus": ("cpuset", {1: ("cpuset.cpus",), 2: ("cpuset.cpus",)}, ""),
    "memory": ("memory", {1: ("memory.limit_in_bytes",), 2: ("memory.max",)}, ""),
    "memory_high": ("memory", {1: (), 2: ("memory.high",)}, _NO_HIGH),
    "memory_reservation": (
        "memory",
        {1: ("memory.soft_limit_in_bytes",), 2: ("memory.low",)},
        "this kernel has no soft limit of memory (it is real-time)",
    ),
    "memory_swap": (
        "memory",
        {1: ("memory.memsw.limit_in_bytes",), 2: ("memory.swap.max",)},
        _NO_SWAP,
    ),
    "pids": ("pids", {1: ("pids.max",), 2: ("pids.max",)}, ""),
    "blkio_weight": (
        "io",
        {1: ("blkio.weight", "blkio.bfq.weight"), 2: ("io.bfq.weight", "io.weight")},
        _NO_WEIGHT,
    ),
    **{
        field: ("io", {1: ("blkio.throttle.read_bps_device",), 2: ("io.max",)}, _NO_RATES)
        for field in THROTTLES
    },
}
"""Field of `Limits` -> controller, files, and why a kernel has none of them."""

SURE = {
    "cpu": ("cpu.shares", "cpu.weight"),
    "cpuset": ("cpuset.cpus",),
    "memory": ("memory.limit_in_bytes", "memory.max"),
    "pids": ("pids.max",),
    "io": ("blkio.reset_stats", "io.stat"),
}
"""Files that a directory has on every kernel, if it has the controller."""

_NO_DISKS = ("loop", "ram", "zram", "sr", "fd", "nbd")


def bounds(cgroup: Cgroup) -> Bounds:
    """What can be set for a container, running or not. Raises OSError without /proc or /sys."""
    found = disks()
    memory = _meminfo()
    return Bounds(
        tuple(sorted(parse_cpuset(read("/sys/devices/system/cpu/online")))),
        memory["MemTotal"],
        memory["SwapTotal"],
        tuple(f"/dev/{name}" for name in found),
        tuple((field, why) for field in FILES if (why := lacking(cgroup, field))),
        tuple(_remarks(cgroup, found, swap=bool(memory["SwapTotal"]))),
    )


def lacking(cgroup: Cgroup, field: str) -> str:
    """Why a limit cannot be set; empty when it can."""
    controller, files, reason = FILES[field]
    directory, version = cgroup.path(controller), cgroup.version(controller)
    if directory is None:
        return _missing(controller)
    if os.path.isdir(directory) and not _has(directory, SURE[controller]):
        return _missing(controller)
    for witness in _witnesses(directory):
        if _has(witness, SURE[controller]):
            return "" if _has(witness, files[version]) else reason
    return "" if files[version] else reason


def _missing(controller: str) -> str:
    if os.geteuid():
        return f"no cgroup with the {controller} controller is delegated to you: tuidock doctor"
    return f"no {controller} controller of cgroups may be used here: see tuidock doctor"


def _has(directory: str, names: tuple[str, ...]) -> bool:
    return any(os.path.exists(f"{directory}/{name}") for name in names)


def _witnesses(directory: str) -> Iterator[str]:
    """Cgroups that show what the kernel offers; the real root has not all files."""
    parent = os.path.dirname(directory)
    yield from (directory, parent)
    with os.scandir(os.path.dirname(parent)) as entries:
        yield from (entry.path for entry in entries if entry.is_dir(follow_symlinks=False))


def _remarks(cgroup: Cgroup, found: list[str], *, swap: bool) -> Iterator[tuple[str, str]]:
    """What can be set, and may not do what one thinks."""
    if not swap:
        yield "memory_swap", "the machine has no swap, so that memory's max alone counts"
    elsewhere = {name: scheduler(name) for name in found if scheduler(name) != "bfq"}
    if elsewhere:
        others = ", ".join(f"{name} has {kind}" for name, kind in elsewhere.items())
        yield "blkio_weight", f"acts on disks with the bfq scheduler only; {others}"
    if cgroup.version("io") == 1:
        for field in ("device_write_bps", "device_write_iops"):
            yield field, "v1 counts direct and synchronous writes, none through the page cache"


def disks() -> list[str]:
    """Names of whole block devices with something in them. Raises OSError without /sys."""
    names = sorted(os.listdir("/sys/block"))
    return [
        name
        for name in names
        if not name.startswith(_NO_DISKS)
        and os.path.exists(f"/dev/{name}")
        and read(f"/sys/block/{name}/size") != "0"
    ]


def scheduler(name: str) -> str:
    """The I/O scheduler of a disk, `none` without one."""
    try:
        words = read(f"/sys/block/{name}/queue/scheduler").split()
    except FileNotFoundError:
        return "none"
    return next((word.strip("[]") for word in words if word.startswith("[")), "none")


def _meminfo() -> dict[str, int]:
    """MemTotal and SwapTotal, bytes."""
    lines = (line.split() for line in read("/proc/meminfo").splitlines())
    found = {words[0].rstrip(":"): int(words[1]) * 1024 for words in lines}
    return {"MemTotal": found["MemTotal"], "SwapTotal": found.get("SwapTotal", 0)}
