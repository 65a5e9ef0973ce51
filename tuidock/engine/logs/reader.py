"""Read a container's log: the last lines, a span of time, and what comes after.

Invariant: every line is given once, across any number of rotations, as long as rotation has
not deleted it before it could be read.
"""

from __future__ import annotations

from tuidock.engine.logs.files import LogFiles, blocks, blocks_backwards, files
from tuidock.engine.logs.lines import Joiner
from tuidock.engine.logs.record import HEAD, STAMP
from tuidock.engine.logs.tail import Tail
from tuidock.engine.types import LogLine, LogQuery

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Follower", "files", "read"]

ALL = LogQuery()
BLOCK = 1 << 18
"""Bytes of log that make one batch of lines."""


def read(paths: Sequence[str], query: LogQuery = ALL) -> Iterator[list[LogLine]]:
    """What the files of a log hold now, in batches; `query.follow` is ignored.

    `paths` as `files` gives them, the current one last. Lines are those of the last `tail`, of
    these the ones written in the asked span of time. A line whose end is still to come is last,
    and marked partial. Raises OSError.
    """
    with LogFiles(paths[-1]) as log:
        start = _tail(log, query.tail)
        joiner = Joiner(log, start, split=True)
        for _, data in blocks(log, start, log.end, BLOCK):
            if lines := _wanted(joiner.lines(data), query):
                yield lines
        if query.tail != 0 and (lines := _wanted(joiner.rest(), query)):
            yield lines


def _tail(log: LogFiles, count: int | None) -> int:
    """Offset behind which `count` lines end; the log's beginning for None."""
    if count is None:
        return log.start
    if count <= 0:
        return log.end
    for start, data in blocks_backwards(log, log.end, BLOCK):
        place = len(data)
        while place > 0:
            begin = data.rfind(b"\n", 0, place - 1) + 1
            if data[begin + STAMP + 7 : begin + HEAD] != b" P ":
                if not count:
                    return start + place
                count -= 1
            place = begin
    return log.start


def _wanted(lines: list[LogLine], query: LogQuery) -> list[LogLine]:
    if query.since is None and query.until is None:
        return lines
    since = query.since if query.since is not None else float("-inf")
    until = query.until if query.until is not None else float("inf")
    return [line for line in lines if since <= line.at <= until]


class Follower:
    """A log from the place a query asks for, and on for as long as it is read.

    `fileno()` is readable when `read()` has, or may have, something; both never block. A line
    is given when its end was written. Use as a context manager, or call `close`.
    """

    def __init__(self, path: str, query: LogQuery = ALL) -> None:
        """The log need not exist yet, its directory must. Raises HostError, OSError."""
        self._query = query
        self._tail = Tail(path)
        self._tail.place = _tail(self._tail.log, query.tail)
        self._joiner = Joiner(self._tail.log, self._tail.place, split=True)

    def fileno(self) -> int:
        return self._tail.fileno()

    def read(self) -> list[LogLine]:
        """The next batch; empty when nothing new is there. Raises OSError."""
        while data := self._tail.read(BLOCK):
            if lines := _wanted(self._joiner.lines(data), self._query):
                return lines
        return []

    def pass_over(self) -> bool:
        """Go to the end, making no lines of what is new; whether anything is. Raises OSError."""
        found = bool(self._tail.read(1))
        self._tail.skip()
        return found

    def close(self) -> None:
        """Let go of all descriptors; harmless when repeated."""
        self._tail.close()

    def __enter__(self) -> Follower:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
