"""What flows from the engine into the World, and nothing else.

Invariant: the World is written here only, always on the event loop, at most every `BATCH`
seconds for a burst of events. Knows the engine's door and no widget.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, suppress
from functools import partial, reduce
from typing import TypeVar

from tuidock.engine.api import Engine
from tuidock.engine.errors import Cancelled, EngineError, NotFound, WrongStatus
from tuidock.engine.events import Event
from tuidock.engine.types import Container, Sample
from tuidock.world import Pull, World

BATCH = 1 / 20
"""Seconds in which events are gathered into one change of the World."""
INTERVAL = 1.0
"""Seconds between two samples."""
DAY = 86_400.0
"""Seconds of the past that are shown."""
PATIENCE = 2.0
"""Seconds before a broken feed is tried again."""

T = TypeVar("T")
Write = Callable[[Callable[[World], World]], None]
Report = Callable[[EngineError], None]


class Feeds:
    """The worker bodies; the app gives them a task each."""

    def __init__(
        self,
        engine: Engine,
        write: Write,
        report: Report,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._now = now
        self._write = write
        self._tell = report
        self._told: set[str] = set()
        self._events: AsyncIterator[Event] | None = None
        self._samples: AsyncIterator[Sequence[Sample]] | None = None
        """Sources that `begin` opened, for the feeds to go on with."""

    async def begin(self) -> None:
        """Read everything and take the first samples before there is a screen.

        The first frame is whole then, and reading is quicker while nobody else computes. What
        goes wrong here the feeds meet again, and tell.
        """
        with suppress(Exception):
            events = self._engine.events()
            await self.refresh()
            self._events = events
            samples = self._engine.containers.stats(interval=INTERVAL)
            self._measure(await anext(samples))
            self._samples = samples

    def _report(self, error: EngineError) -> None:
        """A feed that stays broken is told of once, not at every try."""
        if error.message not in self._told:
            self._told.add(error.message)
            self._tell(error)

    async def follow_events(self) -> None:
        """Read everything once, then what each event names; again from the start if it breaks."""
        while True:
            try:
                events, self._events = self._events, None
                if events is None:
                    events = self._engine.events()
                    await self.refresh()
                async for batch in batches(events, BATCH):
                    await self._digest(batch)
                return
            except EngineError as error:
                self._report(error)
                await asyncio.sleep(PATIENCE)

    async def refresh(self) -> None:
        """Read everything anew."""
        engine = self._engine
        containers = await engine.containers.list()
        images = await engine.images.list()
        info = await engine.info()
        self._write(lambda world: world.with_all(containers, images, info))

    async def _digest(self, batch: Sequence[Event]) -> None:
        ids = {it.id for it in batch if it.kind == "container"}
        changed, gone = await self._look_at(ids)
        self._write(lambda world: world.with_containers(changed, gone).with_events(batch))
        if any(it.kind == "image" for it in batch):
            images = await self._engine.images.list()
            self._write(lambda world: world.with_images(images))

    async def _look_at(self, ids: set[str]) -> tuple[list[Container], list[str]]:
        changed: list[Container] = []
        gone: list[str] = []
        for key in ids:
            try:
                changed.append(await self._engine.containers.get(key))
            except NotFound:
                gone.append(key)
        return changed, gone

    async def follow_stats(self) -> None:
        """Every running container's samples, until the app ends."""
        while True:
            try:
                samples, self._samples = self._samples, None
                async for batch in samples or self._engine.containers.stats(interval=INTERVAL):
                    self._measure(batch)
                return
            except EngineError as error:
                self._report(error)
                await asyncio.sleep(PATIENCE)

    def _measure(self, batch: Sequence[Sample]) -> None:
        now = self._now()
        self._write(lambda world: world.with_samples(batch, now))

    async def recall(self, container_id: str, since: float | None = None) -> None:
        """Read a container's black box, from a moment on or a day of it. Raises EngineError."""
        begin = self._now() - DAY if since is None else since
        history = await self._engine.containers.history(container_id, begin)
        self._write(lambda world: world.with_history(history))

    async def dissect(self, container_id: str, *, lives: bool) -> None:
        """How a container is made; then, while it `lives`, what the kernel says of it, again and
        again until the task is cancelled. Raises EngineError, but not for its end.
        """
        found = await self._engine.containers.anatomy(container_id)
        self._write(lambda world: world.with_anatomy(found))
        while lives:
            try:
                living = await self._engine.containers.living(container_id)
            except (NotFound, WrongStatus):
                return
            self._write(partial(World.with_living, living=living))
            await asyncio.sleep(INTERVAL)

    async def pull(self, reference: str, platform: str = "") -> Pull:
        """Pull an image, telling the World at every step; how it ended is in the result.

        Cancelling the task stops the download; what is here stays for the next try.
        """
        pull = Pull(reference)
        self._show(pull)
        try:
            source = self._engine.images.pull(reference, platform)
            async with aclosing(batches(source, BATCH)) as progress:
                async for batch in progress:
                    pull = reduce(Pull.after, batch, pull)
                    self._show(pull)
        except EngineError as error:
            pull = pull._replace(error=error)
        except asyncio.CancelledError:
            pull = pull._replace(error=Cancelled("cancelled", "what is here is kept for next time"))
            raise
        finally:
            self._show(pull)
        return pull

    def _show(self, pull: Pull) -> None:
        self._write(lambda world: world.with_pull(pull))


async def batches(source: AsyncIterator[T], within: float) -> AsyncGenerator[list[T], None]:
    """The first at once, then what gathers in each `within` seconds; closes `source` at the end.

    What the source raises comes after everything it gave.
    """
    waiting: list[T] = []
    arrived = asyncio.Event()

    async def pump() -> None:
        try:
            async for item in source:
                waiting.append(item)
                arrived.set()
        finally:
            arrived.set()

    task = asyncio.create_task(pump())
    try:
        while not (task.done() and not waiting):
            await arrived.wait()
            arrived.clear()
            if waiting:
                batch, waiting[:] = waiting[:], []
                yield batch
            await asyncio.wait({task}, timeout=within)
        await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if isinstance(source, AsyncGenerator):
            await source.aclose()
