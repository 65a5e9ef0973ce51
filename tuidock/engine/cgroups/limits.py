"""Limits as a person asks for them, checked, merged, and turned into OCI `linux.resources`.

The words of refusals are docker's, because people search for them.
"""

from __future__ import annotations

import os
import stat

from tuidock.engine.errors import BadSpec
from tuidock.engine.types import Limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MINIMUM_MEMORY = 6 * 1024 * 1024
PERIOD = 100_000
"""Microseconds over which a CPU quota counts; the kernel's own default."""
MINIMUM_QUOTA = 1000
SHARES = range(2, 262144 + 1)
WEIGHTS = range(10, 1000 + 1)
THROTTLES = {
    "device_read_bps": "throttleReadBpsDevice",
    "device_write_bps": "throttleWriteBpsDevice",
    "device_read_iops": "throttleReadIOPSDevice",
    "device_write_iops": "throttleWriteIOPSDevice",
}
"""OCI's names in `blockIO`."""


def resources(limits: Limits) -> dict[str, Any]:
    """OCI `linux.resources` of checked limits; what is unlimited is left out.

    Memory without a word about swap may swap as much again, as with docker. Raises BadSpec when a
    device that is to be limited is not there.
    """
    found: dict[str, Any] = {
        "memory": _memory(limits),
        "cpu": _cpu(limits),
        "pids": {"limit": limits.pids} if limits.pids else {},
        "blockIO": _block_io(limits),
        "unified": {"memory.high": str(limits.memory_high)} if limits.memory_high else {},
    }
    return {name: part for name, part in found.items() if part}


def _memory(limits: Limits) -> dict[str, int]:
    memory: dict[str, int] = {}
    if limits.memory:
        memory["limit"] = limits.memory
        memory["swap"] = limits.memory_swap or 2 * limits.memory
    if limits.memory_reservation:
        memory["reservation"] = limits.memory_reservation
    return memory


def _cpu(limits: Limits) -> dict[str, int | str]:
    cpu: dict[str, int | str] = {}
    if limits.cpu_shares:
        cpu["shares"] = limits.cpu_shares
    if limits.cpus:
        cpu["quota"] = max(round(limits.cpus * PERIOD), MINIMUM_QUOTA)
        cpu["period"] = PERIOD
    if limits.cpuset_cpus:
        cpu["cpus"] = limits.cpuset_cpus
    return cpu


def _block_io(limits: Limits) -> dict[str, Any]:
    block: dict[str, Any] = {"weight": limits.blkio_weight} if limits.blkio_weight else {}
    for field, key in THROTTLES.items():
        if rates := getattr(limits, field):
            block[key] = [_rate(path, rate) for path, rate in rates]
    return block


def _rate(path: str, rate: int) -> dict[str, int]:
    """OCI's throttle device. Raises BadSpec for what is no block device."""
    try:
        status = os.stat(path)
    except OSError as error:
        raise BadSpec(f"cannot limit {path}: {error.strerror}") from error
    if not stat.S_ISBLK(status.st_mode):
        raise BadSpec(f"cannot limit {path}: not a block device", "name a whole disk: /dev/sda")
    return {
        "major": os.major(status.st_rdev),
        "minor": os.minor(status.st_rdev),
        "rate": rate,
    }


def merge(old: Limits, new: Limits) -> Limits:
    """What an update makes of `old`: None in `new` stays as it is, 0 or "" means no limit.

    Raises BadSpec when the result contradicts itself.
    """
    merged = Limits(*(_merged(was, now) for was, now in zip(old, new, strict=True)))
    if merged.memory is None and new.memory == 0:
        merged = merged._replace(memory_swap=None)
    if new.memory and not new.memory_swap and 0 < (merged.memory_swap or 0) < new.memory:
        raise BadSpec(
            "Memory limit should be smaller than already set memoryswap limit",
            "update the memoryswap at the same time: --memory-swap",
        )
    check(merged)
    return merged


def _merged(was: Any, now: Any) -> Any:
    if isinstance(now, tuple):  # rates by device
        rates = {**dict(was or ()), **dict(now)}
        return tuple((path, rate) for path, rate in rates.items() if rate) or None
    return was if now is None else now or None


def check(limits: Limits) -> None:
    """Refuse what no kernel, or not this machine, can do. 0 counts as no limit.

    Raises BadSpec.
    """
    _check_memory(limits)
    _check_cpu(limits)
    if limits.cpuset_cpus:
        _check_cpuset(limits.cpuset_cpus)
    if (limits.pids or 0) < -1:
        raise BadSpec(f"Invalid value {limits.pids} for pids limit", "-1 or 0 means no limit")
    if limits.blkio_weight and limits.blkio_weight not in WEIGHTS:
        raise BadSpec("Range of blkio weight is from 10 to 1000")


def _check_memory(limits: Limits) -> None:
    memory, swap = limits.memory or 0, limits.memory_swap or 0
    reservation = limits.memory_reservation or 0
    if memory and memory < MINIMUM_MEMORY:
        raise BadSpec("Minimum memory limit allowed is 6MB", "a container cannot start with less")
    if swap > 0 and not memory:
        raise BadSpec("You should always set the Memory limit when using Memoryswap limit")
    if 0 < swap < memory:
        raise BadSpec("Minimum memoryswap limit should be larger than memory limit")
    if swap < -1 or reservation < 0:
        raise BadSpec("memory limits are bytes; -1 stands for unlimited swap only")
    if 0 < (limits.memory_high or 0) < MINIMUM_MEMORY:
        raise BadSpec("Minimum memory high limit allowed is 6MB")
    if 0 < reservation < MINIMUM_MEMORY:
        raise BadSpec("Minimum memory reservation allowed is 6MB")
    if memory and memory < reservation:
        raise BadSpec("Minimum memory limit can not be less than memory reservation limit")


def _check_cpu(limits: Limits) -> None:
    available = os.cpu_count() or 1
    if limits.cpus and not 0.01 <= limits.cpus <= available:
        raise BadSpec(
            f"Range of CPUs is from 0.01 to {available}.00, "
            f"as there are only {available} CPUs available"
        )
    if limits.cpu_shares and limits.cpu_shares not in SHARES:
        raise BadSpec("cpu shares must be between 2 and 262144", "1024 is the default")


def _check_cpuset(text: str) -> None:
    asked = parse_cpuset(text)
    with open("/sys/devices/system/cpu/online") as file:
        online = file.read().strip()
    if not asked <= parse_cpuset(online):
        raise BadSpec(f"Requested CPUs are not available - requested {text}, available: {online}")


def parse_cpuset(text: str) -> frozenset[int]:
    """CPUs of a list such as `0-2,7`, cpuset(7)'s list format. Raises BadSpec."""
    cpus: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        ends = (first, last) if dash else (first, first)
        if not all(end.isascii() and end.isdigit() and len(end) < 6 for end in ends):
            raise BadSpec(f"Invalid value {text} for cpuset cpus", "write it as 0-2,7")
        if int(ends[0]) > int(ends[1]):
            raise BadSpec(f"Invalid value {text} for cpuset cpus", "a range goes upwards")
        cpus.update(range(int(ends[0]), int(ends[1]) + 1))
    return frozenset(cpus)
