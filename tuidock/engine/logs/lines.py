"""From records to lines: the pieces of a line are joined, for each stream by itself.

A reader may start anywhere: what a line began with before that place is looked up behind it.
Memory is bounded by `LIMIT` for each stream, however long a container makes a line.
"""

from __future__ import annotations

from tuidock.engine.logs.files import LogFiles, blocks_backwards
from tuidock.engine.logs.record import HEAD, KINDS, STAMP, when
from tuidock.engine.types import LogLine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

LIMIT = 1 << 20
"""Longest line that is joined, bytes."""
LOOK_BACK = 16 << 20
"""How far the beginning of a line may lie behind output of the other stream, bytes."""
_BLOCK = 1 << 15


class _Front:
    """The pieces of a line of which the end has not been seen."""

    __slots__ = ("at", "pieces", "size")

    def __init__(self, at: float) -> None:
        self.at = at
        self.pieces: list[bytes] = []
        self.size = 0

    def add(self, text: bytes) -> None:
        self.pieces.append(text)
        self.size += len(text)


class Joiner:
    """Makes lines of the records from `start` on.

    split: a line longer than `LIMIT` comes in parts, each but the last marked partial, and
    nothing is lost. Otherwise it is cut there, and marked partial because it goes on.
    """

    def __init__(self, log: LogFiles, start: int, *, split: bool) -> None:
        self._log = log
        self._start = start
        self._split = split
        self._fronts: dict[str, _Front | None] = {}

    def lines(self, data: bytes) -> list[LogLine]:
        """Lines that end in `data`, whole records that follow those given before."""
        found: list[LogLine] = []
        for record in data[:-1].split(b"\n"):
            kind = KINDS.get(record[STAMP - 1 : HEAD])
            if kind is None:
                found.append(LogLine(0.0, "stdout", record))
                continue
            stream, ends = kind
            if stream not in self._fronts:
                self._fronts[stream] = self._front_before(stream)
            front = self._fronts[stream]
            if not ends:
                found += self._begin(stream, front, record)
            elif front is None:
                found.append(LogLine(when(record), stream, record[HEAD:]))
            else:
                found.append(self._end(stream, front, record))
        return found

    def rest(self) -> list[LogLine]:
        """Lines whose end is still to be written, marked partial."""
        return [
            LogLine(front.at, stream, b"".join(front.pieces), partial=True)
            for stream, front in self._fronts.items()
            if front
        ]

    def _begin(self, stream: str, front: _Front | None, record: bytes) -> list[LogLine]:
        if front is None:
            front = self._fronts[stream] = _Front(when(record))
        room = LIMIT - front.size
        if self._split and len(record) - HEAD > room:
            done = LogLine(front.at, stream, b"".join(front.pieces), partial=True)
            front = self._fronts[stream] = _Front(when(record))
            front.add(record[HEAD:])
            return [done]
        front.add(record[HEAD : HEAD + room])
        return []

    def _end(self, stream: str, front: _Front, record: bytes) -> LogLine:
        self._fronts[stream] = None
        text = b"".join(front.pieces) + record[HEAD:]
        if self._split or len(text) <= LIMIT:
            return LogLine(front.at, stream, text)
        return LogLine(front.at, stream, text[:LIMIT], partial=True)

    def _front_before(self, stream: str) -> _Front | None:
        records = list(_pieces_before(self._log, self._start, stream))[::-1]
        if not records:
            return None
        front = _Front(when(records[0]))
        for record in records:
            front.add(record[HEAD:])
        return front


def _pieces_before(log: LogFiles, offset: int, stream: str) -> Iterable[bytes]:
    """Records of an unfinished line of `stream` before `offset`, the nearest first."""
    size = 0
    for start, data in blocks_backwards(log, offset, _BLOCK):
        for record in _backwards(data, stream):
            size += len(record) - HEAD
            if KINDS[record[STAMP - 1 : HEAD]][1] or size > LIMIT:
                return
            yield record
        if offset - start > LOOK_BACK:
            return


def _backwards(data: bytes, stream: str) -> Iterable[bytes]:
    """Records of one stream in a block, the last one first; skips the other's at memchr speed."""
    needle = f" {stream} ".encode()
    place = len(data)
    while (place := data.rfind(needle, 0, place)) >= 0:
        begin = place - STAMP
        if begin == 0 or (begin > 0 and data[begin - 1] == 0x0A):
            record = data[begin : data.index(b"\n", begin)]
            if record[STAMP - 1 : HEAD] in KINDS:
                yield record
