"""Where a log view's lines come from: the last few of a stream, or an index over the log's files.

Lines have absolute numbers that never change; old ones may go. Invariant: memory is bounded by
the counts given here, whatever a container writes.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from tuidock.engine.logs.index import LogIndex
from tuidock.engine.logs.merged import MergedIndex
from tuidock.engine.types import LogLine

RING_LINES = 100_000
RING_BYTES = 32 * 1024 * 1024
BEFORE_ALL = -(1 << 40)
"""Number of a log's first line while nobody knows how many come after it."""
PASSAGE = 512
"""Lines of a ring that are searched as one."""

Index = LogIndex | MergedIndex
"""One log of any size, or several."""

Result = TypeVar("Result")


class LogSource(Protocol):
    """Numbered lines; those from `first` up to `end` can be read.

    What is between `before(stop)` and `stop` is a *passage*: lines that are best read together.
    """

    @property
    def first(self) -> int: ...

    @property
    def end(self) -> int: ...

    @property
    def complete(self) -> bool:
        """Whether there is nothing before `first` that has not been counted."""
        ...

    @property
    def uncounted(self) -> float:
        """Share of the log before `first` that has not been counted, from 0 to 1."""
        ...

    def lines(self, start: int, stop: int) -> Sequence[LogLine]:
        """Lines `start` to `stop - 1`, all of them within `first` and `end`."""
        ...

    def texts(self, start: int, stop: int) -> Sequence[bytes]:
        """What such lines say; cheaper than `lines`."""
        ...

    def raw(self, start: int, stop: int) -> bytes:
        """A passage as one run of bytes that has all of its texts in it; empty when it cannot."""
        ...

    def before(self, stop: int) -> int:
        """Where the passage begins that ends before a line."""
        ...

    def after(self, start: int) -> int:
        """Where the passage ends that begins with a line."""
        ...

    def first_at(self, at: float) -> int:
        """The first line written at or after a moment; `end` when there is none."""
        ...

    def hold(self) -> None:
        """Another thread reads until `release`."""
        ...

    def release(self) -> None: ...


async def aside(source: LogSource, work: Callable[[], Result]) -> Result:
    """Do work that reads a source in another thread; it is over when this is, or is not waited for.

    Raises what the work does.
    """
    source.hold()
    future = asyncio.get_running_loop().run_in_executor(None, work)
    future.add_done_callback(lambda done: _released(source, done))
    return await asyncio.shield(future)


def _released(source: LogSource, done: asyncio.Future[Result]) -> None:
    source.release()
    if not done.cancelled():
        done.exception()  # Whoever still waits is told; nobody may.


class Ring:
    """The newest lines of a stream, at most so many and so many bytes."""

    complete = True
    uncounted = 0.0

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
        # Both at once: another thread may read while old lines go.
        first, kept = self.first, self._kept
        return kept[max(0, start - first) : max(0, stop - first)]

    def texts(self, start: int, stop: int) -> Sequence[bytes]:
        return [
            line.name.encode() + line.text if line.name else line.text
            for line in self.lines(start, stop)
        ]

    def raw(self, start: int, stop: int) -> bytes:
        return b""

    def before(self, stop: int) -> int:
        return max(self.first, (stop - 1) // PASSAGE * PASSAGE)

    def after(self, start: int) -> int:
        return min(self.end, (start // PASSAGE + 1) * PASSAGE)

    def first_at(self, at: float) -> int:
        return self.first + bisect_left(self._kept, at, key=lambda line: line.at)

    def hold(self) -> None:
        return

    def release(self) -> None:
        return

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
        self._kept = self._kept[drop:]
        self._bytes = left
        self.first += drop


class Beginning(Ring):
    """The first lines of a log of which the rest is still to be counted.

    Their numbers are far below those that any index gives.
    """

    complete = False

    def __init__(self, index: Index) -> None:
        """Raises OSError."""
        super().__init__()
        self.index = index
        self.first = BEFORE_ALL
        found, share = index.head()
        self.extend(found)
        self.uncounted = 1 - share


class Between:
    """The lines of a source from one number on and before another, as far as it still has them."""

    complete = True
    uncounted = 0.0

    def __init__(self, source: LogSource, first: int, end: int | None = None) -> None:
        self._source = source
        self._floor = first
        self._ceiling = end
        self.texts = source.texts
        self.raw = source.raw
        self.lines = source.lines
        self.hold = source.hold
        self.release = source.release

    @property
    def first(self) -> int:
        return min(max(self._source.first, self._floor), self.end)

    @property
    def end(self) -> int:
        end = self._source.end
        return end if self._ceiling is None else min(end, self._ceiling)

    def first_at(self, at: float) -> int:
        return min(max(self.first, self._source.first_at(at)), self.end)

    def before(self, stop: int) -> int:
        return max(self.first, self._source.before(stop))

    def after(self, start: int) -> int:
        return min(self.end, self._source.after(start))


def let_go(opening: asyncio.Future[Index]) -> None:
    """Close an index that nobody waits for any more."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
