"""The logs of several containers as one, in order of time, each line under its container's name.

With files it is `MergedIndex` that puts them in order; this is for logs that have none.

Invariant: what is gathered between two looks is bounded, and lines gathered together are in
order; a stream that ends or fails leaves the others flowing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

from tuidock.engine.api import Containers
from tuidock.engine.types import Container, LogLine, LogQuery

TAIL = 2000
"""Lines of each log to begin with."""
GATHER = 0.25
"""Seconds in which lines are gathered before they are put in order."""
WAITING = 20_000
"""Gathered lines that hold their streams back."""


def banner(chosen: Sequence[Container]) -> str:
    """What the status line says: how many, and the first names."""
    names = ", ".join(it.name for it in chosen[:4])
    return f"merged {len(chosen)}: {names}{', …' if len(chosen) > 4 else ''}"


class _Gathered:
    """Lines of all streams that were not taken yet."""

    def __init__(self) -> None:
        self.waiting: list[LogLine] = []
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()

    async def pump(self, stream: AsyncIterator[Sequence[LogLine]], name: str) -> None:
        """Gather a stream to its end, not much faster than it is taken."""
        try:
            async for lines in stream:
                self.waiting += [line._replace(name=name) for line in lines]
                self._arrived.set()
                if len(self.waiting) > WAITING:
                    self._room.clear()
                    await self._room.wait()
        finally:
            self._arrived.set()

    async def take(self) -> list[LogLine]:
        """What came in a short time from the next line on, in order; nothing at a stream's end."""
        await self._arrived.wait()
        self._arrived.clear()
        await asyncio.sleep(GATHER)
        batch, self.waiting = sorted(self.waiting, key=lambda line: line.at), []
        self._room.set()
        return batch


def names(chosen: Sequence[Container]) -> list[str]:
    """What stands before the lines of each."""
    width = max((len(it.name) for it in chosen), default=0)
    return [f"{it.name:<{width}} " for it in chosen]


async def merged(
    containers: Containers, chosen: Sequence[Container]
) -> AsyncGenerator[list[LogLine], None]:
    """Lines of all of them, until the last stream ends; closing it ends them all.

    Raises EngineError when a stream failed, after everything that the others said.
    """
    gathered = _Gathered()
    query = LogQuery(follow=True, tail=TAIL)
    tasks = [
        asyncio.create_task(gathered.pump(containers.logs(it.id, query), name))
        for it, name in zip(chosen, names(chosen), strict=True)
    ]
    try:
        while gathered.waiting or not all(task.done() for task in tasks):
            if batch := await gathered.take():
                yield batch
        for task in tasks:
            await task
    finally:
        await _ended(tasks)


async def watch(
    containers: Containers, chosen: Sequence[Container], grown: Callable[[], None]
) -> None:
    """Tell of new lines of any of them, until the last one ends. Raises EngineError, as above."""
    tasks = [asyncio.create_task(_watch_one(containers, it, grown)) for it in chosen]
    try:
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in tasks:
            await task
    finally:
        await _ended(tasks)


async def _watch_one(containers: Containers, it: Container, grown: Callable[[], None]) -> None:
    async for _ in containers.log_growth(it.id):
        grown()


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
