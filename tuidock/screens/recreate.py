"""Put a container of another spec in the place of one.

Invariant: until the new one runs the old one is there, and whatever goes wrong, it has its name
again and does what it did.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from tuidock.engine.api import Containers
from tuidock.engine.errors import BadSpec, NotFound, StartFailed
from tuidock.engine.types import UP, Container, ContainerSpec, ExitRecord, Status

TRIAL = 1.0
"""Seconds that the new one has to live to count as running."""
GLANCE = 0.1


async def recreate(containers: Containers, it: Container, spec: ContainerSpec) -> Container:
    """Make, stop, rename, start, remove; all of it taken back when one fails.

    Raises what the engine raises, StartFailed when the new one ends at once, and BadSpec for one
    that would be gone as soon as it is stopped.
    """
    if it.spec.remove and it.status in UP:
        raise BadSpec(
            f"{it.name} is removed when it stops (--rm): it cannot wait for the new one",
            "clone it, then stop it",
        )
    name, mark = spec.name or it.name, it.id[:6]
    first = f"{name}-new-{mark}" if name == it.name else name
    new = await containers.create(spec._replace(name=first))
    async with AsyncExitStack() as undo:
        undo.push_async_callback(containers.remove, new.id, force=True)
        if it.status in UP:
            undo.push_async_callback(containers.start, it.id)
            await containers.stop(it.id)
        for each, wanted in ((it, f"{it.name}-old-{mark}"), (new, name)):
            undo.push_async_callback(_name, containers, each.id, each.name)
            await _name(containers, each.id, wanted)
        undo.push_async_callback(containers.stop, new.id, 0)
        await containers.start(new.id)
        await _try_out(containers, new.id)
        undo.pop_all()
    await containers.remove(it.id)
    return new


async def _name(containers: Containers, key: str, name: str) -> None:
    """Give it the name unless it has it."""
    if (await containers.get(key)).name != name:
        await containers.rename(key, name)


async def _try_out(containers: Containers, key: str) -> None:
    """Look whether it stays. One that did its work well and ended is fine; so is `--rm`."""
    for _ in range(round(TRIAL / GLANCE)):
        await asyncio.sleep(GLANCE)
        try:
            it = await containers.get(key)
        except NotFound:
            return
        if it.status in (Status.EXITED, Status.RESTARTING) and _failed(it.exit):
            raise StartFailed(_words(it.exit), "the old one is back; the form has what you typed")


def _failed(exit: ExitRecord | None) -> bool:
    return exit is not None and exit.code != 0


def _words(exit: ExitRecord | None) -> str:
    code = exit.code if exit else 0
    return f"the new container ended at once, with exit code {code}"
