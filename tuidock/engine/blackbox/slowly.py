"""What a black box tells of by turns: a record has one of six counters, by its mark.

Pure functions. Invariant: a counter is never guessed: between two of its records stands what it
grew by, and before the first what it had grown to since the run began.
"""

from __future__ import annotations

from array import array

from tuidock.engine.blackbox import ring
from tuidock.engine.linux.gauges import TIME_BITS

COUNT = 6
LOOK_BACK = 2 * COUNT
"""Records before those of a time that have something to say of it."""
_GAP = 4 * COUNT * ring.INTERVAL
"""Seconds between two records of one counter of which a rate is made."""
_COUNTED, _SHARED = (1 << ring.COUNT_BITS) - 1, (1 << ring.SHARED_BITS) - 1
_BLOCK = 1 << ring.BLOCK_SHIFT
_PERCENT = 100 * ring.TIME_UNIT
_KINDS = (
    (ring.READ, _BLOCK, _SHARED, float(_SHARED * _BLOCK)),
    (ring.WRITTEN, _BLOCK, _SHARED, float(_SHARED * _BLOCK)),
    (ring.THROTTLED, ring.TIME_UNIT, _COUNTED, 1.0),
    (ring.STALLED_CPU, _PERCENT, _COUNTED, 100.0),
    (ring.STALLED_MEMORY, _PERCENT, _COUNTED, 100.0),
    (ring.STALLED_IO, _PERCENT, _COUNTED, 100.0),
)
"""Mark, unit, bits and the highest rate of each, in the order of `History`."""


def columns(
    at: list[float], parts: array[int], words: array[int], begun: float | None
) -> list[list[float]]:
    """A column of each, as long as the others; `begun` is when the run did, if that is known."""
    rows: list[list[int]] = [[] for _ in range(8)]
    for row, part in enumerate(parts):
        rows[part >> TIME_BITS & 7].append(row)
    return [
        _stretched(at, rows[mark], words, begun, unit, bits, most)
        for mark, unit, bits, most in _KINDS
    ]


def _stretched(
    at: list[float],
    rows: list[int],
    words: array[int],
    begun: float | None,
    unit: float,
    bits: int,
    most: float,
) -> list[float]:
    """The growth a second of one counter, for every record up to the one that tells it."""
    found: list[float] = []
    before, since, rate = 0, begun, 0.0
    for row in rows:
        now, moment = words[row] >> 8, at[row]
        grown, elapsed = now - before & bits, moment - since if since is not None else 0.0
        is_sound = 0.0 < elapsed <= _GAP and grown <= bits >> 1
        rate = min(most, grown * unit / elapsed) if is_sound else 0.0
        found += [rate] * (row + 1 - len(found))
        before, since = now, moment
    return found + [rate] * (len(at) - len(found))
