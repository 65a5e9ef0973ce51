"""A full-screen program on a pseudo-terminal of 120 by 40, and what it drew when.

Nothing is looked at while it runs: pieces of output are kept with the time at which they came,
and only afterwards drawn on a screen in memory, so that looking costs the program nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pyte

from bench.measure import Failed

COLUMNS, LINES = 120, 40
_FOREIGN = re.compile(rb"\x1b\[[<>=?][0-9;]*[a-zA-Z]|\x1b\[[0-9;?]*\$[a-z]")
"""Sequences that a terminal takes without a trace, and that pyte would show or misread."""


class Piece(NamedTuple):
    """Output that came at once."""

    at: float
    """time.perf_counter()."""
    text: bytes


class Program:
    """Runs as long as the block; killed at its end."""

    def __init__(self, words: Sequence[str], env: Mapping[str, str]) -> None:
        self.began = time.perf_counter()
        self.pieces: list[Piece] = []
        self.keeping = True
        """False: output is thrown away, for what takes minutes."""
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.execvpe(words[0], list(words), {**env, **_TERMINAL})
        size = struct.pack("HHHH", LINES, COLUMNS, 0, 0)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, size)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self._reader.join()
        os.close(self._terminal)

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # nobody has the other side open any more
            while text := os.read(self._terminal, 1 << 16):
                if self.keeping:
                    self.pieces.append(Piece(time.perf_counter(), text))

    def press(self, key: str) -> float:
        """Send a key as a terminal would; when that was."""
        at = time.perf_counter()
        os.write(self._terminal, key.encode())
        return at

    def wait_for(self, pattern: str, since: float = 0.0, seconds: float = 90) -> float:
        """When the pattern first stood on the screen after `since`. Raises Failed."""
        screen, deadline, done = Screen(), time.monotonic() + seconds, 0
        wanted = re.compile(pattern, re.MULTILINE)
        while time.monotonic() < deadline:
            for piece in self.pieces[done:]:
                done += 1
                screen.draw(piece.text)
                if piece.at >= since and wanted.search(screen.text()):
                    return piece.at
            self._reader.join(0.01)
            if not self._reader.is_alive() and done == len(self.pieces):
                break
        raise Failed(f"{pattern!r} was never drawn:\n{screen.text()}")


_TERMINAL = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}


class Screen:
    """What a person would see."""

    def __init__(self) -> None:
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)

    def draw(self, text: bytes) -> None:
        self._stream.feed(_FOREIGN.sub(b"", text))

    def text(self) -> str:
        return "\n".join(self._screen.display)

    def backgrounds(self, column: int) -> tuple[object, ...]:
        """Down one column: what a cursor, which is a line in other colours, looks like."""
        lines = (self._screen.buffer[line][column] for line in range(LINES))
        return tuple((cell.bg, cell.reverse) for cell in lines)


def first_changes(pieces: Sequence[Piece], keys: Sequence[float], column: int) -> tuple[float, ...]:
    """Seconds from each key until the cursor stood elsewhere; one paint may answer several."""
    screen, taken, waiting = Screen(), [], list(keys)
    before = screen.backgrounds(column)
    for piece in pieces:
        screen.draw(piece.text)
        after = screen.backgrounds(column)
        if after != before and waiting and piece.at >= waiting[0]:
            pressed = [at for at in waiting if at <= piece.at]
            taken += [piece.at - at for at in pressed]
            waiting = waiting[len(pressed) :]
        before = after
    if len(taken) < len(keys) * 0.9:
        raise Failed(f"only {len(taken)} of {len(keys)} keys were answered:\n{screen.text()}")
    return tuple(taken)


def quiet(program: Program, seconds: float, patience: float = 30) -> None:
    """Wait until it has drawn nothing for so long, or patience is over."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        known = len(program.pieces)
        select.select([], [], [], seconds)
        if len(program.pieces) == known:
            return
