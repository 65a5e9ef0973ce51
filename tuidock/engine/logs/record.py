"""One record of a container's log: Kubernetes' CRI log format, so that its tools can read ours.

    2026-11-21T19:00:00.123456789Z stdout F text of a line
    2026-11-21T19:00:00.123456789Z stdout P beginning of a line that goes on

Every record has the same width up to its stream, and UTC stamps of equal width sort as bytes.
"""

from __future__ import annotations

import time

STAMP = len("2026-11-21T19:00:00.123456789Z")
HEAD = STAMP + len(" stdout F ")
"""Bytes before the text; both streams have names of six letters."""
PIECE = 16 * 1024
"""Longest text of one record, bytes, as in CRI and in docker's json-file."""


def stamp(nanoseconds: int) -> bytes:
    """RFC 3339 in UTC with nine digits, for a time since the epoch."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    date = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{date}.{rest:09d}Z".encode()


def head(nanoseconds: int, stream: str, tag: bytes) -> bytes:
    """What stands before the text; `tag` is b"F" for the end of a line, b"P" before it."""
    return b"%s %s %s " % (stamp(nanoseconds), stream.encode(), tag)
