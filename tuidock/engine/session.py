"""A line into a container (attach, exec) on the event loop, without a thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from tuidock.engine.runtime.client import ExecLine, Line

_ROOM = 0.01
"""Seconds between two tries to send input that the other side had no room for."""


async def readable(descriptor: int, timeout: float | None = None) -> bool:
    """Wait until a descriptor can be read; False when `timeout` seconds pass first."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        await asyncio.wait_for(ready.wait(), timeout)
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(descriptor)
    return True


class LineSession:
    """`api.Session` over a Line of the runtime."""

    def __init__(self, line: Line | ExecLine, *, tty: bool) -> None:
        self.tty = tty
        self._line = line
        self._ended = asyncio.Event()

    async def output(self) -> AsyncIterator[tuple[str, bytes]]:
        """Until the command has ended and all that it wrote was handed on."""
        while not self._line.ended:
            await readable(self._line.fileno())
            for stream, data in self._line.read():
                yield stream, data
        self._ended.set()

    async def write(self, data: bytes) -> None:
        """Returns when the other side has room for all of it."""
        while data and not self._line.ended:
            taken = self._line.write(data)
            data = data[taken:]
            if not taken:
                await asyncio.sleep(_ROOM)

    async def close_input(self) -> None:
        # The room of a socket has no event here.
        while not self._line.close_input():  # noqa: ASYNC110
            await asyncio.sleep(_ROOM)

    async def resize(self, columns: int, rows: int) -> None:
        self._line.resize(columns, rows)

    async def wait(self) -> int:
        """Somebody must be reading `output` meanwhile."""
        await self._ended.wait()
        return self._line.exit_code or 0

    async def close(self) -> None:
        self._line.close()
        self._ended.set()
