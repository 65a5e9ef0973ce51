"""Waiting for what another process does, instead of for a time."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(look: Callable[[], object], seconds: float = 60.0) -> object:
    """Poll until something is so, and return what was seen; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"nothing came of {look}"
        time.sleep(0.005)
    return found
