"""What a black box holds, as columns: for the engine's door, while it is written or after.

Invariant: nothing in the file is trusted. A torn end, blanks and records out of order (a clock
that was set back) are put right; no rate is made over a gap, over a new run, or of a counter
that went backwards.
"""

from __future__ import annotations

import os
from array import array
from bisect import bisect_left
from itertools import compress, pairwise

from tuidock.engine.blackbox import ring
from tuidock.engine.linux.gauges import RECORD
from tuidock.engine.types import History

_LEAST, _GAP = 0.1, 4 * ring.INTERVAL
"""Seconds between two records of which a rate is made: over less it is mostly noise."""
_WHOLE, _HALF = 1 << 32, 1 << 31
_WORDS = RECORD.size // 4
_NETWORK = 1 << ring.NETWORK_SHIFT
Columns = list[list[float]]
"""Time, cores, memory, processes, received, sent."""


def read(path: str, container_id: str, since: float = 0.0) -> History:
    """All that is known from a moment on, oldest first; empty without a file. Raises OSError."""
    records = _records(path, since)
    parts = records[1]
    marks = [row for row, part in enumerate(parts) if part & 0xFFFF == ring.NEW_RUN]
    edges = [-1, *marks, len(parts)]
    whole: Columns = [[] for _ in range(6)]
    for before, after in pairwise(edges):
        run = [column[before + 1 : after] for column in records]
        for column, more in zip(whole, _columns(run), strict=True):
            column += more
    begun = (float(records[0][row]) for row in marks)
    at, cpu, memory, pids, received, sent = _in_order(whole, since)
    return History(
        container_id,
        array("d", at),
        array("d", cpu),
        array("q", map(int, memory)),
        array("q", map(int, pids)),
        array("d", received),
        array("d", sent),
        starts=tuple(each for each in begun if each >= since),
    )


def _records(path: str, since: float) -> list[array[int]]:
    """The words of records in columns, from the last one before a moment on, for its first rate.

    In the order in which they were written, and without blanks.
    """
    words = _words(path)
    columns = [words[at::_WORDS] for at in range(_WORDS)]
    seconds = columns[0]
    if 0 in seconds:
        columns = [array("I", compress(column, seconds)) for column in columns]
    begin = max(0, bisect_left(columns[0], int(since)) - 1)
    return [column[begin:] for column in columns]


def _words(path: str) -> array[int]:
    try:
        with open(path, "rb", buffering=0) as file:
            data = file.read(ring.SIZE)
    except FileNotFoundError:
        return array("I")
    if not data.startswith(ring.MAGIC):
        return array("I")
    words = array("I", data[ring.FIRST : ring.FIRST + _whole(len(data) - ring.FIRST)])
    seconds = words[::_WORDS]
    if len(data) < ring.SIZE or 0 not in seconds:
        return words
    newest = seconds.index(0) * _WORDS
    return words[newest:] + words[:newest]


def _whole(size: int) -> int:
    return max(0, size) // RECORD.size * RECORD.size


def _columns(run: list[array[int]]) -> Columns:
    """Of the records of one run. A whole column at a time: there are 43,200 of them in a day."""
    seconds, parts, cpu, memory, received, sent = run
    at = [s + (part & 0xFFFF) * ring.TICK for s, part in zip(seconds, parts, strict=True)]
    cores = 4 * (os.cpu_count() or 1)
    return [
        at,
        _rates(at, cpu, ring.CPU_UNIT, cores),
        [pages << ring.MEMORY_SHIFT if pages < _HALF else 0 for pages in memory],
        [part >> 16 for part in parts],
        _rates(at, received, _NETWORK, _HALF * _NETWORK),
        _rates(at, sent, _NETWORK, _HALF * _NETWORK),
    ]


def _rates(at: list[float], counter: array[int], unit: float, most: float) -> list[float]:
    """What a counter of 32 bits has grown by a second; 0.0 where it says more than can be."""
    steps = zip(at, at[1:], counter, counter[1:], strict=False)
    rates = [
        (now - before) % _WHOLE * unit / (later - sooner)
        if _LEAST <= later - sooner <= _GAP
        else 0.0
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
