"""One record of a container's log: Kubernetes' CRI log format, so that its tools can read ours.

    2026-11-21T19:00:00.123456789Z stdout F text of a line
    2026-11-21T19:00:00.123456789Z stdout P beginning of a line that goes on

Every record has the same width up to its text, and no record is longer than `LONGEST`.
"""

from __future__ import annotations

import calendar
import time

STAMP = len("2026-11-21T19:00:00.123456789Z")
HEAD = STAMP + len(" stdout F ")
"""Bytes before the text; both streams have names of six letters."""
PIECE = 16 * 1024
"""Longest text of one record, bytes, as in CRI and in docker's json-file."""
LONGEST = HEAD + PIECE + 1

KINDS = {
    b"Z stdout F ": ("stdout", True),
    b"Z stdout P ": ("stdout", False),
    b"Z stderr F ": ("stderr", True),
    b"Z stderr P ": ("stderr", False),
}
"""Bytes `STAMP - 1` to `HEAD` of a record -> its stream, and whether a line ends with it.

What has other bytes there is no record, but what a power cut left of one.
"""

_SECOND = len("2026-11-21T19:00:00")
_seconds: dict[bytes, int] = {}
"""The few dates that were parsed last: neighbours in a log share theirs."""


def stamp(nanoseconds: int) -> bytes:
    """RFC 3339 in UTC with nine digits, for a time since the epoch."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    date = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{date}.{rest:09d}Z".encode()


def head(nanoseconds: int, stream: str, tag: bytes) -> bytes:
    """What stands before the text; `tag` is b"F" for the end of a line, b"P" before it."""
    return b"%s %s %s " % (stamp(nanoseconds), stream.encode(), tag)


def when(record: bytes) -> float:
    """Seconds since the epoch at which a record was written. Raises ValueError."""
    date = record[:_SECOND]
    seconds = _seconds.get(date)
    if seconds is None:
        seconds = calendar.timegm(time.strptime(date.decode(), "%Y-%m-%dT%H:%M:%S"))
        if len(_seconds) > 64:
            _seconds.clear()
        _seconds[date] = seconds
    return seconds + int(record[_SECOND + 1 : STAMP - 1]) / 1e9
