"""A limit that would fit, made of what was observed, and the words that say from what.

Pure functions. Invariant: no suggestion without an observation, and none that would be refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tuidock.engine.types import Bounds, Limits, Sample
from tuidock.widgets.limits_kinds import Kind, shown
from tuidock.widgets.limits_measures import NOTHING, Peaks, lately, peak
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
    day: Peaks = NOTHING,
) -> Suggestion | None:
    """For one container, which may have been `killed` as a whole; None where nothing is known."""
    if kind.field == "memory_high":
        return _high(kind, limits)
    if not kind.room or not (past or day.seconds):
        return None
    highest, seconds = _observed(kind, past, day)
    found = _beyond(kind, past, limits, highest, killed=killed)
    found = found or _above_peak(kind, highest, seconds)
    return found and _possible(kind, found, bounds)


def _observed(kind: Kind, past: Sequence[Sample], day: Peaks) -> tuple[float, float]:
    """The peak, and the seconds that it is of: the day's where the black box knows it."""
    lately_seen = past[-1].at - past[0].at if past else 0.0
    of_day = getattr(day, kind.measure, 0.0)
    seconds = max(lately_seen, day.seconds) if of_day else lately_seen
    return max(peak(past, kind.measure), of_day), seconds


def _above_peak(kind: Kind, highest: float, seconds: float) -> Suggestion | None:
    if not highest:
        return None
    more = f"{kind.room - 1:.0%} more"
    origin = f"peak {shown(kind, highest)} of the last {span(seconds)}, and {more}"
    return Suggestion(kind.step(highest * kind.room, 1), origin)


def _beyond(
    kind: Kind, past: Sequence[Sample], limits: Limits, highest: float, *, killed: bool
) -> Suggestion | None:
    """More than the limit, where the limit itself kept the peak low."""
    limit = kind.of(limits)
    if isinstance(limit, str) or limit <= 0:
        return None
    kills = past[-1].oom_kills if past else 0
    refused = past[-1].pids_failures if past else 0
    reasons = {
        "cpus": "held back" if lately(past, lambda it: it.throttled_periods) else "",
        "memory": "killed (OOM)" if kills or killed else "",
        "pids": "forks refused" if refused else "",
    }
    why = reasons.get(kind.field)
    if not why or (highest * kind.room < limit and not killed):
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
