"""Excerpt: the lines of a log that pass the filter, and which of them the search has found.

Knows numbers (a line's own, for ever) and positions (its place among those shown), no screen.
Invariant: what it does at once is bounded; the rest are jobs for another thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from textual.cache import LRUCache

from tuidock.engine.types import LogLine
from tuidock.widgets.log_expression import GLANCE, TooSlow
from tuidock.widgets.log_search import Pattern
from tuidock.widgets.log_sieve import Sieve, Sifted, sift
from tuidock.widgets.log_source import LogSource

AT_ONCE = 2000
"""Lines that are looked at before the screen is painted; others are another thread's."""

PATIENCE = 5.0
"""Seconds of work that a job may take; it is done in a tenth of one."""

Job = Callable[[], list[Sifted]]


class Excerpt:
    """What of a source is shown."""

    def __init__(self, source: LogSource) -> None:
        self.source = source
        self.search: Sieve | None = None
        self.filter: Sieve | None = None
        self._seek: int | None = None
        self._lines: LRUCache[int, LogLine] = LRUCache(2048)
        self._first = source.first

    def show(self, source: LogSource, anchor: int | None = None) -> None:
        """Look at another source, for the same things, beginning at a line or at the end."""
        self.source = source
        self._lines.clear()
        self._seek = self._seek if anchor is None or self._seek is None else anchor
        self._restart(anchor)

    @property
    def count(self) -> int:
        """Lines that are shown: all, or those the filter keeps."""
        if self.filter is not None:
            return self.filter.count
        return self.source.end - self.source.first

    def number(self, position: int) -> int:
        """The line at a position, which must be below `count`."""
        if self.filter is not None:
            return self.filter.number(position)
        return self.source.first + position

    def position(self, number: int) -> int:
        """Where a line stands, or would stand, among those that are shown."""
        if self.filter is not None:
            return self.filter.position(number)
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
        kept = self.filter.patterns if self.filter else ()
        found = None if pattern is None else Sieve(self.source, pattern, *kept, anchor=anchor)
        self.search = found
        self._seek = None if pattern is None else anchor

    def set_filter(self, patterns: Sequence[Pattern], anchor: int | None = None) -> None:
        """Keep only lines that all patterns accept, all of them without patterns."""
        self.filter = Sieve(self.source, *patterns, anchor=anchor) if patterns else None
        self._restart(anchor)

    def _restart(self, anchor: int | None) -> None:
        """Start both sieves anew; the search sees only what the filter keeps."""
        kept = self.filter.patterns if self.filter else ()
        if self.filter is not None:
            self.filter = Sieve(self.source, *kept, anchor=anchor)
        if self.search is not None:
            self.search = Sieve(self.source, self.search.patterns[0], *kept, anchor=anchor)
        self._first = self._base

    @property
    def _sieves(self) -> list[Sieve]:
        return [sieve for sieve in (self.filter, self.search) if sieve is not None]

    def advance(self) -> None:
        """Look at the next few lines at once, and let go of those that are gone."""
        for sieve in self._sieves:
            sieve.forget()
            spans = [] if sieve.slow else sieve.spans(AT_ONCE)[:8]
            with suppress(TooSlow):  # for this thread; the other one has more patience
                sieve.take(sift(self.source, spans, sieve.patterns, GLANCE))

    def job(self) -> tuple[Sieve, Job] | None:
        """What to look at in another thread, and the sieve that takes what was found."""
        sieve = next((it for it in self._sieves if not it.done), None)
        if sieve is None:
            return None
        return sieve, partial(sift, self.source, sieve.spans(), sieve.patterns, PATIENCE)

    @property
    def sieved(self) -> bool:
        """Whether there is a search or a filter."""
        return self.search is not None or self.filter is not None

    @property
    def looked(self) -> float:
        """Share of the log that was looked at, from 0 to 1, by the sieve that is behind."""
        if not self.sieved or any(it.slow for it in self._sieves):
            return 1.0
        source = self.source
        lines = max(1, source.end - source.first)
        seen = min((it.high - it.low) / lines for it in self._sieves)
        return min(1.0, seen) * (1 - source.uncounted)

    @property
    def _base(self) -> int:
        return self.filter.first_rank if self.filter is not None else self.source.first

    def gone(self) -> int:
        """Shown lines that left at the front since the last call; negative when some came."""
        before, self._first = self._first, self._base
        return self._first - before

    def landing(self) -> int | None:
        """Told once: the first match at or below the anchor, or else the last one above it."""
        if self._seek is None or self.search is None:
            return None
        below = self.search.position(self._seek) < self.search.count
        if not below and not (self.search.done and (self.search.slow or self.source.complete)):
            return None
        seek, self._seek = self._seek, None
        return self.search.after(seek - 1) if below else self.search.before(seek)

    def neighbour(self, number: int, step: int) -> int | None:
        """The next match below (1) or above (-1) a line, round the ends."""
        if self.search is None:
            return None
        return self.search.after(number) if step > 0 else self.search.before(number)

    def may_find(self, number: int, step: int) -> bool:
        """Whether the next match that way may be among lines that were not looked at yet."""
        search = self.search
        if search is None or search.slow or (search.done and self.source.complete):
            return False
        position = search.position(number + (step > 0))
        if step > 0:
            return position >= search.count and search.high < self.source.end
        return position == 0
