"""Where in a log a moment is: lines come in order of time, so a few looks find any of them.

Pure functions on numbered lines. Invariant: at most some twenty lines are read, however many
there are.
"""

from __future__ import annotations

from bisect import bisect_left

from tuidock.engine.logs.index import LogIndex
from tuidock.widgets.log_excerpt import Excerpt
from tuidock.widgets.log_source import LogSource

MINUTE = 60.0


def first_at(source: LogSource, at: float) -> int:
    """Number of the first line written at or after a moment; `source.end` when there is none."""
    numbers = range(source.first, source.end)
    return source.first + bisect_left(
        numbers, at, key=lambda number: source.lines(number, number + 1)[0].at
    )


def reaches(index: LogIndex, at: float) -> bool:
    """Whether lines from before a moment are counted."""
    return index.count > 0 and index.line(index.first).at < at


def neighbour_minute(excerpt: Excerpt, number: int, step: int) -> int | None:
    """The first shown line of the next minute (1) or of the one before (-1) that has lines.

    None when there is none. Going back within a minute goes to its own beginning first.
    """
    place = min(excerpt.position(number), excerpt.count - 1)
    if place < 0:
        return None
    minute = _minute(excerpt, place)
    if step > 0:
        found = _first_of(excerpt, minute + 1)
        return excerpt.number(found) if found < excerpt.count else None
    begin = _first_of(excerpt, minute)
    if begin == place and place > 0:
        begin = _first_of(excerpt, _minute(excerpt, place - 1))
    return excerpt.number(begin) if begin < place else None


def _minute(excerpt: Excerpt, place: int) -> int:
    return int(excerpt.line(excerpt.number(place), 1).at // MINUTE)


def _first_of(excerpt: Excerpt, minute: int) -> int:
    places = range(excerpt.count)
    return bisect_left(places, minute, key=lambda place: _minute(excerpt, place))
