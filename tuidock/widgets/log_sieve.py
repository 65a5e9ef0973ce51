"""A sieve: which lines of a log, of any size, are accepted by patterns.

Knows how many were accepted in each passage, and looks again when it has to tell which: so ten
million matches take no more memory than none. It has looked at the lines from `low` to `high`,
begins where the reader is, and may go on in both directions. Invariant: the rank of an accepted
line never changes; ranks of those found before the first are negative.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from textual.cache import LRUCache

from tuidock.widgets.log_expression import Patience
from tuidock.widgets.log_search import Pattern, accepted, rules_out
from tuidock.widgets.log_source import LogSource

SMALL = 512
"""Lines up to which a passage is put together with the one after it."""
JOB_LINES = 40_000
JOB_PASSAGES = 64
"""What is looked at in another thread before the screen is told."""


class Sifted(NamedTuple):
    """Lines `start` to `stop - 1`, and the numbers of those that were accepted."""

    start: int
    stop: int
    found: array[int]


def sift(
    source: LogSource,
    spans: Sequence[tuple[int, int]],
    patterns: Sequence[Pattern],
    seconds: float = math.inf,
) -> list[Sifted]:
    """Look at spans of lines, for so many seconds of work. May run in another thread.

    Raises OSError, TooSlow.
    """
    patience = Patience(seconds)
    return [_sifted(source, start, stop, patterns, patience) for start, stop in spans]


def _sifted(
    source: LogSource, start: int, stop: int, patterns: Sequence[Pattern], patience: Patience
) -> Sifted:
    if rules_out(source.raw(start, stop), patterns, patience):
        return Sifted(start, stop, array("q"))
    texts = source.texts(start, stop)
    # Counted from the end: what a source loses meanwhile, it loses at the beginning.
    begin = stop - len(texts)
    places = accepted(texts, patterns, patience)
    return Sifted(start, stop, array("q", [begin + place for place in places]))


class Sieve:
    """Numbers of the lines that every one of its patterns accepts."""

    def __init__(self, source: LogSource, *patterns: Pattern, anchor: int | None = None) -> None:
        """Begins at a line, or else at the end."""
        self.patterns = patterns
        self._source = source
        wanted = source.end if anchor is None else anchor
        self.low = self.high = min(max(wanted, source.first), source.end)
        # Parallel: passage i begins with line starts[i]; its first accepted line has ranks[i].
        self._starts, self._ranks = array("q"), array("q")
        self.first_rank = self._end_rank = 0
        self._lately: LRUCache[int, array[int]] = LRUCache(1024)

    @property
    def count(self) -> int:
        """How many were accepted so far."""
        return self._end_rank - self.first_rank

    @property
    def slow(self) -> bool:
        """Whether looking was given up, because of a pattern that takes for ever."""
        return any(it.slow for it in self.patterns)

    @property
    def done(self) -> bool:
        """Whether there is nothing to look at, of what is counted, or that takes too long."""
        return self.slow or (self.low <= self._source.first and self.high >= self._source.end)

    # --- looking --------------------------------------------------------------------------------

    def spans(self, lines: int = JOB_LINES) -> list[tuple[int, int]]:
        """What to look at next: about so many lines; later ones first, then earlier ones."""
        source = self._source
        spans: list[tuple[int, int]] = []
        at, left = self.high, lines
        while at < source.end and left > 0 and len(spans) < JOB_PASSAGES:
            stop = max(source.after(at), at + 1)
            spans.append((at, stop))
            at, left = stop, left - (stop - at)
        at = self.low
        while not self.high < source.end and at > source.first and left > 0:
            start = source.before(at)
            spans.append((start, at))
            at, left = start, left - (at - start)
            if len(spans) >= JOB_PASSAGES:
                break
        return spans

    def take(self, sifted: Sequence[Sifted]) -> None:
        """Know what was found; what does not join up with the rest was found too late."""
        for each in sifted:
            if each.start == self.high:
                self._add_after(each)
            elif each.stop == self.low:
                self._add_before(each)
        self.forget()

    def _add_after(self, sifted: Sifted) -> None:
        if self._starts and self.high - self._starts[-1] < SMALL:
            self._lately.discard(self._starts[-1])
        else:
            self._remember(sifted)
            self._starts.append(sifted.start)
            self._ranks.append(self._end_rank)
        self.high = sifted.stop
        self._end_rank += len(sifted.found)

    def _add_before(self, sifted: Sifted) -> None:
        self._remember(sifted)
        self.low = sifted.start
        self.first_rank -= len(sifted.found)
        self._starts.insert(0, sifted.start)
        self._ranks.insert(0, self.first_rank)

    def _remember(self, sifted: Sifted) -> None:
        self._lately[sifted.start] = sifted.found

    def forget(self) -> None:
        """Let go of lines that the source no longer has."""
        first = self._source.first
        if first <= self.low:
            return
        place = bisect_right(self._starts, first) - 1
        if first >= self.high or place < 0:
            self._starts, self._ranks = array("q"), array("q")
            self.first_rank, self.low, self.high = self._end_rank, first, max(first, self.high)
            return
        left = [number for number in self._found(place) if number >= first]
        self._lately.discard(self._starts[place])
        self.first_rank = self._end_of(place) - len(left)
        self._starts, self._ranks = self._starts[place:], self._ranks[place:]
        self._starts[0], self._ranks[0], self.low = first, self.first_rank, first

    # --- what was found -------------------------------------------------------------------------

    def _end_of(self, place: int) -> int:
        """Rank after those of a passage."""
        return self._ranks[place + 1] if place + 1 < len(self._ranks) else self._end_rank

    def _found(self, place: int) -> array[int]:
        """Numbers of the accepted lines of a passage."""
        start = self._starts[place]
        if self._end_of(place) == self._ranks[place]:
            return array("q")
        known = self._lately.get(start)
        if known is None:
            stop = self._starts[place + 1] if place + 1 < len(self._starts) else self.high
            begin = max(start, self._source.first)
            known = sift(self._source, [(begin, stop)], self.patterns)[0].found
            self._lately[start] = known
        return known

    def number(self, position: int) -> int:
        """The line at a position, from 0, among those accepted. Raises IndexError."""
        rank = self.first_rank + position
        if not self.first_rank <= rank < self._end_rank:
            raise IndexError(position)
        place = bisect_right(self._ranks, rank) - 1
        found = self._found(place)
        # Counted from the end: what a source has lost, it has lost at its beginning.
        return found[rank - self._end_of(place)]

    def position(self, number: int) -> int:
        """How many accepted lines come before a line."""
        place = bisect_right(self._starts, number) - 1
        if place < 0:
            return 0
        found = self._found(place)
        after = len(found) - bisect_left(found, number)
        return self._end_of(place) - after - self.first_rank

    def rank(self, number: int) -> int:
        """Which of the accepted lines a line is, from 1; 0 when it is none."""
        position = self.position(number)
        found = position < self.count and self.number(position) == number
        return position + 1 if found else 0

    def after(self, number: int) -> int | None:
        """The next accepted line below a line, from the top again after the last."""
        return self.number(self.position(number + 1) % self.count) if self.count else None

    def before(self, number: int) -> int | None:
        """The accepted line above a line, from the bottom again before the first."""
        return self.number((self.position(number) or self.count) - 1) if self.count else None
