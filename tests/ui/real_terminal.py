"""The interface as a process on a pseudo-terminal, for what a headless run cannot show."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import sys
import time
from pathlib import Path

from tests.ui.conftest import DEADLINE


class RealTerminal:
    """Runs a Python program; leaving the block closes the terminal and waits for the program."""

    def __init__(self, program: str, home: Path) -> None:
        self.code: int | None = None
        """How the program ended, after the block."""
        self._pid, self._master = pty.fork()
        if self._pid == 0:
            place = {"TERM": "xterm-256color", "XDG_STATE_HOME": str(home)}
            os.environ.update(place, COLUMNS="100", LINES="30")
            os.execv(sys.executable, [sys.executable, "-c", program])

    def __enter__(self) -> RealTerminal:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._master)
        self.code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def read_until(self, words: bytes) -> bytes:
        """What it shows, up to and with these words."""
        said, end = b"", time.monotonic() + DEADLINE
        while words not in said:
            ready, _, _ = select.select([self._master], [], [], max(0.0, end - time.monotonic()))
            assert ready, said
            said += os.read(self._master, 65536)
        return said

    def falls_silent(self, seconds: float) -> bool:
        """Whether it writes nothing for so long, before the deadline."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            if not select.select([self._master], [], [], seconds)[0]:
                return True
            os.read(self._master, 65536)
        return False

    def read_to_the_end(self) -> bytes:
        """What it shows until nobody has the terminal open."""
        said = b""
        with contextlib.suppress(OSError):
            while True:
                said += os.read(self._master, 65536)
        return said
