"""Lines of a log by number, for a view: places are kept, lines are not.

A log of any size opens at its end; what lies before is counted when somebody digs for it.
Line 0 is the first one counted at opening, those dug up later have negative numbers, so a
number once given stays. Memory: 16 bytes for each `STEP` of log.

`survey`, `lines`, `texts` and `raw` may be called in another thread between `hold` and
`release`; everything else belongs to the thread that made the index.
"""

from __future__ import annotations

import math
import re
from array import array
from bisect import bisect_left, bisect_right

from tuidock.engine.logs.files import LogFiles, blocks, blocks_backwards
from tuidock.engine.logs.lines import Joiner
from tuidock.engine.logs.record import HEAD, LONGEST, STAMP, when
from tuidock.engine.named import NamedTuple
from tuidock.engine.types import LogLine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

STEP = 1 << 16
"""Bytes between two known places, at least."""
AT_ONCE = 4 << 20
"""Bytes at the end of a log that are counted at opening."""

HEAD_BYTES = 1 << 18
"""Bytes at the beginning of a log that are shown before the rest is counted."""

_PARTIAL = re.compile(rb"^[^\n]{%d}Z std(?:out|err) P " % (STAMP - 1), re.MULTILINE)


class Survey(NamedTuple):
    """What was counted before a place: offsets and first lines of places, oldest first."""

    before: int
    """Offset at which the survey began to look back."""
    offsets: array[int]
    numbers: array[int]
    joined: frozenset[int]
    """Offsets of places whose lines may be in pieces."""


