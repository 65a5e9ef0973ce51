"""LoopDriver: the terminal's keys, read by the event loop itself.

Textual's own driver reads in a thread that looks ten times a second whether to go on, and each
key waits for that thread and then for the loop. Invariant: the loop has a reader on the
terminal exactly as long as input is wanted.
"""

from __future__ import annotations

import asyncio
import os
from codecs import getincrementaldecoder

from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.constants import ESCAPE_DELAY
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

SIZE = 1 << 14
"""Bytes read at once: a paste comes in pieces."""


class LoopDriver(LinuxDriver):
    """Textual's driver for Linux, without a thread for input."""

    _listening = False
    _asked: asyncio.Handle | None = None
    """The loop was asked to listen."""

    def run_input_thread(self) -> None:
        """Let the loop listen instead, and end; what cannot be polled is read here after all."""
        if os.isatty(self.fileno):
            self._asked = self._loop.call_soon_threadsafe(self._listen)
        else:
            super().run_input_thread()

    def _listen(self) -> None:
        self._parser = XTermParser(self._debug)
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._late: asyncio.TimerHandle | None = None
        self._listening = True
        self._loop.add_reader(self.fileno, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self.fileno, SIZE)
        except OSError:  # the terminal was closed; SIGHUP says the rest
            data = b""
        if not data:
            self._stop_listening()
            return
        for message in self._parser.feed(self._decode(data)):
            self.process_message(message)
        self._wait_for_more()

    def _wait_for_more(self) -> None:
        """An escape that nothing follows for a moment is the key of that name."""
        if self._late is not None:
            self._late.cancel()
        self._late = self._loop.call_later(ESCAPE_DELAY * 1.05, self._tick)

    def _tick(self) -> None:
        for message in self._parser.tick():
            self.process_message(message)

    def send_message(self, message: Message) -> None:
        """To the app at once: whoever reads here is in its loop already."""
        if self._listening:
            self._app.post_message(message)
        else:
            super().send_message(message)

    def disable_input(self) -> None:
        """Stop listening; what was typed and not read is thrown away, as Textual does."""
        super().disable_input()
        if self._asked is not None:
            self._asked.cancel()
        self._stop_listening()

    def _stop_listening(self) -> None:
        if not self._listening:
            return
        self._listening = False
        self._loop.remove_reader(self.fileno)
        if self._late is not None:
            self._late.cancel()
        try:
            for _ in self._parser.feed(""):
                pass
        except (EOFError, ParseError):
            pass
