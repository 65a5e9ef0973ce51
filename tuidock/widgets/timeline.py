"""Values with their times, laid out over the columns of a graph.

Pure functions. Invariant: a column shows the highest value of its time, so no spike is lost; a
time of which nothing is known is not a number, never a guess.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import ceil, nan
from typing import NamedTuple

HOLD = 5.0
"""Seconds for which a value stands when no other comes."""
RANGES = (
    ("0", "day", "1 day", 86_400.0),
    ("1", "6h", "6 hours", 21_600.0),
    ("6", "1h", "1 hour", 3_600.0),
    ("5", "30m", "30 minutes", 1_800.0),
    ("4", "15m", "15 minutes", 900.0),
    ("3", "5m", "5 minutes", 300.0),
    ("2", "1m", "1 minute", 60.0),
)
"""Key, id, title and seconds, the longest first; the keys of the log mean the same times."""
SECONDS = {name: seconds for _, name, _, seconds in RANGES}


class Window(NamedTuple):
    """The time that a graph shows, in seconds since the epoch."""

    begin: float
    end: float

    def column(self, at: float, columns: int) -> int:
        """Where a moment stands; outside 0 to `columns` when it is not shown."""
        return int((at - self.begin) / (self.end - self.begin) * columns)

    def moment(self, column: float, columns: int) -> float:
        """What moment stands there."""
        return self.begin + (self.end - self.begin) * column / columns


def window(now: float, seconds: float, columns: int) -> Window:
    """The last so many seconds, in steps of a column, so that the curve does not tremble."""
    step = seconds / max(1, columns)
    end = ceil(now / step) * step
    return Window(end - seconds, end)


def laid_out(
    at: Sequence[float], values: Sequence[float], shown: Window, columns: int
) -> list[float]:
    """The highest value of each column; where none was taken, the one that still stands."""
    step = (shown.end - shown.begin) / columns
    edges = [bisect_left(at, shown.begin + step * index) for index in range(columns + 1)]
    found = []
    for index in range(columns):
        low, high = edges[index], edges[index + 1]
        if low < high:
            found.append(max(values[low:high]))
        else:
            stands = low > 0 and shown.begin + step * (index + 1) - at[low - 1] <= HOLD + step
            found.append(values[low - 1] if stands else nan)
    newest = at[-1] if at else shown.begin
    last = min(columns, shown.column(newest, columns) + 1)
    return [value if index < last else nan for index, value in enumerate(found)]


def at_moment(at: Sequence[float], moment: float, hold: float = HOLD) -> int | None:
    """Index of the value that stood then: the last one before it, or the nearest at hand."""
    index = bisect_right(at, moment)
    near = [each for each in (index - 1, index) if 0 <= each < len(at)]
    best = min(near, key=lambda each: abs(at[each] - moment), default=None)
    return best if best is not None and abs(at[best] - moment) <= hold else None


def within(at: Sequence[float], values: Sequence[float], shown: Window) -> Sequence[float]:
    """The values of a window."""
    return values[bisect_left(at, shown.begin) : bisect_right(at, shown.end)]
