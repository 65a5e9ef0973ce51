"""The logs of several containers as one, in order of time, each line under its container's name.

Invariant: what is gathered between two looks is bounded, and lines gathered together are in
order; a stream that ends or fails leaves the others flowing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from tuidock.engine.api import Containers
from tuidock.engine.types import Container, LogLine, LogQuery

TAIL = 2000
"""Lines of each log to begin with."""
GATHER = 0.25
"""Seconds in which lines are gathered before they are put in order."""
WAITING = 20_000
"""Gathered lines that hold their streams back."""
COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
"""SGR colours of the names, one after the other."""


def banner(chosen: Sequence[Container]) -> str:
    """What the status line says: how many, and the first names."""
    names = ", ".join(it.name for it in chosen[:4])
    return f"merged {len(chosen)}: {names}{', …' if len(chosen) > 4 else ''}"


async def merged(
    containers: Containers, chosen: Sequence[Container]
) -> AsyncGenerator[list[LogLine], None]:
    """Lines of all of them, until the last stream ends; closing it ends them all.

    Raises EngineError when a stream failed, after everything that the others said.
    """
    waiting: list[LogLine] = []
    arrived, room = asyncio.Event(), asyncio.Event()
    width = max((len(it.name) for it in chosen), default=0)

    async def pump(it: Container, colour: int) -> None:
        prefix = f"\x1b[{colour}m{it.name:<{width}}\x1b[0m ".encode()
        try:
            async for lines in containers.logs(it.id, LogQuery(follow=True, tail=TAIL)):
                waiting.extend(line._replace(text=prefix + line.text) for line in lines)
                arrived.set()
                if len(waiting) > WAITING:
                    room.clear()
                    await room.wait()
        finally:
            arrived.set()

    tasks = [
        asyncio.create_task(pump(it, COLOURS[place % len(COLOURS)]))
        for place, it in enumerate(chosen)
    ]
    try:
        while waiting or not all(task.done() for task in tasks):
            await arrived.wait()
            arrived.clear()
            await asyncio.sleep(GATHER)
            batch, waiting[:] = sorted(waiting, key=lambda line: line.at), []
            room.set()
            if batch:
                yield batch
        for task in tasks:
            await task
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
