"""What a monitor does later: functions to call, each at its time.

There are a handful at most, so a list is searched. Invariant: a call is made once, never before
its time, and never after it was cancelled, not even by a call that was due at the same moment.
"""

from __future__ import annotations

import math
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


_LONGEST = 2**31 - 1
"""Milliseconds, 24 days: poll(2) takes no more, and to wake up early does no harm."""


class Timer:
    """One call to come."""

    __slots__ = ("call", "due")

    def __init__(self, due: float, call: Callable[[], object]) -> None:
        self.due = due
        """CLOCK_MONOTONIC, seconds."""
        self.call = call


class Timers:
    """All calls to come of one event loop."""

    def __init__(self) -> None:
        self._waiting: list[Timer] = []

    def after(self, seconds: float, call: Callable[[], object]) -> Timer:
        """Call it in so many seconds; the result is for `cancel`."""
        timer = Timer(time.monotonic() + seconds, call)
        self._waiting.append(timer)
        return timer

    def cancel(self, timer: Timer | None) -> None:
        """No-op for one that was called already, and for None."""
        if timer in self._waiting:
            self._waiting.remove(timer)

    def patience(self) -> int | None:
        """Milliseconds, rounded up, until something is due, for poll(2); None when nothing is."""
        if not self._waiting:
            return None
        left = min(timer.due for timer in self._waiting) - time.monotonic()
        return min(max(0, math.ceil(left * 1000)), _LONGEST)

    def run(self) -> None:
        """Call what is due, in order of time."""
        now = time.monotonic()
        for timer in sorted(self._waiting, key=lambda timer: timer.due):
            if timer.due <= now and timer in self._waiting:
                self._waiting.remove(timer)
                timer.call()
