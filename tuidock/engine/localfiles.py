"""`api.Files` over Core: archives flow in pieces, each fetched by one of the engine's threads.

Invariant: leaving an iterator early ends the visit behind it, before anybody hears of it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from tuidock.engine.errors import Cancelled, Conflict
from tuidock.engine.filesystem import Change, CommitSpec, Copied, Listing, PathStat
from tuidock.engine.types import Image

if TYPE_CHECKING:
    from collections.abc import Callable

    from tuidock.engine.containers.files.access import Archive
    from tuidock.engine.containers.files.copying import Tick
    from tuidock.engine.core import Core
    from tuidock.engine.local import Workers


class LocalFiles:
    """The files of real containers."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    async def changes(self, key: str) -> Sequence[Change]:
        return await self._workers.slow(lambda core: core.containers.changes(key))

    async def stat(self, key: str, path: str) -> PathStat:
        return await self._workers.slow(lambda core: core.containers.stat_path(key, path))

    async def list(self, key: str, path: str) -> Listing:
        return await self._workers.slow(lambda core: core.containers.list_directory(key, path))

    async def read(self, key: str, path: str, size: int) -> bytes:
        return await self._workers.slow(lambda core: core.containers.read_file(key, path, size))

    async def revert(self, key: str, path: str) -> int:
        return await self._workers.slow(lambda core: core.containers.revert(key, path))

    async def copy_out(self, key: str, path: str, local: str) -> Copied:
        return await self._copied(
            lambda core, tick: core.containers.copy_out(
                key, path, local, tick, follow=False, owners=False
            )
        )

    async def copy_in(self, local: str, key: str, path: str) -> Copied:
        return await self._copied(
            lambda core, tick: core.containers.copy_in(
                local, key, path, tick, follow=False, owners=False
            )
        )

    async def _copied(self, copy: Callable[[Core, Tick], Copied]) -> Copied:
        """Leaving early waits until it has noticed that nobody wants it any more."""
        over = threading.Event()

        def tick(size: int) -> None:
            if over.is_set():
                raise Cancelled("the copy was ended")

        copying = asyncio.ensure_future(self._workers.slow(lambda core: copy(core, tick)))
        try:
            return await asyncio.shield(copying)
        except asyncio.CancelledError:
            over.set()
            await asyncio.gather(copying, return_exceptions=True)
            raise

    def archive(self, key: str, path: str, follow: bool = False) -> AsyncIterator[bytes]:
        return self._stream(lambda core: core.containers.archive(key, path, follow=follow))

    def export(self, key: str) -> AsyncIterator[bytes]:
        return self._stream(lambda core: core.containers.export(key))

    async def _stream(
        self, begin: Callable[[Core], AbstractContextManager[Archive]]
    ) -> AsyncIterator[bytes]:
        visit = await self._workers.slow(begin)
        archive = await self._workers.slow(lambda core: visit.__enter__())
        try:
            pieces = archive.pieces()
            while piece := await self._workers.slow(lambda core: next(pieces, b"")):
                yield piece
        finally:
            await self._workers.slow(lambda core: visit.__exit__(None, None, None))

    async def extract(
        self, key: str, path: str, pieces: AsyncIterable[bytes], owners: bool = False
    ) -> int:
        visit = await self._workers.slow(
            lambda core: core.containers.destination(key, path, owners=owners)
        )
        place = await self._workers.slow(lambda core: visit.__enter__())
        try:
            if not place.is_directory:
                raise Conflict(f'destination "{key}:{path}" must be a directory')
            async for piece in pieces:
                await self._workers.slow(lambda core, piece=piece: place.feed(piece))  # type: ignore[misc]
            return await self._workers.slow(lambda core: place.finish())
        finally:
            await self._workers.slow(lambda core: visit.__exit__(None, None, None))

    async def commit(self, key: str, asked: CommitSpec) -> Image:
        return await self._workers.slow(lambda core: core.containers.commit(key, asked))
