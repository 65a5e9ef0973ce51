"""Lines of several logs as one, in order of time, by number: an index over their indexes.

The sum of the numbers that the next line has in each log is its number here, so a number once
given stays. Known are *cuts*: for each log the first line written at or after the same moment;
what is between two of them is put in order when somebody reads it. Memory: one cut for some
hundred kilobytes of log.

Threads: as with `LogIndex`.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from operator import itemgetter

from tuidock.engine.logs.index import AT_ONCE, LogIndex, Survey, moment
from tuidock.engine.logs.record import HEAD, KINDS, STAMP
from tuidock.engine.named import NamedTuple
from tuidock.engine.types import LogLine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Cut = tuple[int, ...]

PASSAGE = 1 << 18
"""Bytes of log between two cuts, about."""
FRESH = 2000
"""Lines at the end that may be put in order anew when more come."""
_KEPT = 4
"""Passages that are kept in order, because the next page is likely to be of the same."""
_PLACES = 4
"""Places of an index that a passage has, of all logs together."""


class Found(NamedTuple):
    """What was found before a cut: cuts, oldest first, or what one log says of itself."""

    before: Cut
    cuts: list[Cut]
    part: int = 0
    survey: Survey | None = None


class MergedIndex:
    """Lines `first` to `end - 1` of several logs. Use as a context manager, or call `close`."""

    def __init__(self, logs: Sequence[tuple[str, Sequence[str]]], at_once: int = 0) -> None:
        """(what to put before each line, paths as for `LogIndex`) of each log. Raises OSError."""
        self._names = [name for name, _ in logs]
        self._parts: list[LogIndex] = []
        share = (at_once or AT_ONCE) // max(1, len(logs))
        try:
            self._parts += (LogIndex(paths, share) for _, paths in logs)
            self._ends: Cut = tuple(part.end for part in self._parts)
            # Parallel: a cut, and the number of the first line behind it.
            self._cuts, self._numbers = [self._ends], array("q", [sum(self._ends)])
            self._newest = max((part.newest for part in self._parts), default=0.0)
            self.take(self.survey(at_once or AT_ONCE))
        except BaseException:
            self.close()
            raise
        self._recent: dict[tuple[Cut, Cut], list[tuple[float, bytes, str]]] = {}

    def __enter__(self) -> MergedIndex:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files; harmless when repeated."""
        for part in self._parts:
            part.close()

    def hold(self) -> None:
        """Keep the files open until `release`."""
        for part in self._parts:
            part.hold()

    def release(self) -> None:
        """Undo one `hold`."""
        for part in self._parts:
            part.release()

    @property
    def first(self) -> int:
        """Number of the oldest line that is known and still there."""
        return self._numbers[0]

    @property
    def end(self) -> int:
        return sum(self._ends)

    @property
    def _firsts(self) -> Cut:
        return tuple(part.first for part in self._parts)

    @property
    def complete(self) -> bool:
        """Whether nothing is left to look for."""
        return all(part.complete for part in self._parts) and self._cuts[0] == self._firsts

    @property
    def uncounted(self) -> float:
        """Share of the logs before the first line known, from 0 to 1."""
        size = max(1, sum(part.size for part in self._parts))
        counted = 1 - sum(part.uncounted * part.size for part in self._parts) / size
        lines = self.end - sum(self._firsts)
        return 1 - counted * ((self.end - self.first) / lines if lines else 1)

    # --- older ------------------------------------------------------------------------------

    def survey(self, size: int) -> Found:
        """Look back over about `size` bytes, for `take` to know them. Raises OSError."""
        before = cut = self._cuts[0]
        cuts: list[Cut] = []
        while len(cuts) * PASSAGE < size and (older := self._older(cut)):
            cuts.append(older)
            cut = older
        if cuts or not (behind := self._behind(cut)):
            return Found(before, cuts[::-1])
        return Found(before, [], behind[0], self._parts[behind[0]].survey(size))

    def take(self, found: Found) -> None:
        """Know what was found, unless more is known by now."""
        if found.survey is not None:
            self._parts[found.part].take(found.survey)
        elif found.before == self._cuts[0]:
            self._cuts = found.cuts + self._cuts
            self._numbers = array("q", map(sum, found.cuts)) + self._numbers

    def _behind(self, cut: Cut) -> list[int]:
        """Logs of which lines before a cut may be there that are not counted."""
        each = zip(self._parts, cut, strict=True)
        return [n for n, (part, at) in enumerate(each) if at <= part.first and not part.complete]

    def _older(self, cut: Cut) -> Cut | None:
        """The cut before one; None when there is none, or nobody can tell yet."""
        if self._behind(cut):
            return None
        places = max(1, _PLACES // len(self._parts))
        moments = [
            (*part.moment_before(stop, places), number)
            for number, (part, stop) in enumerate(zip(self._parts, cut, strict=True))
            if stop > part.first
        ]
        if not moments:
            return None
        at, line, leader = max(moments)
        older = [
            min(stop, part.first_at(at)) if stop > part.first else stop
            for part, stop in zip(self._parts, cut, strict=True)
        ]
        # Whatever a clock did: it goes back at every step.
        older[leader] = min(older[leader], line)
        return tuple(older)

    def head(self) -> tuple[list[LogLine], float]:
        """The oldest lines, known or not, and their share of the logs. Raises OSError."""
        heads = [part.head() for part in self._parts]
        # Of the others nothing is known behind the one that ends first.
        cut_off = [lines[-1].at for lines, share in heads if lines and share < 1]
        found = self._ordered([lines for lines, _ in heads])
        kept = [line for line in found if line.at <= min(cut_off, default=line.at)]
        size = max(1, sum(part.size for part in self._parts))
        read = sum(it[1] * part.size for it, part in zip(heads, self._parts, strict=True))
        return kept, read / size * len(kept) / max(1, len(found))

    # --- newer ------------------------------------------------------------------------------

    def grow(self) -> int:
        """Take in what was written since; how many lines. Raises OSError."""
        before, ends = self.end, self._ends
        oldest = self._grown()
        if self.end > before:
            # Put in order with those before them, unless that would give these other numbers.
            if oldest < self._newest or before - self._numbers[-1] >= FRESH:
                self._cuts.append(ends)
                self._numbers.append(before)
            self._newest = max(self._newest, *(part.newest for part in self._parts))
        self._forget_deleted()
        return self.end - before

    def _grown(self) -> float:
        """Let every log grow; when the oldest of the new records was written."""
        oldest = []
        for part in self._parts:
            begin = part.counted_to
            part.grow()
            oldest.append(part.at(begin))
        self._ends = tuple(part.end for part in self._parts)
        return min(oldest)

    def _forget_deleted(self) -> None:
        firsts = self._firsts
        gone = 0
        while gone < len(self._cuts) and any(map(int.__lt__, self._cuts[gone], firsts)):
            gone += 1
        if gone:
            there = tuple(map(max, self._cuts[gone - 1], firsts))
            self._cuts[:gone] = [there]
            self._numbers[:gone] = array("q", [sum(there)])

    # --- reading ----------------------------------------------------------------------------

    def lines(self, start: int, stop: int) -> list[LogLine]:
        """Lines `start` to `stop - 1`, as far as they exist. Raises OSError."""
        start, stop = max(start, self.first), min(stop, self.end)
        found: list[LogLine] = []
        place = bisect_right(self._numbers, start) - 1
        while start < stop and place < len(self._numbers):
            number = self._numbers[place]
            found += self._passage(place, max(start - number, 0), stop - number)
            place += 1
            if place < len(self._numbers) and self._numbers[place] >= stop:
                break
        return found

    def _passage(self, place: int, start: int, stop: int) -> list[LogLine]:
        """Some of the lines from one cut to the next, counted from the first."""
        records = self._records(place)
        if records is not None:
            return [_line(record, name) for _, record, name in records[start:stop]]
        spans = zip(self._parts, self._cuts[place], self._following(place), strict=True)
        return self._ordered([part.lines(*span) for part, *span in spans])[start:stop]

    def _following(self, place: int) -> Cut:
        return self._cuts[place + 1] if place + 1 < len(self._cuts) else self._ends

    def _records(self, place: int) -> list[tuple[float, bytes, str]] | None:
        """(time, record, name) from one cut to the next; None when lines may be in pieces."""
        cut, following = self._cuts[place], self._following(place)
        known = self._recent.get((cut, following))
        if known is not None:
            return known
        found: list[tuple[float, bytes, str]] = []
        for name, part, *span in zip(self._names, self._parts, cut, following, strict=True):
            records = part.records(*span)
            if records is None:
                return None
            found += [(moment(record), record, name) for record in records]
        found.sort(key=itemgetter(0))
        # A new one: another thread may be looking something up in the old.
        kept = self._recent if len(self._recent) < _KEPT else {}
        self._recent = {**kept, (cut, following): found}
        return found

    def _ordered(self, parts: Sequence[Sequence[LogLine]]) -> list[LogLine]:
        """Lines of each log, by time and under its name."""
        found = [
            LogLine(line.at, line.stream, line.text, line.partial, name)
            for name, lines in zip(self._names, parts, strict=True)
            for line in lines
        ]
        return sorted(found, key=lambda line: line.at)

    def texts(self, start: int, stop: int) -> list[bytes]:
        """What lines say, under whose name. Raises OSError."""
        low, high = bisect_left(self._numbers, start), bisect_left(self._numbers, stop)
        found = [self._records(place) for place in range(low, high)]
        said = [name.encode() + record[HEAD:] for each in found if each for _, record, name in each]
        if len(said) == stop - start and self._numbers[low] == start:
            return said
        return [line.name.encode() + line.text for line in self.lines(start, stop)]

    def raw(self, start: int, stop: int) -> bytes:
        """Bytes that have all texts of a passage in them; empty when there are none such.

        Raises OSError.
        """
        low, high = bisect_left(self._numbers, start), bisect_left(self._numbers, stop)
        if low == len(self._numbers) or self._numbers[low] != start:
            return b""
        following = self._cuts[high] if high < len(self._cuts) else self._ends
        each = zip(self._names, self._parts, self._cuts[low], following, strict=True)
        found = [_under(name, part.around(begin, end)) for name, part, begin, end in each]
        whole = [records for records in found if records is not None]
        return b"".join(whole) if len(whole) == len(found) else b""

    def before(self, number: int) -> int:
        """The cut before a line, where the passage that ends with it begins."""
        return self._numbers[max(bisect_left(self._numbers, number) - 1, 0)]

    def after(self, number: int) -> int:
        """The cut after a line, where the passage that it is in ends."""
        place = bisect_right(self._numbers, number)
        return self._numbers[place] if place < len(self._numbers) else self.end

    def first_at(self, at: float) -> int:
        """The first known line written at or after a moment; `end` for none. Raises OSError."""
        return min(max(self.first, sum(part.first_at(at) for part in self._parts)), self.end)


def _under(name: str, records: bytes | None) -> bytes | None:
    """Records with a name before each text; None when nobody can tell at a glance where that is."""
    if records is None:
        return None
    whole = 0
    for kind in (b"Z stdout F ", b"Z stderr F "):
        whole += records.count(kind)
        records = records.replace(kind, kind + name.encode())
    return records if whole == records.count(b"\n") else None


def _line(record: bytes, name: str) -> LogLine:
    kind = KINDS.get(record[STAMP - 1 : HEAD])
    if kind is None:
        return LogLine(0.0, "stdout", record, False, name)
    return LogLine(moment(record), kind[0], record[HEAD:], False, name)
