"""The file of a black box: a day of records of one size, the newest in the place of the oldest.

A record is what `linux.gauges` writes. Behind the newest there is always a blank one; behind a
mark there is the first record of another run. Invariant: at most `SIZE` bytes, below one MiB, and
whatever a crash leaves in it, the next writer finds a place to go on.
"""

from __future__ import annotations

import os
import struct
import time
from array import array

from tuidock.engine.linux.gauges import RECORD, TIME_BITS, Ring

INTERVAL = 2.0
"""Seconds from one record to the next."""
BEGIN = 1.0
"""Seconds after its start at which a container is looked at for the first time."""
CAPACITY = 43_200 + 1
"""Places for records: a day of them, and a blank one."""
_HEADER = struct.Struct("=8sII8x")
MAGIC = b"tdring\0\2"
"""Its last byte is the version of the format."""
FIRST = _HEADER.size
LAST = FIRST + (CAPACITY - 1) * RECORD.size
SIZE = LAST + 2 * RECORD.size
PIDS, MEMORY, CPU, RECEIVED, SENT, SLOW = 6, 8, 12, 15, 18, 21
"""Offsets in a record of 16, 32, and four times 24 bits."""
THROTTLED, STALLED_CPU, STALLED_MEMORY, STALLED_IO, READ, WRITTEN, NOTHING = range(7)
"""What stands in the last of them, by the mark of the record: each is counted up too, so that
nothing between two records is missed.
"""
TIME_UNIT = 65.536e-6
"""Seconds, of what is a time."""
PAGE_SHIFT, TRAFFIC_SHIFT, BLOCK_SHIFT = 12, 10, 14
"""Bits by which bytes are shifted: memory, network, block I/O."""
COUNT_BITS, SHARED_BITS = 24, 22
"""Of a counter, and of one that up to `SHARERS` gauges are added to."""
SHARERS = 4
NEW_RUN = 0xFFFF
"""A part of a second that there is none of marks the beginning of a run."""
TICK = (1 << 17) / 1e9
"""Seconds: what parts of a second are counted in."""
PART = (1 << TIME_BITS) - 1
"""Bits of the part; the mark is above."""
_PIECE = 1024


def open_ring(path: str, *, new_run: bool) -> Ring:
    """Open it to write, made if missing; an unknown one is begun anew. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        header = _HEADER.pack(MAGIC, int(INTERVAL * 1000), CAPACITY)
        if os.pread(descriptor, FIRST, 0) != header:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, header, 0)
        following = place_of_next(descriptor)
        if new_run:
            mark = RECORD.pack(int(time.time()), NEW_RUN, 0, bytes(16))
            os.pwrite(descriptor, mark + bytes(RECORD.size), following)
            following = FIRST if following == LAST else following + RECORD.size
    except OSError:
        os.close(descriptor)
        raise
    return Ring(descriptor, FIRST, LAST, following)


def place_of_next(descriptor: int) -> int:
    """Where the next record goes: the blank one, or where a torn file ends. Raises OSError."""
    slots = min((os.fstat(descriptor).st_size - FIRST) // RECORD.size, CAPACITY + 1)
    if slots <= CAPACITY:
        return FIRST + max(0, slots - 1) * RECORD.size
    for begin in range(0, CAPACITY, _PIECE):
        data = os.pread(descriptor, _PIECE * RECORD.size, FIRST + begin * RECORD.size)
        seconds = array("I", data[: len(data) // RECORD.size * RECORD.size])[:: RECORD.size // 4]
        if 0 in seconds:
            return FIRST + min(begin + seconds.index(0), CAPACITY) % CAPACITY * RECORD.size
    return FIRST
