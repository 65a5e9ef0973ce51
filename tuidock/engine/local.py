"""LocalEngine: the asynchronous face of Core.

Short calls run in the engine's own few threads, each with a Core of its own (a SQLite
connection belongs to one thread). What grows (logs, events, sessions) is followed on the
event loop by its descriptor, without a thread. Invariant: nothing here but waiting; the
work is Core's.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from tuidock.engine import journal
from tuidock.engine.anatomy import Anatomy, Living
from tuidock.engine.api import A_SHELL, ALL_LINES, EVERYTHING_STOPPED, Session
from tuidock.engine.containers.output import is_up
from tuidock.engine.core import Core, default_layout
from tuidock.engine.debugging import Debug
from tuidock.engine.errors import EngineError, NotFound
from tuidock.engine.events import Event, PullEvent
from tuidock.engine.faults import translated
from tuidock.engine.layout import Layout
from tuidock.engine.localfiles import LocalFiles
from tuidock.engine.logs import reader
from tuidock.engine.pruning import Pruned, PruneQuery
from tuidock.engine.runtime.client import Line
from tuidock.engine.session import LineSession, readable
from tuidock.engine.types import (
    Bounds,
    Container,
    ContainerSpec,
    ExecSpec,
    ExitRecord,
    Finding,
    History,
    HostInfo,
    Image,
    Limits,
    LogLine,
    LogQuery,
    Process,
    RemoteImage,
    Removed,
    Sample,
)

T = TypeVar("T")

_THREADS = 4
_GLANCE = 1.0
"""Seconds between two looks at whether a followed container still runs."""

_BREATH = 1 / 30
"""Seconds from one look at whether a log has grown to the next, however fast it grows."""


class Workers:
    """The engine's threads. Each has a Core; waits that may last get a thread of their own."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._own = threading.local()
        self._cores: list[Core] = []
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="tuidock-engine")
        self._sampler = ThreadPoolExecutor(1, thread_name_prefix="tuidock-sampler")
        self._slow = ThreadPoolExecutor(32, thread_name_prefix="tuidock-slow")

    def _core(self) -> Core:
        core: Core | None = getattr(self._own, "core", None)
        if core is None:
            core = self._own.core = Core(self.layout)
            self._cores.append(core)
        return core

    async def call(self, work: Callable[[Core], T]) -> T:
        """A short call."""
        return await self._run(self._pool, work)

    async def sample(self, work: Callable[[Core], T]) -> T:
        """A measurement; one thread, because a sampler remembers what it read before."""
        return await self._run(self._sampler, work)

    async def slow(self, work: Callable[[Core], T]) -> T:
        """A call that may take as long as a container lives."""
        return await self._run(self._slow, work)

    async def _run(self, pool: ThreadPoolExecutor, work: Callable[[Core], T]) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(pool, lambda: work(self._core()))
        except Exception as error:
            if (told := translated(error)) is None:
                raise
            raise told from error

    def close(self) -> None:
        for pool in (self._pool, self._sampler, self._slow):
            pool.shutdown(wait=False, cancel_futures=True)
        for core in self._cores:
            core.close()


class LocalImages:
    """`api.Images` over Core."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    async def list(self) -> Sequence[Image]:
        return await self._workers.call(lambda core: core.images.list())

    async def get(self, reference: str) -> Image:
        return await self._workers.call(lambda core: core.images.get(reference))

    async def pull(self, reference: str, platform: str = "") -> AsyncIterator[PullEvent]:
        """In a process of its own; leaving early cancels it."""
        from tuidock.engine.localpulls import pull

        async with contextlib.aclosing(pull(self._workers.layout, reference, platform)) as events:
            async for event in events:
                yield event

    async def remove(self, reference: str, force: bool = False) -> Sequence[str]:
        return await self._workers.call(lambda core: core.images.remove(reference, force))

    async def tag(self, source: str, target: str) -> None:
        await self._workers.call(lambda core: core.images.tag(source, target))

    async def inspect(self, reference: str) -> dict[str, object]:
        return await self._workers.call(lambda core: core.images.inspect(reference))


class LocalRegistry:
    """`api.Registry` over Core."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    async def catalog(self, host: str) -> list[str]:
        return await self._workers.slow(lambda core: list(core.images.catalog(host)))

    async def tags(self, repository: str) -> list[str]:
        return await self._workers.slow(lambda core: list(core.images.tags(repository)))

    async def describe(self, reference: str, platform: str = "") -> RemoteImage:
        return await self._workers.slow(lambda core: core.images.describe(reference, platform))


