"""What a black box holds, as columns: for the engine's door, while it is written or after.

Invariant: nothing in the file is trusted. A torn end, blanks and records out of order (a clock
that was set back) are put right; no rate is made over a gap, over a new run, or of a counter
that went backwards.
"""

from __future__ import annotations

import os
import time
from array import array
from bisect import bisect_left
from itertools import compress, pairwise

from tuidock.engine.blackbox import ring, slowly
from tuidock.engine.linux.gauges import RECORD
from tuidock.engine.types import History

_LEAST, _GAP = 0.1, 4 * ring.INTERVAL
"""Seconds between two records of which a rate is made: over less it is mostly noise."""
_COUNTED, _SHARED = (1 << ring.COUNT_BITS) - 1, (1 << ring.SHARED_BITS) - 1
_HALF = 1 << 31
_WORDS = RECORD.size // 4
_MORE = 32
"""Records that are read besides those of a time: marks, and what was written early."""
Columns = list[list[float]]
"""Time, cores, memory, processes, received, sent; then what is told slowly."""


def read(path: str, container_id: str, since: float = 0.0) -> History:
    """All that is known from a moment on, oldest first; empty without a file. Raises OSError."""
    records = _records(path, since)
    parts = records[1]
    marks = [row for row, part in enumerate(parts) if part & 0xFFFF == ring.NEW_RUN]
    edges = [-1, *marks, len(parts)]
    whole: Columns = [[] for _ in range(6 + slowly.COUNT)]
    for before, after in pairwise(edges):
        run = [column[before + 1 : after] for column in records]
        begun = records[0][before] - ring.BEGIN if before >= 0 else None
        for column, more in zip(whole, _columns(run, begun), strict=True):
            column += more
    starts = (float(records[0][row]) for row in marks)
    at, cpu, memory, pids, received, sent, *slow = _in_order(whole, since)
    return History(
        container_id,
        array("d", at),
        array("d", cpu),
        array("q", map(int, memory)),
        array("q", map(int, pids)),
        array("d", received),
        array("d", sent),
        (),
        tuple(each for each in starts if each >= since),
        *(array("f", column) for column in slow),
    )


def _records(path: str, since: float) -> list[array[int]]:
    """The words of records in columns, from the last one before a moment on, for its first rate.

    In the order in which they were written, and without blanks.
    """
    words = _words(path, since)
    columns = [words[at::_WORDS] for at in range(_WORDS)]
    seconds = columns[0]
    if 0 in seconds:
        columns = [array("I", compress(column, seconds)) for column in columns]
    begin = max(0, bisect_left(columns[0], int(since)) - 1 - slowly.LOOK_BACK)
    return [column[begin:] for column in columns]


def _words(path: str, since: float) -> array[int]:
    """Of all records, or of as many of the last as a time can have; blanks among them."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return array("I")
    try:
        if os.pread(file, len(ring.MAGIC), 0) != ring.MAGIC:
            return array("I")
        wanted = max(0.0, time.time() - since) / ring.INTERVAL + _MORE + slowly.LOOK_BACK
        count = min(ring.CAPACITY + 1, int(wanted))
        size = os.fstat(file).st_size
        end = size if size < ring.SIZE else ring.place_of_next(file)
        end = max(ring.FIRST, end - (end - ring.FIRST) % RECORD.size)
        begin = end - count * RECORD.size
        data = os.pread(file, end - max(begin, ring.FIRST), max(begin, ring.FIRST))
        if begin < ring.FIRST and size >= ring.SIZE:  # round the corner
            older = max(end, ring.SIZE - (ring.FIRST - begin))
            data = os.pread(file, ring.SIZE - older, older) + data
    finally:
        os.close(file)
    return array("I", data)


def _columns(run: list[array[int]], begun: float | None) -> Columns:
    """Of the records of one run, and when that began. A whole column at a time: there are 43,200
    of them in a day.
    """
    seconds, parts, memory, first, second, third = run
    at = [s + (part & ring.PART) * ring.TICK for s, part in zip(seconds, parts, strict=True)]
    cores = 4 * (os.cpu_count() or 1)
    received = [low >> 24 | (high & 0xFFFF) << 8 for low, high in zip(first, second, strict=True)]
    sent = [low >> 16 | (high & 0xFF) << 16 for low, high in zip(second, third, strict=True)]
    unit = 1 << ring.TRAFFIC_SHIFT
    return [
        at,
        _rates(at, [word & _COUNTED for word in first], ring.TIME_UNIT, _COUNTED, cores),
        [pages << ring.PAGE_SHIFT if pages < _HALF else 0 for pages in memory],
        [part >> 16 for part in parts],
        _rates(at, received, unit, _SHARED, _SHARED * unit),
        _rates(at, sent, unit, _SHARED, _SHARED * unit),
        *slowly.columns(at, parts, third, begun),
    ]


def _rates(at: list[float], counter: list[int], unit: float, bits: int, most: float) -> list[float]:
    """What a counter has grown by a second; 0.0 where it says more than can be."""
    steps = zip(at, at[1:], counter, counter[1:], strict=False)
    rates = [
        (now - before & bits) * unit / (later - sooner) if _LEAST <= later - sooner <= _GAP else 0.0
        for sooner, later, before, now in steps
    ]
    return [0.0, *(rate if rate <= most else 0.0 for rate in rates)] if at else []


def _in_order(columns: Columns, since: float) -> Columns:
    """By time, should a clock have been set back; from a moment on."""
    at = columns[0]
    if any(later < sooner for sooner, later in pairwise(at)):
        order = sorted(range(len(at)), key=at.__getitem__)
        columns = [[column[row] for row in order] for column in columns]
    first = bisect_left(columns[0], since)
    return [column[first:] for column in columns]
