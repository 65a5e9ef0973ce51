"""Regular expressions that are not waited for longer than one's patience.

Knows the `regex` package, whose search can be stopped, and lets other threads work meanwhile;
`re` can neither. Invariant: whatever is typed, a search ends within its patience.
"""

from __future__ import annotations

import math
import re
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regex import Match
    from regex import Pattern as Compiled

GLANCE = 0.05
"""Seconds of work that the matches in one line on screen may take."""
UNROLLED = 20_000
"""Repetitions, counted repetitions of counted ones included, up to which a pattern is compiled."""

_COUNTED = re.compile(r"\{(\d+)")


class TooSlow(Exception):
    """A search that took longer than one's patience."""

    def __init__(self, expression: Expression) -> None:
        super().__init__(expression.source)
        self.expression = expression


class Patience:
    """Seconds of this process's work that may still be spent; work, so that a busy machine
    makes nothing slow that is not.
    """

    def __init__(self, seconds: float) -> None:
        self._until = time.process_time() + seconds

    def left(self) -> float | None:
        """None for any time. Raises TimeoutError when there is nothing left."""
        if self._until == math.inf:
            return None
        left = self._until - time.process_time()
        if left <= 0:
            raise TimeoutError
        return left


class Expression:
    """A compiled expression; `slow` once somebody has lost patience with it."""

    def __init__(self, source: str, *, any_case: bool, lines: bool = False) -> None:
        """`lines`: the text has many, and `^` and `$` are at the ends of each."""
        self.source = source
        self.slow = False
        self._compiled = _compiled(source, any_case=any_case, lines=lines)

    def search(
        self, text: str, start: int = 0, patience: Patience | None = None
    ) -> Match[str] | None:
        """The first match from a place on. Raises TooSlow."""
        try:
            left = patience.left() if patience else None
            return self._compiled.search(text, start, concurrent=True, timeout=left)
        except TimeoutError:
            raise TooSlow(self) from None

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where it matches, empty matches left out; after a glance without an end it is slow."""
        try:
            found = self._compiled.finditer(text, timeout=GLANCE)
            return [match.span() for match in found if match.end() > match.start()]
        except TimeoutError:
            self.slow = True
            return []


def _compiled(source: str, *, any_case: bool = False, lines: bool = False) -> Compiled[str]:
    import regex  # costs 20 ms and 2 MB: for those who search

    flags = (regex.IGNORECASE if any_case else 0) | (regex.MULTILINE if lines else 0)
    return regex.compile(source, flags)


def compiles(source: str) -> bool:
    """Whether it is a regular expression, and none that would be unrolled into millions."""
    import regex

    if math.prod(max(1, int(count[:9])) for count in _COUNTED.findall(source)) > UNROLLED:
        return False
    try:
        _compiled(source)
    except (regex.error, OverflowError, RecursionError):
        return False
    return True
