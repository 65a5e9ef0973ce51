"""FakeEngine: the Protocol of `engine.api` in memory, for screen tests and screenshots.

Deterministic: time comes from a clock that tests turn (`StoppedClock`), ids and names from
counters. The contract suite holds it and the real engine to the same text.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from tuidock import __version__
from tuidock.engine.events import Event
from tuidock.engine.fake.clock import Clock, RunningClock, StoppedClock
from tuidock.engine.fake.containers import FakeContainers
from tuidock.engine.fake.files import FakeFiles
from tuidock.engine.fake.images import FakeImages, FakeRegistry, full
from tuidock.engine.fake.programs import Load, Program, Step
from tuidock.engine.types import Finding, HostInfo, Status

__all__ = ["Clock", "FakeEngine", "Load", "Program", "RunningClock", "Step", "StoppedClock", "full"]

GIB = 1024**3


class FakeEngine:
    """An engine that touches nothing."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock: Clock = clock or RunningClock()
        self._past: list[Event] = []
        self._listeners: list[asyncio.Queue[Event | None]] = []
        self.images = FakeImages(self.clock, self._publish)
        self.containers = FakeContainers(self.clock, self.images, self._publish)
        self.files = FakeFiles(self.containers.find, self.images)

    @property
    def registry(self) -> FakeRegistry:
        return self.images.registry

    def events(self, since: float | None = None) -> AsyncIterator[Event]:
        """Listening begins with the call, not with the first `anext`."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        if since is not None:
            for event in self._past:
                if event.at >= since:
                    queue.put_nowait(event)
        self._listeners.append(queue)
        return self._listen(queue)

    async def _listen(self, queue: asyncio.Queue[Event | None]) -> AsyncIterator[Event]:
        try:
            while (event := await queue.get()) is not None:
                yield event
        finally:
            if queue in self._listeners:
                self._listeners.remove(queue)

    def _publish(self, event: Event) -> None:
        self._past.append(event)
        for queue in self._listeners:
            queue.put_nowait(event)

    async def info(self) -> HostInfo:
        containers = await self.containers.list()
        return HostInfo(
            version=__version__,
            kernel="6.12.0",
            architecture="x86_64",
            operating_system="Debian GNU/Linux 12",
            hostname="harbour",
            cpus=8,
            memory=16 * GIB,
            cgroup="v2",
            root="/var/lib/tuidock",
            runroot="/run/tuidock",
            rootless=False,
            containers=len(containers),
            running=sum(it.status is Status.RUNNING for it in containers),
            paused=sum(it.status is Status.PAUSED for it in containers),
            images=len(await self.images.list()),
        )

    async def doctor(self) -> list[Finding]:
        return [Finding("kernel", "ok", "6.12.0")]

    async def close(self) -> None:
        self.containers.close()
        for queue in self._listeners:
            queue.put_nowait(None)
