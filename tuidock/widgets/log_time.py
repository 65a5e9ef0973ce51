"""Where in a log a moment is: lines come in order of time, so a few looks find any of them.

Pure functions on numbered lines. Invariant: at most some twenty lines are read, however many
there are.
"""

from __future__ import annotations

import calendar
import re
import time
from bisect import bisect_left
from typing import NamedTuple

from tuidock.widgets.log_excerpt import Excerpt
from tuidock.widgets.log_source import LogSource

MINUTE = 60.0


def reaches(source: LogSource, at: float) -> bool:
    """Whether lines from before a moment are counted."""
    first = source.lines(source.first, source.first + 1)
    return bool(first) and first[0].at < at


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


# --- times as people type them ----------------------------------------------------------------

_AGO = re.compile(r"^([+-]?)((?:\d+(?:\.\d+)?[dhms])+)$")
_AMOUNTS = re.compile(r"[\d.]+[dhms]")
_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_CLOCK = re.compile(
    r"^(?:(\d{4})-(\d\d?)-(\d\d?)(?:[T ]|$))?(?:(\d\d?):(\d\d)(?::(\d\d(?:\.\d+)?))?)?(Z?)$"
)


class Span(NamedTuple):
    """From a moment to another, each in seconds since the epoch; None for an open end."""

    since: float | None
    until: float | None


ALWAYS = Span(None, None)


def moment_typed(text: str, *, now: float, here: float, utc: bool = False) -> float | None:
    """The moment that was typed; None when it is no time.

    `14:03`, `14:03:20`: on the day of `here`. With a date in front: then. `5m`, `1h30m`: that
    long before `now`. `+30s`, `-2m`: from `here` on. UTC with a `Z` behind, or if `utc`.
    """
    text = text.strip()
    if found := _AGO.match(text):
        seconds = sum(float(each[:-1]) * _UNITS[each[-1]] for each in _AMOUNTS.findall(found[2]))
        return {"+": here + seconds, "-": here - seconds}.get(found[1], now - seconds)
    clock = _CLOCK.match(text)
    if not text or clock is None or text == "Z":
        return None
    return _on_the_clock(clock, here, utc=utc or bool(clock[7]))


def _on_the_clock(clock: re.Match[str], here: float, *, utc: bool) -> float | None:
    day = time.gmtime(here) if utc else time.localtime(here)
    year, month, date = (int(clock[n]) if clock[1] else day[n - 1] for n in (1, 2, 3))
    hour, minute, second = int(clock[4] or 0), int(clock[5] or 0), float(clock[6] or 0)
    if hour > 23 or minute > 59 or second >= 61 or not 1 <= month <= 12 or not 1 <= date <= 31:
        return None
    parts = (year, month, date, hour, minute, 0, 0, 0, -1)
    return (calendar.timegm(parts) if utc else time.mktime(parts)) + second


def span_typed(text: str, *, now: float, here: float, utc: bool = False) -> Span | None:
    """`A..B`, `A..` or `..B` of two moments as typed; None when it is not that."""
    since, dots, until = text.partition("..")
    ends = [moment_typed(it, now=now, here=here, utc=utc) for it in (since, until)]
    wrong = [it for it, end in zip((since, until), ends, strict=True) if it.strip() and end is None]
    if not dots or wrong or ends == [None, None]:
        return None
    return Span(ends[0], ends[1])
