"""Which lines match: a pattern as people type it, and a sieve that remembers what it has seen.

Invariant: a sieve looks at every line once, a bounded number at a time, so that a search through
a million lines never stops the screen; what it found is in order.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from typing import NamedTuple

from tuidock.engine.types import LogLine
from tuidock.widgets.ansi import plain
from tuidock.widgets.log_source import LogSource

SEARCHED = 64 * 1024
"""Bytes of one line that are searched; the rest of a monster is not."""


class Pattern(NamedTuple):
    """What to look for in a line."""

    text: str
    """As typed."""
    regex: re.Pattern[str]
    inverse: bool = False
    literal: bool = False
    """True when what was typed is no regular expression and was taken letter by letter."""

    @classmethod
    def typed(cls, text: str, *, may_invert: bool = False) -> Pattern:
        """A regular expression; small letters match large ones too; `!` in front inverts."""
        inverse = may_invert and text.startswith("!") and len(text) > 1
        body = text[1:] if inverse else text
        flags = re.NOFLAG if any(char.isupper() for char in body) else re.IGNORECASE
        try:
            return cls(text, re.compile(body, flags), inverse)
        except re.error:
            return cls(text, re.compile(re.escape(body), flags), inverse, literal=True)

    def accepts(self, text: str) -> bool:
        """Whether a line's plain text is wanted."""
        return (self.regex.search(text) is not None) is not self.inverse

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where it matches, empty matches left out."""
        if self.inverse:
            return []
        return [m.span() for m in self.regex.finditer(text) if m.end() > m.start()]


def plain_text(line: LogLine) -> str:
    """What is searched: decoded, without escapes, of bounded length."""
    return plain(line.text[:SEARCHED].decode("utf-8", "replace"))


class Sieve:
    """Numbers of the lines that every one of its patterns accepts."""

    def __init__(self, *patterns: Pattern) -> None:
        self.patterns = patterns
        self.found: list[int] = []
        self._seen: tuple[int, int] | None = None
        """The first line looked at, and the one after the last."""

    def advance(self, source: LogSource, budget: int) -> bool:
        """Look at up to `budget` lines, newer ones first, then older; True when none is left."""
        low, high = self._seen or (source.first, source.first)
        low, high = max(low, source.first), max(high, source.first)
        self._forget_before(source.first)
        stop = min(source.end, high + budget)
        self.found += self._accepted(source, high, stop)
        start = max(source.first, low - (budget - (stop - high)))
        self.found[:0] = self._accepted(source, start, low)
        self._seen = (start, stop)
        return self._seen == (source.first, source.end)

    def _accepted(self, source: LogSource, start: int, stop: int) -> list[int]:
        accepted = []
        for number, line in enumerate(source.lines(start, stop) if start < stop else (), start):
            text = plain_text(line)
            if all(pattern.accepts(text) for pattern in self.patterns):
                accepted.append(number)
        return accepted

    def _forget_before(self, first: int) -> None:
        if self.found and self.found[0] < first:
            del self.found[: bisect_left(self.found, first)]

    def after(self, number: int) -> int | None:
        """The next match below a line, from the top again after the last."""
        if not self.found:
            return None
        place = bisect_right(self.found, number)
        return self.found[place % len(self.found)]

    def before(self, number: int) -> int | None:
        """The match above a line, from the bottom again before the first."""
        if not self.found:
            return None
        return self.found[bisect_left(self.found, number) - 1]

    def rank(self, number: int) -> int:
        """Which of the matches a line is, from 1; 0 when it is none."""
        place = bisect_left(self.found, number)
        return place + 1 if place < len(self.found) and self.found[place] == number else 0
