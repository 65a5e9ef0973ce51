"""A limit that would fit, made of what was observed, and the words that say from what.

Pure functions. Invariant: no suggestion without an observation, and none that would be refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tuidock.engine.types import Bounds, Limits, Sample
from tuidock.widgets.limits_kinds import Kind, shown
from tuidock.widgets.limits_measures import lately, peak
from tuidock.widgets.plot import span

MORE = 1.5
"""A limit that was met hides how much is wanted: half as much more is the next to try."""
BELOW = 0.9
"""Of the max, where `memory.high` acts in time."""


class Suggestion(NamedTuple):
    """A value, and why that one."""

    value: float
    origin: str


def suggestion(
    kind: Kind,
    past: Sequence[Sample],
    limits: Limits,
    bounds: Bounds | None,
    *,
    killed: bool = False,
) -> Suggestion | None:
    """For one container, which may have been `killed` as a whole; None where nothing is known."""
    if kind.field == "memory_high":
        return _high(kind, limits)
    if not kind.room or not past:
        return None
    found = _beyond(kind, past, limits, killed=killed) or _above_peak(kind, past)
    return found and _possible(kind, found, bounds)


def _above_peak(kind: Kind, past: Sequence[Sample]) -> Suggestion | None:
    highest = peak(past, kind.measure)
    if not highest:
        return None
    seconds = span(past[-1].at - past[0].at)
    origin = f"peak {shown(kind, highest)} of {seconds}, and {kind.room - 1:.0%} more"
    return Suggestion(kind.step(highest * kind.room, 1), origin)


def _beyond(
    kind: Kind, past: Sequence[Sample], limits: Limits, *, killed: bool
) -> Suggestion | None:
    """More than the limit, where the limit itself kept the peak low."""
    limit = kind.of(limits)
    if isinstance(limit, str) or limit <= 0:
        return None
    last = past[-1]
    reasons = {
        "cpus": "held back" if lately(past, lambda it: it.throttled_periods) else "",
        "memory": "killed (OOM)" if last.oom_kills or killed else "",
        "pids": "forks refused" if last.pids_failures else "",
    }
    why = reasons.get(kind.field)
    if not why or peak(past, kind.measure) * kind.room < limit:
        return None
    return Suggestion(
        kind.step(limit * MORE, 1), f"{why} at {kind.text(limit)}, so half as much more"
    )


def _high(kind: Kind, limits: Limits) -> Suggestion | None:
    if not limits.memory:
        return None
    value = kind.step(limits.memory * BELOW, -1)
    return Suggestion(value, "a tenth below the max") if value < limits.memory else None


def _possible(kind: Kind, found: Suggestion, bounds: Bounds | None) -> Suggestion:
    if bounds is None:
        return found
    most = {"cpus": float(len(bounds.cpus)), "memory": float(bounds.memory)}.get(kind.field)
    return found if most is None or found.value <= most else found._replace(value=most)
