"""Times as RFC 3339 text in UTC, the way docker prints them."""

from __future__ import annotations

import time

_NEVER = "0001-01-01T00:00:00Z"


def rfc3339(at: float) -> str:
    """Seconds since the epoch with nanoseconds' width; 0 is docker's word for never."""
    if not at:
        return _NEVER
    stem = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(int(at)))
    return f"{stem}.{int((at % 1) * 1e9):09d}Z"
