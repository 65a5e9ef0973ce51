"""Where a log view's lines come from: the last few of a stream, or an index over the log's files.

Lines have absolute numbers that never change; old ones may go. Invariant: memory is bounded by
the counts given here, whatever a container writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from tuidock.engine.logs.index import LogIndex
from tuidock.engine.types import LogLine

RING_LINES = 100_000
RING_BYTES = 32 * 1024 * 1024


class LogSource(Protocol):
    """Numbered lines; those from `first` up to `end` can be read."""

    @property
    def first(self) -> int: ...

    @property
    def end(self) -> int: ...

    def lines(self, start: int, stop: int) -> Sequence[LogLine]:
        """Lines `start` to `stop - 1`, all of them within `first` and `end`."""
        ...


class Ring:
    """The newest lines of a stream, at most so many and so many bytes."""

    def __init__(self, max_lines: int = RING_LINES, max_bytes: int = RING_BYTES) -> None:
        self._max_lines = max_lines
        self._max_bytes = max_bytes
        self._kept: list[LogLine] = []
        self._bytes = 0
        self.first = 0

    @property
    def end(self) -> int:
        return self.first + len(self._kept)

    def lines(self, start: int, stop: int) -> Sequence[LogLine]:
        return self._kept[start - self.first : stop - self.first]

    def extend(self, lines: Sequence[LogLine]) -> None:
        """Add lines; when full, a tenth of the oldest goes at once, so that it is seldom."""
        self._kept.extend(lines)
        self._bytes += sum(len(line.text) for line in lines)
        if len(self._kept) > self._max_lines or self._bytes > self._max_bytes:
            self._trim()

    def _trim(self) -> None:
        drop = max(0, len(self._kept) - self._max_lines * 9 // 10)
        left = self._bytes - sum(len(line.text) for line in self._kept[:drop])
        while left > self._max_bytes and drop < len(self._kept):
            left -= len(self._kept[drop].text)
            drop += 1
        del self._kept[:drop]
        self._bytes = left
        self.first += drop


class Since:
    """The lines of a source from one number on, as far as it still has them."""

    def __init__(self, source: LogSource, first: int) -> None:
        self._source = source
        self._floor = first

    @property
    def first(self) -> int:
        return min(max(self._source.first, self._floor), self._source.end)

    @property
    def end(self) -> int:
        return self._source.end

    def lines(self, start: int, stop: int) -> Sequence[LogLine]:
        return self._source.lines(start, stop)


def let_go(opening: asyncio.Future[LogIndex]) -> None:
    """Close an index that nobody waits for any more."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
