"""A line into a fake container: a shell that echoes, or a command that talks and ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from tuidock.engine.fake.clock import Clock
from tuidock.engine.fake.programs import Program, script

_PROMPT = b"/ # "


class FakeSession:
    """An attach or an exec; `sizes` remembers every resize for tests."""

    def __init__(self, program: Program, clock: Clock, *, tty: bool, stdin: bool = True) -> None:
        self.tty = tty
        self.sizes: list[tuple[int, int]] = []
        self._clock = clock
        self._queue: asyncio.Queue[tuple[str, bytes] | None] = asyncio.Queue()
        self._code: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._typed = b""
        self._interactive = program.code is None and stdin
        self._task = asyncio.create_task(self._run(program))
        if self._interactive and tty:
            self._put(_PROMPT)

    async def output(self) -> AsyncIterator[tuple[str, bytes]]:
        while (item := await self._queue.get()) is not None:
            yield item

    async def write(self, data: bytes) -> None:
        """Echo as a tty would, and act on every finished line."""
        if self.tty:
            self._put(data.replace(b"\r", b"\r\n"))
        self._typed += data.replace(b"\r", b"\n")
        while b"\n" in self._typed and not self._code.done():
            line, _, self._typed = self._typed.partition(b"\n")
            self._obey(line.decode(errors="replace"))

    async def close_input(self) -> None:
        if self._interactive:
            self._end(0)

    async def resize(self, columns: int, rows: int) -> None:
        self.sizes.append((columns, rows))

    async def wait(self) -> int:
        return await asyncio.shield(self._code)

    async def close(self) -> None:
        self._task.cancel()
        self._queue.put_nowait(None)

    def when_over(self, tell: Callable[[int], object]) -> None:
        """Have its code told, once there is one."""
        self._code.add_done_callback(lambda code: tell(code.result()))

    def finish(self, code: int) -> None:
        """The container ended."""
        self._end(code)

    def feed(self, stream: str, data: bytes) -> None:
        """The container wrote something (attach)."""
        if not self._code.done():
            self._queue.put_nowait(("stdout" if self.tty else stream, data))

    async def _run(self, program: Program) -> None:
        for step in program.steps:
            await self._clock.sleep(step.pause)
            if step.stream:
                self.feed(step.stream, step.text + (b"\r\n" if self.tty else b"\n"))
        if program.code is not None:
            self._end(program.code)

    def _obey(self, line: str) -> None:
        try:
            program = script(line)
        except ValueError as error:
            self._put(f"sh: {error}\r\n".encode())
            return
        for step in program.steps:
            if step.stream:
                self._put(step.text + (b"\r\n" if self.tty else b"\n"))
        if line.split()[:1] == ["exit"]:
            self._end(program.code or 0)
        elif self.tty:
            self._put(_PROMPT)

    def _put(self, data: bytes) -> None:
        self._queue.put_nowait(("stdout", data))

    def _end(self, code: int) -> None:
        if not self._code.done():
            self._code.set_result(code)
            self._queue.put_nowait(None)
