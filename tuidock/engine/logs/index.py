"""Lines of a log by number, for a view: places are kept, lines are not.

A log of any size opens at its end; what lies before is counted when somebody digs for it.
Line 0 is the first one counted at opening, those dug up later have negative numbers, so a
number once given stays. Memory: 16 bytes for each `STEP` of log.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right

from tuidock.engine.logs.files import LogFiles, blocks, blocks_backwards
from tuidock.engine.logs.lines import Joiner
from tuidock.engine.logs.record import STAMP
from tuidock.engine.types import LogLine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

STEP = 1 << 16
"""Bytes between two known places, at least."""
AT_ONCE = 32 << 20
"""Bytes at the end of a log that are counted at opening: all of it, with default rotation."""

_PARTIAL = re.compile(rb"^[^\n]{%d}Z std(?:out|err) P " % (STAMP - 1), re.MULTILINE)


class LogIndex:
    """Lines `first` to `end - 1` of a log. Use as a context manager, or call `close`.

    A line is counted when its end is written. Lines are cut at `lines.LIMIT` bytes, and then
    marked partial.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        """`paths` as `Containers.log_files` gives them, the current one last. Raises OSError."""
        self._log = LogFiles(paths[-1])
        # Parallel: line _numbers[i] is the first one that ends behind _offsets[i].
        self._offsets = array("Q", [self._log.end])
        self._numbers = array("q", [0])
        self._counted = self._log.end
        self.end = 0
        self.dig(AT_ONCE)
        self._count_from(0)

    def __enter__(self) -> LogIndex:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files; harmless when repeated."""
        self._log.close()

    @property
    def first(self) -> int:
        """Number of the oldest line that is counted and still there."""
        return self._numbers[0]

    @property
    def count(self) -> int:
        return self.end - self.first

    @property
    def complete(self) -> bool:
        """Whether nothing is left to dig for."""
        return self._offsets[0] <= self._log.start

    # --- counting ---------------------------------------------------------------------------

    def _count_from(self, number: int) -> None:
        shift = number - self._numbers[0]
        self._numbers = array("q", [each + shift for each in self._numbers])
        self.end += shift

    def dig(self, size: int = AT_ONCE) -> int:
        """Count the lines in about `size` bytes before `first`; how many there were.

        0 within a single long line, so it is `complete` that tells when to stop.
        Raises OSError.
        """
        begin, number = self._offsets[0], self._numbers[0]
        offsets, numbers = array("Q"), array("q")
        for offset, data in blocks_backwards(self._log, begin, STEP):
            number -= _lines_in(data)
            offsets.append(offset)
            numbers.append(number)
            if begin - offset >= size:
                break
        offsets.reverse()
        numbers.reverse()
        found = self._numbers[0] - number
        self._offsets, self._numbers = offsets + self._offsets, numbers + self._numbers
        return found

    def grow(self) -> int:
        """Count what was written since; how many lines. Lets go of files that rotation deleted.

        Raises OSError.
        """
        before = self.end
        self._log.grow()
        for offset, data in blocks(self._log, self._counted, self._log.end, STEP):
            if offset - self._offsets[-1] >= STEP:
                self._offsets.append(offset)
                self._numbers.append(self.end)
            self.end += _lines_in(data)
            self._counted = offset + len(data)
        self._forget_deleted()
        return self.end - before

    def _forget_deleted(self) -> None:
        self._log.forget_deleted()
        gone = bisect_left(self._offsets, self._log.start)
        if gone and self._offsets[-1] >= self._log.start:
            del self._offsets[:gone], self._numbers[:gone]

    # --- reading ----------------------------------------------------------------------------

    def line(self, number: int) -> LogLine:
        """Raises IndexError outside of `first` to `end - 1`, OSError."""
        if not self.first <= number < self.end:
            raise IndexError(number)
        return self.lines(number, number + 1)[0]

    def lines(self, start: int, stop: int) -> list[LogLine]:
        """Lines `start` to `stop - 1`, as far as they exist. Raises OSError."""
        start, stop = max(start, self.first), min(stop, self.end)
        found: list[LogLine] = []
        if start >= stop:
            return found
        place = bisect_right(self._numbers, start) - 1
        for number, lines in self._from(place):
            found += lines[max(start - number, 0) : stop - number]
            if number + len(lines) >= stop:
                break
        return found

    def _from(self, place: int) -> Iterator[tuple[int, list[LogLine]]]:
        """(number of the first, lines) in blocks, from a known place to the end."""
        number = self._numbers[place]
        joiner = Joiner(self._log, self._offsets[place], split=False)
        for _, data in blocks(self._log, self._offsets[place], self._counted, STEP):
            lines = joiner.lines(data)
            yield number, lines
            number += len(lines)

    def search(
        self, pattern: re.Pattern[bytes], start: int, *, backwards: bool = False
    ) -> int | None:
        """The nearest line at or after `start` (or before it, `backwards`) that matches.

        Raises OSError.
        """
        place = max(bisect_right(self._numbers, start) - 1, 0)
        if not backwards:
            matches = (
                number + index
                for number, lines in self._from(place)
                for index, line in enumerate(lines)
                if number + index >= start and pattern.search(line.text)
            )
            return next(matches, None)
        for each in range(place, -1, -1):
            if (found := self._last_match(pattern, each, start)) is not None:
                return found
        return None

    def _last_match(self, pattern: re.Pattern[bytes], place: int, before: int) -> int | None:
        """The last match before a line and before the next known place."""
        begin = self._numbers[place]
        known = place + 1 < len(self._numbers)
        stop = min(before, self._numbers[place + 1] if known else self.end)
        lines = self.lines(begin, stop)
        for index in range(len(lines) - 1, -1, -1):
            if pattern.search(lines[index].text):
                return begin + index
        return None


def _lines_in(data: bytes) -> int:
    """Ends of lines among whole records."""
    count = data.count(b"\n")
    if b" P " in data:
        count -= sum(1 for _ in _PARTIAL.finditer(data))
    return count