class LogIndex:
    """Lines `first` to `end - 1` of a log. Use as a context manager, or call `close`.

    A line is counted when its end is written. Lines are cut at `lines.LIMIT` bytes, and then
    marked partial.
    """

    def __init__(self, paths: Sequence[str], at_once: int = 0) -> None:
        """`paths` as `Containers.log_files` gives them, the current one last. Raises OSError.

        at_once: bytes that are counted now, `AT_ONCE` unless told.
        """
        self._log = LogFiles(paths[-1])
        # Parallel: line numbers[i] is the first one that ends behind offsets[i].
        self._places = array("Q", [self._log.end]), array("q", [0])
        self._joined: set[int] = set()
        self._counted = self._log.end
        self.end = 0
        self.dig(at_once or AT_ONCE)
        self._count_from(0)

    def __enter__(self) -> LogIndex:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files; harmless when repeated."""
        self._log.close()

    def hold(self) -> None:
        """Keep the files open until `release`, whatever happens meanwhile."""
        self._log.hold()

    def release(self) -> None:
        """Undo one `hold`."""
        self._log.release()

    @property
    def first(self) -> int:
        """Number of the oldest line that is counted and still there."""
        return self._places[1][0]

    @property
    def count(self) -> int:
        return self.end - self.first

    @property
    def complete(self) -> bool:
        """Whether nothing is left to dig for."""
        return self._places[0][0] <= self._log.start

    @property
    def size(self) -> int:
        """Bytes of the log."""
        return self._log.end - self._log.start

    @property
    def uncounted(self) -> float:
        """Share of the log's bytes that lie before the first line counted, from 0 to 1."""
        start, end = self._log.start, self._log.end
        return max(0, self._places[0][0] - start) / max(1, end - start)

    # --- counting ---------------------------------------------------------------------------

    def _count_from(self, number: int) -> None:
        offsets, numbers = self._places
        shift = number - numbers[0]
        self._places = offsets, array("q", [each + shift for each in numbers])
        self.end += shift

    def dig(self, size: int = AT_ONCE) -> int:
        """Count the lines in about `size` bytes before `first`; how many there were.

        0 within a single long line, so it is `complete` that tells when to stop.
        Raises OSError.
        """
        before = self.first
        self.take(self.survey(size))
        return before - self.first

    def survey(self, size: int) -> Survey:
        """Count lines as `dig` does, but leave it to `take` to know them. Raises OSError."""
        places = self._places
        begin, number = places[0][0], places[1][0]
        offsets, numbers = array("Q"), array("q")
        joined = set()
        for offset, data in blocks_backwards(self._log, begin, STEP):
            pieces = _pieces_in(data)
            if pieces:
                joined |= {offset, offsets[-1] if offsets else begin}
            number -= _newlines(data) - pieces
            offsets.append(offset)
            numbers.append(number)
            if begin - offset >= size:
                break
        offsets.reverse()
        numbers.reverse()
        return Survey(begin, offsets, numbers, frozenset(joined))

    def take(self, survey: Survey) -> None:
        """Know the lines of a survey, unless others were dug up since it was made."""
        offsets, numbers = self._places
        if survey.before == offsets[0]:
            self._places = survey.offsets + offsets, survey.numbers + numbers
            self._joined |= survey.joined

    def head(self) -> tuple[list[LogLine], float]:
        """The oldest lines, counted or not, in `HEAD_BYTES`; and their share of the log.

        Raises OSError.
        """
        start, end, found = self._log.start, self._log.end, list[LogLine]()
        stop, joiner = start, Joiner(self._log, start, split=False)
        for offset, data in blocks(self._log, start, min(start + HEAD_BYTES, end), STEP):
            found += joiner.lines(data)
            stop = offset + len(data)
        return found, (stop - start) / max(1, end - start)

    def grow(self) -> int:
        """Count what was written since; how many lines. Lets go of files that rotation deleted.

        Raises OSError.
        """
        before = self.end
        self._log.grow()
        offsets, numbers = self._places
        for offset, data in blocks(self._log, self._counted, self._log.end, STEP):
            if offset - offsets[-1] >= STEP:
                offsets.append(offset)
                numbers.append(self.end)
            if pieces := _pieces_in(data):
                self._joined |= {offsets[-1], offset + len(data)}
            self.end += _newlines(data) - pieces
            self._counted = offset + len(data)
        self._forget_deleted()
        return self.end - before

    def _forget_deleted(self) -> None:
        self._log.forget_deleted()
        offsets, numbers = self._places
        gone = bisect_left(offsets, self._log.start)
        if gone and offsets[-1] >= self._log.start:
            self._joined.difference_update(offsets[:gone])
            self._places = offsets[gone:], numbers[gone:]

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
        for number, lines in self._from(start):
            found += lines[max(start - number, 0) : stop - number]
            if number + len(lines) >= stop:
                break
        return found

    def _from(self, start: int) -> Iterator[tuple[int, list[LogLine]]]:
        """(number of the first, lines) in blocks, from the place of a line to the end."""
        offsets, numbers = self._places
        place = max(bisect_right(numbers, start) - 1, 0)
        number = numbers[place]
        joiner = Joiner(self._log, offsets[place], split=False)
        for _, data in blocks(self._log, offsets[place], self._counted, STEP):
            lines = joiner.lines(data)
            yield number, lines
            number += len(lines)

    # --- time -------------------------------------------------------------------------------

    def first_at(self, at: float) -> int:
        """The first counted line written at or after a moment; `end` for none. Raises OSError."""
        offsets, numbers = self._places
        above = bisect_left(range(len(offsets)), at, key=lambda place: self.at(offsets[place]))
        place = max(above - 1, 0)
        stop = numbers[above] if above < len(numbers) else self.end
        begin, end = offsets[place], offsets[above] if above < len(offsets) else self._counted
        records = self._log.read(begin, end)[:-1].split(b"\n") if begin < end else []
        if len(records) != stop - numbers[place]:  # pieces of lines, or a torn record
            return numbers[place] + bisect_left(
                self.lines(numbers[place], stop), at, key=lambda line: line.at
            )
        return numbers[place] + bisect_left(records, at, key=moment)

    def at(self, offset: int) -> float:
        """When the record at an offset was written; infinity at the end. Raises OSError."""
        record = self._log.read(offset, offset + STAMP)
        return moment(record) if record else math.inf

    @property
    def counted_to(self) -> int:
        """Offset up to which lines are counted."""
        return self._counted

    @property
    def newest(self) -> float:
        """When the last counted record was written; 0 without any. Raises OSError."""
        data = self._log.read(max(self._log.start, self._counted - LONGEST), self._counted)
        return moment(data[data.rfind(b"\n", 0, -1) + 1 :]) if data else 0.0

    def moment_before(self, number: int, places: int) -> tuple[float, int]:
        """A line some places before another that is not the first, and when it was written.

        Raises OSError.
        """
        offsets, numbers = self._places
        place = max(bisect_left(numbers, number) - places, 0)
        return self.at(offsets[place]), numbers[place]

    # --- searching --------------------------------------------------------------------------

    def before(self, number: int) -> int:
        """The place before a line, where the passage that ends with it begins."""
        numbers = self._places[1]
        return numbers[max(bisect_left(numbers, number) - 1, 0)]

    def after(self, number: int) -> int:
        """The place after a line, where the passage that it is in ends."""
        numbers = self._places[1]
        place = bisect_right(numbers, number)
        return numbers[place] if place < len(numbers) else self.end

    def raw(self, start: int, stop: int) -> bytes:
        """The records of lines from one place to another, to be searched as a whole.

        Empty when they do not begin and end at places, or lines may be in pieces: ask `texts`.
        Raises OSError.
        """
        offsets, numbers = self._places
        low, high = bisect_right(numbers, start) - 1, bisect_left(numbers, stop)
        if low < 0 or numbers[low] != start or self._joined.intersection(offsets[low:high]):
            return b""
        if high == len(numbers):
            return b"" if stop != self.end else self._log.read(offsets[low], self._counted)
        return self._log.read(offsets[low], offsets[high]) if numbers[high] == stop else b""

    def around(self, start: int, stop: int) -> bytes | None:
        """The records of lines, and some more; None when lines may be in pieces. Raises OSError."""
        offsets, numbers = self._places
        low, high = max(bisect_right(numbers, start) - 1, 0), bisect_left(numbers, stop)
        if self._joined.intersection(offsets[low:high]):
            return None
        end = offsets[high] if high < len(offsets) else self._counted
        return self._log.read(offsets[low], end) if start < stop else b""

    def records(self, start: int, stop: int) -> list[bytes] | None:
        """The records of lines; None when they may be in pieces, or are torn. Raises OSError."""
        numbers = self._places[1]
        low, high = max(bisect_right(numbers, start) - 1, 0), bisect_left(numbers, stop)
        begin, end = numbers[low], numbers[high] if high < len(numbers) else self.end
        data = self.around(start, stop)
        records = data[:-1].split(b"\n") if data else []
        if data is None or (data and len(records) != end - begin):
            return None
        return records[start - begin : stop - begin]

    def texts(self, start: int, stop: int) -> list[bytes]:
        """What lines `start` to `stop - 1` say, without their times. Raises OSError."""
        if data := self.raw(start, stop):
            # What a power cut left of a record loses its beginning here, and no more.
            found = [record[HEAD:] for record in data[:-1].split(b"\n")]
            if len(found) == stop - start:
                return found
        return [line.text for line in self.lines(start, stop)]


# Each byte of a log comes by here: these are the fastest ways that the language has.


def _newlines(data: bytes) -> int:
    return len(data) - len(data.replace(b"\n", b""))


def _pieces_in(data: bytes) -> int:
    """Records that do not end a line."""
    return sum(1 for _ in _PARTIAL.finditer(data)) if data.rfind(b" P ") >= 0 else 0


def moment(record: bytes) -> float:
    """When a record was written; 0 for what a power cut left of one."""
    try:
        return when(record)
    except ValueError:
        return 0.0
