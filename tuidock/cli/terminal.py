"""Staying with a container's command: its output here, our keys and window size there.

One loop over three descriptors: the line, standard input, and a pipe that signals wake.
"""

from __future__ import annotations

import os
import select
import signal
import sys

from tuidock.engine.linux.files import write_all
from tuidock.engine.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tuidock.engine.runtime.client import ExecLine, Line

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGWINCH)
_PASSED_ON = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM)
"""These, too, when they are forwarded; what stops and continues us is left to our shell."""
_CHUNK = 65536
_ROOM = 0.01
"""Seconds between two tries to send input that the other side had no room for."""


class Manner(NamedTuple):
    """How to stay with a command."""

    tty: bool
    stdin: bool
    """Pass our standard input on."""
    detach_keys: bytes
    forward: Callable[[int], object] | None = None
    """Gets the signals that reach this process; without it they end the staying."""


def follow(line: Line | ExecLine, manner: Manner) -> int | None:
    """Pump until the command ends. Returns its exit code, None when the person detached.

    Raises MonitorGone, and KeyboardInterrupt of its number for a signal that nobody forwards.
    """
    raw = manner.tty and manner.stdin and sys.stdin.isatty()
    signals = _SIGNALS + (_PASSED_ON if manner.forward else ())
    with _Terminal(signals, raw=raw) as terminal:
        return _Pump(line, terminal, manner).run()


class _Pump:
    """The loop, and what it remembers between two turns."""

    def __init__(self, line: Line | ExecLine, terminal: _Terminal, manner: Manner) -> None:
        self.line = line
        self.terminal = terminal
        self.tty = manner.tty
        self.reading = manner.stdin
        self.detach = manner.detach_keys if manner.tty else b""
        self.matched = 0
        self.pending = b""
        self.closing = False
        self.forward = manner.forward

    def run(self) -> int | None:
        self._resize()
        while True:
            for ready in self._wait():
                if ready == self.terminal.wakeup:
                    self._signals()
                elif ready == 0:
                    if self._input():
                        return None
                elif self._output():
                    return self.line.exit_code or 0
            self._send()

    def _wait(self) -> list[int]:
        watched = [self.line.fileno(), self.terminal.wakeup]
        if self.pending or self.closing:  # no room there: look again soon, and read no more
            return select.select(watched, [], [], _ROOM)[0]
        return select.select([*watched, 0] if self.reading else watched, [], [])[0]

    def _output(self) -> bool:
        """True when the command has ended and everything it wrote was shown."""
        frames = self.line.read()
        for stream, data in frames:
            write_all(2 if stream == "stderr" else 1, data)
        return self.line.ended

    def _input(self) -> bool:
        """True when the detach keys were typed."""
        data = os.read(0, _CHUNK)
        if not data:
            self.reading, self.closing = False, True
            return False
        self.pending, detached = self._without_detach(data)
        return detached

    def _send(self) -> None:
        while self.pending and (taken := self.line.write(self.pending)):
            self.pending = self.pending[taken:]
        if self.closing and not self.pending:
            self.closing = not self.line.close_input()

    def _without_detach(self, data: bytes) -> tuple[bytes, bool]:
        """Hold back keys that may begin the detach sequence until it is clear that they do not."""
        if not self.detach:
            return data, False
        kept = bytearray()
        for position in range(len(data)):
            key = data[position : position + 1]
            if key == self.detach[self.matched : self.matched + 1]:
                self.matched += 1
                if self.matched == len(self.detach):
                    return bytes(kept), True
                continue
            kept += self.detach[: self.matched]
            self.matched = 0
            if key == self.detach[:1]:
                self.matched = 1
            else:
                kept += key
        return bytes(kept), False

    def _signals(self) -> None:
        for number in os.read(self.terminal.wakeup, 64):
            if number == signal.SIGWINCH:
                self._resize()
            elif self.forward:
                self.forward(number)
            else:
                raise KeyboardInterrupt(number)

    def _resize(self) -> None:
        if self.tty and sys.stdout.isatty():
            columns, rows = os.get_terminal_size(1)
            self.line.resize(columns, rows)


class _Terminal:
    """Our own terminal in raw mode, and signals turned into bytes on a pipe; both given back."""

    def __init__(self, signals: Sequence[int], *, raw: bool) -> None:
        self.signals = signals
        self.raw = raw
        self.wakeup = -1

    def __enter__(self) -> _Terminal:
        self.wakeup, self._wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._old_wake = signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        self._old = {n: signal.signal(n, lambda *_: None) for n in self.signals}
        if self.raw:
            import termios
            import tty

            self._mode = termios.tcgetattr(0)
            try:
                tty.setraw(0)
            except termios.error:  # in the background: we were stopped, and a signal woke us
                self.raw = False
        return self

    def __exit__(self, *error: object) -> None:
        if self.raw:
            import termios

            termios.tcsetattr(0, termios.TCSADRAIN, self._mode)
        for number, handler in self._old.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._old_wake)
        os.close(self.wakeup)
        os.close(self._wake)
