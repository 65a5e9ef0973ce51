"""What is done one thing after the other, with the time that each took.

For the record of a container's birth. Invariant: a lap begins where the one before ended, so that
no time between them is lost.
"""

from __future__ import annotations

import time

Lap = tuple[int, int, list[str]]
"""Beginning and end in nanoseconds of CLOCK_MONOTONIC, and what was done meanwhile, in words."""


class Laps:
    """Begins with the first lap."""

    def __init__(self) -> None:
        self.all: list[Lap] = []
        self._since = time.monotonic_ns()

    def done(self, *steps: str) -> None:
        """A lap ends; one without steps belongs to the next."""
        if steps:
            now = time.monotonic_ns()
            self.all.append((self._since, now, list(steps)))
            self._since = now
