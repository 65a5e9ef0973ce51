"""Limits of fake containers: what is refused, what an update makes of them, what can be set.

Invariant: refusals are those of the real engine in kind, on a machine that can do everything.
"""

from __future__ import annotations

from typing import Any

from tuidock.engine.errors import BadSpec
from tuidock.engine.types import Bounds, Limits

GIB = 1024**3
LEAST = 6 * 1024**2
CPUS = 8

BOUNDS = Bounds(tuple(range(CPUS)), 16 * GIB, 2 * GIB, ("/dev/nvme0n1",))


def check(limits: Limits) -> None:
    """Raises BadSpec."""
    memory, swap = limits.memory or 0, limits.memory_swap or 0
    if memory and memory < LEAST:
        raise BadSpec("Minimum memory limit allowed is 6MB", "a container cannot start with less")
    if 0 < swap < memory:
        raise BadSpec("Minimum memoryswap limit should be larger than memory limit")
    if limits.cpus and not 0.01 <= limits.cpus <= CPUS:
        raise BadSpec(f"Range of CPUs is from 0.01 to {CPUS}.00")
    if (limits.pids or 0) < -1:
        raise BadSpec(f"Invalid value {limits.pids} for pids limit")


def merge(old: Limits, new: Limits) -> Limits:
    """None in `new` stays as it is, 0 or "" means no limit; rates go by device. Raises BadSpec."""
    merged = Limits(*(_merged(was, now) for was, now in zip(old, new, strict=True)))
    check(merged)
    return merged


def _merged(was: Any, now: Any) -> Any:
    if isinstance(now, tuple):
        rates = {**dict(was or ()), **dict(now)}
        return tuple((path, rate) for path, rate in rates.items() if rate) or None
    return was if now is None else now or None
