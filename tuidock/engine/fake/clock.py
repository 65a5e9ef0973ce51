"""Time for the fake engine: one clock that runs, and one that only a test turns.

Invariant: the fake asks no other clock, so that with `StoppedClock` two runs are identical.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from typing import Protocol


class Clock(Protocol):
    """Seconds since the epoch, and waiting."""

    def time(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


class RunningClock:
    """The wall clock."""

    def time(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class StoppedClock:
    """A clock that stands until somebody turns it."""

    def __init__(self, at: float = 1_760_000_000.0) -> None:
        self._now = at
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def time(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Return once the clock was turned that far; 0 only lets others run."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), future))
        await future

    async def advance(self, seconds: float) -> None:
        """Turn the clock, waking every sleeper at its own moment, in order."""
        end = self._now + seconds
        await self._breathe()
        while self._sleepers and self._sleepers[0][0] <= end:
            self._now, _, future = heapq.heappop(self._sleepers)
            if not future.done():
                future.set_result(None)
                await self._breathe()
        self._now = end

    @staticmethod
    async def _breathe() -> None:
        """Let woken tasks run until they sleep again; a dozen steps are more than any needs."""
        for _ in range(12):
            await asyncio.sleep(0)
