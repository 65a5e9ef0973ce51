"""A `Session` on a local pseudo-terminal: the real thing for tests, without a container."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import signal
import struct
import termios
from collections.abc import AsyncIterator, Sequence


class PtySession:
    """Runs a command on a pty of its own."""

    tty = True

    def __init__(self, command: Sequence[str]) -> None:
        self._pid, self._master = pty.fork()
        if self._pid == 0:
            environment = {
                "TERM": "xterm-256color",
                "PATH": os.environ["PATH"],
                "PS1": "$ ",
                "HOME": "/",
                "LC_ALL": "C.UTF-8",
            }
            os.execvpe(command[0], list(command), environment)
        os.set_blocking(self._master, False)
        self.sizes: list[tuple[int, int]] = []
        self.written = b""
        self._code: int | None = None
        self._waiting: asyncio.Task[int] | None = None

    async def output(self) -> AsyncIterator[tuple[str, bytes]]:
        while True:
            await self._readable()
            try:
                data = os.read(self._master, 65536)
            except BlockingIOError:
                continue
            except OSError:
                return
            if not data:
                return
            yield "stdout", data

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_reader(self._master, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(self._master)

    async def write(self, data: bytes) -> None:
        self.written += data
        os.write(self._master, data)

    async def close_input(self) -> None:
        os.write(self._master, b"\x04")

    async def resize(self, columns: int, rows: int) -> None:
        self.sizes.append((columns, rows))
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    async def wait(self) -> int:
        if self._waiting is None:  # one for all who ask: a process can be waited for once
            self._waiting = asyncio.create_task(self._wait())
        return await asyncio.shield(self._waiting)

    async def _wait(self) -> int:
        _, status = await asyncio.to_thread(os.waitpid, self._pid, 0)
        code = os.waitstatus_to_exitcode(status)
        self._code = code if code >= 0 else 128 - code
        return self._code

    async def close(self) -> None:
        """End the command too: a test leaves nothing behind."""
        if self._code is None:
            os.kill(self._pid, signal.SIGKILL)
            await self.wait()
        if self._master >= 0:
            os.close(self._master)
            self._master = -1
