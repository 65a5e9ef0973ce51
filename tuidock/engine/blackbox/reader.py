"""What a black box holds, as columns: for the engine's door, while it is written or after.

Invariant: nothing in the file is trusted. A torn end, blanks and records out of order (a clock
that was set back) are put right; no rate is made over a gap, over a new run, or of a counter
that went backwards.
"""

from __future__ import annotations

import os
from array import array
from bisect import bisect_left

from tuidock.engine.blackbox import ring
from tuidock.engine.linux.gauges import RECORD
from tuidock.engine.named import NamedTuple
from tuidock.engine.types import History

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_LEAST, _GAP = 0.1, 4 * ring.INTERVAL
"""Seconds between two records of which a rate is made: over less it is mostly noise."""
_WHOLE, _HALF = 1 << 32, 1 << 31
_WORDS = RECORD.size // 4
_NETWORK = 1 << ring.NETWORK_SHIFT


class Moment(NamedTuple):
    """One record, and the rates since the one before."""

    at: float
    cpu: float
    memory: int
    pids: int
    received: float
    sent: float
    is_start: bool


def read(path: str, container_id: str, since: float = 0.0) -> History:
    """All that is known from a moment on, oldest first; empty without a file. Raises OSError."""
    found = list(_moments(_records(path), since))
    found.sort(key=lambda each: each.at)
    starts = tuple(each.at for each in found if each.is_start)
    rows = [each for each in found if not each.is_start]
    return History(
        container_id,
        array("d", [each.at for each in rows]),
        array("d", [each.cpu for each in rows]),
        array("q", [each.memory for each in rows]),
        array("q", [each.pids for each in rows]),
        array("d", [each.received for each in rows]),
        array("d", [each.sent for each in rows]),
        starts=starts,
    )


def _records(path: str) -> array[int]:
    """The words of all records in the order in which they were written."""
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


def _moments(words: array[int], since: float) -> Iterator[Moment]:
    """From the last record before `since` on, for the first rate; without that record."""
    columns = [words[at::_WORDS] for at in range(_WORDS)]
    begin = max(0, bisect_left(columns[0], int(since)) - 1) if since else 0
    cores = 4 * (os.cpu_count() or 1)
    before: tuple[float, int, int, int] | None = None
    for second, part, cpu, memory, received, sent in zip(
        *(column[begin:] for column in columns), strict=True
    ):
        if not second:
            continue
        is_start = part & 0xFFFF == ring.NEW_RUN
        at = second + (0.0 if is_start else (part & 0xFFFF) * ring.TICK)
        rates = _rates(before, (at, cpu, received, sent), cores)
        before = None if is_start else (at, cpu, received, sent)
        if at >= since:
            yield Moment(at, rates[0], _bytes(memory), part >> 16, *rates[1:], is_start)


def _rates(
    before: tuple[float, int, int, int] | None, now: tuple[float, int, int, int], cores: int
) -> tuple[float, float, float]:
    """Cores, and bytes a second received and sent."""
    if before is None or not _LEAST <= now[0] - before[0] <= _GAP:
        return 0.0, 0.0, 0.0
    elapsed = now[0] - before[0]
    cpu, received, sent = (
        (new - old) % _WHOLE for old, new in zip(before[1:], now[1:], strict=True)
    )
    used = cpu * ring.CPU_UNIT / elapsed
    received, sent = (each if each < _HALF else 0 for each in (received, sent))
    speeds = received * _NETWORK / elapsed, sent * _NETWORK / elapsed
    return used if used <= cores else 0.0, *speeds


def _bytes(pages: int) -> int:
    """Of an amount that may have been below nothing: usage and cache are read one by one."""
    return pages << ring.MEMORY_SHIFT if pages < _HALF else 0
