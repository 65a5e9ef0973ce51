"""What is wrong with a value before the kernel is asked: refusals, and warnings of what it does.

Pure functions. Invariant: a refusal is of something that the engine or the kernel would refuse, or
that cannot limit anything; a warning is of something that can be done and hurts.
"""

from __future__ import annotations

from collections.abc import Callable

from tuidock import format as fmt
from tuidock.engine.types import Bounds, Limits, Sample
from tuidock.widgets.amounts import LEAST_MEMORY, size_text
from tuidock.widgets.cores import list_text, parse_list
from tuidock.widgets.limits_kinds import (
    SHARES_LEAST,
    SHARES_MOST,
    WEIGHT_LEAST,
    WEIGHT_MOST,
    Kind,
    Value,
)

LIFT = "0 lifts the limit"


def refusal(kind: Kind, value: Value, limits: Limits, bounds: Bounds | None) -> str:
    """Why a value cannot be, in one line; empty when it can. `limits` is all that is wanted."""
    if bounds and (lacking := dict(bounds.lacking).get(kind.field)):
        return lacking
    if not value or value == kind.lift:
        return ""
    if isinstance(value, str):
        return _cores(value, bounds)
    check = _CHECKS.get(kind.field)
    return check(value, limits, bounds) if check else ""


def _cores(value: str, bounds: Bounds | None) -> str:
    beyond = parse_list(value) - set(bounds.cpus) if bounds else frozenset()
    if not bounds or not beyond:
        return ""
    word = "CPU" if len(beyond) == 1 else "CPUs"
    return f"this machine has no {word} {list_text(beyond)}: it has {list_text(bounds.cpus)}"


def _cpus(value: float, _: Limits, bounds: Bounds | None) -> str:
    if value < 0.01:
        return "the least quota is 0.01 of a core"
    if bounds and value > len(bounds.cpus):
        return f"this machine has {fmt.count(len(bounds.cpus), 'core')}: {LIFT}"
    return ""


def _memory(value: float, limits: Limits, bounds: Bounds | None) -> str:
    reserved = limits.memory_reservation or 0
    if value < LEAST_MEMORY:
        return "the least memory limit is 6m: a container cannot start with less"
    if value < reserved:
        return f"below its soft limit of {size_text(reserved)}: lower that too"
    return _over(value, bounds)


def _over(value: float, bounds: Bounds | None) -> str:
    if bounds and value > bounds.memory:
        return f"this machine has {fmt.size(bounds.memory)}: {LIFT}"
    return ""


def _high(value: float, limits: Limits, bounds: Bounds | None) -> str:
    if value < LEAST_MEMORY:
        return "the least is 6m"
    if limits.memory and value >= limits.memory:
        return f"it acts only below the max of {size_text(limits.memory)}"
    return _over(value, bounds)


def _soft(value: float, limits: Limits, bounds: Bounds | None) -> str:
    if value < LEAST_MEMORY:
        return "the least is 6m"
    if limits.memory and value > limits.memory:
        return f"it cannot be above the max of {size_text(limits.memory)}"
    return _over(value, bounds)


def _swap(value: float, limits: Limits, _: Bounds | None) -> str:
    if not limits.memory:
        return "set a memory max first: this counts memory and swap together"
    if value < limits.memory:
        return f"it counts memory and swap together: at least the max, {size_text(limits.memory)}"
    return ""


def _shares(value: float, _: Limits, __: Bounds | None) -> str:
    within = SHARES_LEAST <= value <= SHARES_MOST
    return "" if within else f"a CPU weight is {SHARES_LEAST} to {SHARES_MOST}; 1024 is usual"


def _weight(value: float, _: Limits, __: Bounds | None) -> str:
    within = WEIGHT_LEAST <= value <= WEIGHT_MOST
    return "" if within else f"an I/O weight is {WEIGHT_LEAST} to {WEIGHT_MOST}"


_CHECKS: dict[str, Callable[[float, Limits, Bounds | None], str]] = {
    "cpus": _cpus,
    "cpu_shares": _shares,
    "memory": _memory,
    "memory_high": _high,
    "memory_reservation": _soft,
    "memory_swap": _swap,
    "blkio_weight": _weight,
}


def warning(kind: Kind, value: Value, sample: Sample | None, bounds: Bounds | None) -> str:
    """What a value would do that nobody may want; empty when nothing."""
    if sample is None or isinstance(value, str) or value <= 0:
        return ""
    if kind.field == "memory" and value < sample.memory:
        return _shrink(value, sample, swap=bool(bounds and bounds.swap))
    if kind.field == "pids" and value < sample.pids:
        return f"{sample.pids} processes are there: none ends, and none can be made"
    return ""


def _shrink(value: float, sample: Sample, *, swap: bool) -> str:
    """A max below what is in use."""
    stays = sample.memory_anon + sample.memory_shared
    used, own = fmt.size(sample.memory), fmt.size(stays)
    if value >= stays:
        return f"{used} are in use: the kernel takes page cache back, and kills what does not fit"
    if swap:
        return f"{used} are in use, {own} of that its own: it is swapped out, or killed (OOM)"
    return f"{used} are in use, {own} of that its own: the kernel would kill it (OOM)"