class LocalContainers:
    """`api.Containers` over Core."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    async def list(self) -> Sequence[Container]:
        return await self._workers.call(lambda core: core.containers.list())

    async def get(self, key: str) -> Container:
        return await self._workers.call(lambda core: core.containers.get(key))

    async def create(self, spec: ContainerSpec) -> Container:
        return await self._workers.call(lambda core: core.containers.create(spec))

    async def start(self, key: str) -> None:
        await self._workers.slow(lambda core: core.containers.start(key))

    async def stop(self, key: str, timeout: float | None = None) -> None:
        await self._workers.slow(lambda core: core.containers.stop(key, timeout))

    async def kill(self, key: str, signal: str = "KILL") -> None:
        await self._workers.call(lambda core: core.containers.kill(key, signal))

    async def signal(self, key: str, pid: int, signal: str) -> None:
        await self._workers.call(lambda core: core.containers.signal(key, pid, signal))

    async def restart(self, key: str, timeout: float | None = None) -> None:
        await self._workers.slow(lambda core: core.containers.restart(key, timeout))

    async def pause(self, key: str) -> None:
        await self._workers.call(lambda core: core.containers.pause(key))

    async def unpause(self, key: str) -> None:
        await self._workers.call(lambda core: core.containers.unpause(key))

    async def remove(self, key: str, force: bool = False) -> None:
        await self._workers.slow(lambda core: core.containers.remove(key, force=force))

    async def rename(self, key: str, name: str) -> None:
        await self._workers.slow(lambda core: core.containers.rename(key, name))

    async def prune(self, query: PruneQuery = EVERYTHING_STOPPED) -> Pruned:
        return await self._workers.slow(lambda core: core.containers.prune(query))

    async def wait(self, key: str) -> ExitRecord:
        return await self._workers.slow(lambda core: core.containers.wait(key))

    async def update(self, key: str, limits: Limits, *, keep: bool = True) -> Container:
        return await self._workers.slow(lambda core: core.containers.update(key, limits, keep=keep))

    async def bounds(self, key: str) -> Bounds:
        return await self._workers.call(lambda core: core.containers.bounds(key))

    async def top(self, key: str) -> Sequence[Process]:
        return await self._workers.call(lambda core: core.containers.top(key))

    async def inspect(self, key: str) -> dict[str, object]:
        return await self._workers.call(lambda core: core.containers.inspect(key))

    async def anatomy(self, key: str) -> Anatomy:
        return await self._workers.slow(lambda core: core.containers.anatomy(key))

    async def living(self, key: str) -> Living:
        return await self._workers.call(lambda core: core.containers.living(key))

    async def log_files(self, key: str) -> Sequence[str]:
        return await self._workers.call(lambda core: core.containers.log_files(key))

    async def removed(self) -> Sequence[Removed]:
        return await self._workers.call(lambda core: core.containers.removed())

    async def logs(self, key: str, query: LogQuery = ALL_LINES) -> AsyncIterator[Sequence[LogLine]]:
        path = (await self.log_files(key))[-1]
        container_id = os.path.basename(os.path.dirname(path))
        if not query.follow:
            for batch in await self._workers.call(
                lambda core: list(core.containers.logs(container_id, query))
            ):
                yield batch
            return
        with reader.Follower(path, query) as follower:
            while True:
                up = is_up(self._workers.layout, container_id)
                if lines := follower.read():
                    yield lines
                elif not up:
                    return
                await readable(follower.fileno(), _GLANCE)

    async def log_growth(self, key: str) -> AsyncIterator[None]:
        path = (await self.log_files(key))[-1]
        with reader.Follower(path, LogQuery(tail=0)) as follower:
            yield
            while True:
                up = is_up(self._workers.layout, os.path.basename(os.path.dirname(path)))
                if follower.pass_over():
                    yield
                    await asyncio.sleep(_BREATH)
                elif not up:
                    return
                await readable(follower.fileno(), _GLANCE)

    async def stats(
        self, keys: Sequence[str] = (), interval: float = 1.0
    ) -> AsyncIterator[Sequence[Sample]]:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            yield await self._workers.sample(lambda core: core.containers.sample(keys))
            due = max(due + interval, loop.time())  # a slow machine skips, it does not catch up
            await asyncio.sleep(due - loop.time())

    async def history(self, key: str, since: float = 0.0) -> History:
        return await self._workers.call(lambda core: core.containers.history(key, since))

    async def exec(self, key: str, spec: ExecSpec) -> Session:
        line = await self._workers.call(lambda core: core.containers.exec(key, spec))
        return LineSession(line, tty=spec.tty)

    async def debug(self, key: str, asked: Debug = A_SHELL) -> Session:
        it = await self._workers.slow(lambda core: core.containers.debugger(key, asked))
        try:
            line = await self._workers.slow(lambda core: core.containers.start_attached(it.id))
        except EngineError:
            await self._forget(it.id)
            raise
        return _Debugging(line, partial(self._forget, it.id), tty=asked.tty)

    async def _forget(self, key: str) -> None:
        """Remove a debugger that may be gone already."""
        with contextlib.suppress(NotFound):
            await self.remove(key, force=True)

    async def attach(self, key: str) -> Session:
        tty = (await self.get(key)).spec.tty
        line = await self._workers.call(lambda core: core.containers.attach(key))
        return LineSession(line, tty=tty)


class _Debugging(LineSession):
    """The line to a debugger, which nobody wants once that is closed."""

    def __init__(self, line: Line, forget: Callable[[], Awaitable[None]], *, tty: bool) -> None:
        super().__init__(line, tty=tty)
        self._forget = forget

    async def close(self) -> None:
        await super().close()
        await self._forget()


class LocalEngine:
    """The real engine. `api.Engine` says what each part promises."""

    def __init__(self, layout: Layout) -> None:
        self._workers = Workers(layout)
        self._images = LocalImages(self._workers)
        self._registry = LocalRegistry(self._workers)
        self._containers = LocalContainers(self._workers)
        self._files = LocalFiles(self._workers)

    @property
    def images(self) -> LocalImages:
        return self._images

    @property
    def registry(self) -> LocalRegistry:
        return self._registry

    @property
    def containers(self) -> LocalContainers:
        return self._containers

    @property
    def files(self) -> LocalFiles:
        return self._files

    def events(self, since: float | None = None) -> AsyncIterator[Event]:
        """Listening begins with the call, not with the first `anext`."""
        return _heard(journal.Follower(self._workers.layout, since))

    async def info(self) -> HostInfo:
        return await self._workers.call(lambda core: core.info())

    async def doctor(self) -> list[Finding]:
        return await self._workers.slow(lambda core: list(core.doctor()))

    async def close(self) -> None:
        self._workers.close()


async def _heard(follower: journal.Follower) -> AsyncIterator[Event]:
    with follower:
        while True:
            for event in follower.read():
                yield event
            await readable(follower.fileno())


def open_engine(root: str | None = None, runroot: str | None = None) -> LocalEngine:
    """The engine at these directories, or at the default ones. Raises HostError."""
    layout = default_layout(root, runroot)
    Core(layout).close()  # what is wrong with the store is said now, before a screen opens
    return LocalEngine(layout)
