"""Excerpt: the lines of a log that pass the filter, and which of them the search has found.

Knows numbers (a line's own, for ever) and positions (its place among those shown), no screen.
Invariant: every step is bounded; what is left to look at is left for the next `advance`.
"""

from __future__ import annotations

from bisect import bisect_left

from textual.cache import LRUCache

from tuidock.engine.types import LogLine
from tuidock.widgets.log_search import Pattern, Sieve
from tuidock.widgets.log_source import LogSource

SCAN = 2000
"""Lines a search looks at before the screen gets its turn."""


class Excerpt:
    """What of a source is shown."""

    def __init__(self, source: LogSource) -> None:
        self.source = source
        self.search: Sieve | None = None
        self.filter: Sieve | None = None
        self._seek: int | None = None
        self._lines: LRUCache[int, LogLine] = LRUCache(2048)
        self._first = source.first

    def show(self, source: LogSource) -> None:
        """Look at another source, for the same things."""
        self.source, self._first = source, source.first
        self._lines.clear()
        self._restart()

    @property
    def count(self) -> int:
        """Lines that are shown: all, or those the filter keeps."""
        if self.filter is not None:
            return len(self.filter.found)
        return self.source.end - self.source.first

    def number(self, position: int) -> int:
        """The line at a position, which must be below `count`."""
        return self.filter.found[position] if self.filter else self.source.first + position

    def position(self, number: int) -> int:
        """Where a line stands, or would stand, among those that are shown."""
        if self.filter is not None:
            return bisect_left(self.filter.found, number)
        return number - self.source.first

    def hides(self, number: int) -> bool:
        """Whether the filter leaves a line out."""
        return self.filter is not None and not self.filter.rank(number)

    def line(self, number: int, ahead: int) -> LogLine:
        """One line; a miss reads `ahead` more, because they come next."""
        if number not in self._lines:
            stop = min(self.source.end, number + max(1, ahead))
            for at, line in enumerate(self.source.lines(number, stop), number):
                self._lines[at] = line
        return self._lines[number]

    # --- search and filter ----------------------------------------------------------------------

    def set_search(self, pattern: Pattern | None, anchor: int) -> None:
        """Look for a pattern; `landing` will tell the match nearest to the anchor."""
        self.search = None if pattern is None else Sieve(pattern)
        self._restart()
        self._seek = None if pattern is None else anchor

    def set_filter(self, pattern: Pattern | None) -> None:
        """Keep only lines that match; None keeps all."""
        self.filter = None if pattern is None else Sieve(pattern)
        self._restart()

    def _restart(self) -> None:
        """Start both sieves anew; the search sees only what the filter keeps."""
        if self.filter is not None:
            self.filter = Sieve(*self.filter.patterns)
        if self.search is not None:
            kept = self.filter.patterns if self.filter else ()
            self.search = Sieve(self.search.patterns[0], *kept)

    def advance(self) -> bool:
        """Look at the next lines; True when there is nothing left to look at."""
        sieves = [sieve for sieve in (self.filter, self.search) if sieve is not None]
        return not [sieve for sieve in sieves if not sieve.advance(self.source, SCAN)]

    @property
    def sieved(self) -> bool:
        """Whether there is a search or a filter."""
        return self.search is not None or self.filter is not None

    def gone(self) -> int:
        """Lines that left at the front since the last call; negative when older ones came."""
        before, self._first = self._first, self.source.first
        return self._first - before

    def landing(self, *, done: bool) -> int | None:
        """Told once: the first match at or below the anchor, or else the last one above it."""
        if self._seek is None or self.search is None:
            return None
        found = self.search.found
        place = bisect_left(found, self._seek)
        if place == len(found) and not done:
            return None
        self._seek = None
        return found[min(place, len(found) - 1)] if found else None

    def neighbour(self, number: int, step: int) -> int | None:
        """The next match below (1) or above (-1) a line, round the ends."""
        if self.search is None:
            return None
        return self.search.after(number) if step > 0 else self.search.before(number)
