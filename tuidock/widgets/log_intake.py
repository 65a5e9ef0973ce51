"""LogIntake: where the lines of a log view come from, and when they are taken over.

Knows the stream or the files that are open; nothing of keys. Invariant: however fast lines come,
they are taken over once a frame.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from textual.containers import Vertical

from tuidock.engine.logs.index import LogIndex
from tuidock.engine.logs.merged import MergedIndex
from tuidock.engine.types import LogLine
from tuidock.widgets.log_lines import LogLines
from tuidock.widgets.log_source import Index, LogSource, Ring, let_go

FRAME, RUSH = 1 / 30, 1 / 8
"""Seconds between two frames, and between two of lines that come faster than anybody reads."""
READABLE = 100
"""Lines in a frame that somebody may still read."""
PENDING = 20_000
"""Lines that may wait for a frame before `drained` holds their writer back."""
AHEAD = 1
"""Pieces of older log, `log_lines.DIG` bytes each, that are counted without being asked for."""


class LogIntake(Vertical):
    """Lines, and what feeds them."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._ring = Ring()
        self._index: Index | None = None
        self._pending: list[LogLine] = []
        self._flushing = False
        self._rushing = False
        self._room = asyncio.Event()
        self._room.set()
        self.dropped = 0
        """Lines that came faster than they could be kept, by a writer that did not wait."""

    @property
    def lines(self) -> LogLines:
        """The lines; it takes the focus."""
        return self.query_one(LogLines)

    @property
    def source(self) -> LogSource:
        """All of the log, whatever part of it is shown."""
        return self._index or self._ring

    def append(self, lines: Sequence[LogLine]) -> None:
        """Add lines at the end; they show with the next frame. Never blocks."""
        self._pending.extend(lines)
        if len(self._pending) > PENDING:
            self._room.clear()
            self._drop_excess()
        if not self._flushing:
            self._flushing = True
            self.set_timer(FRAME, self.flush)

    def _drop_excess(self) -> None:
        excess = len(self._pending) - 10 * PENDING
        if excess > 0:
            del self._pending[:excess]
            self.dropped += excess

    async def drained(self) -> None:
        """Wait while more lines are pending than a frame should take: call it between batches."""
        await self._room.wait()

    def flush(self) -> None:
        """Take over what is pending now."""
        self._flushing = False
        lines, self._pending = self._pending, []
        self._ring.extend(lines)
        self._room.set()
        if self._index is None:
            self.lines.settle()

    def clear(self) -> None:
        """Forget all lines, those of a container that is no longer looked at."""
        self._pending = []
        self._close_index()
        self._ring = Ring()
        self.dropped = 0
        self.lines.window = ""
        self.lines.breaks = ()
        self.lines.unmark()
        self.lines.show(self._ring)

    async def open(self, paths: Sequence[str]) -> None:
        """Look at the files of a log, of any size, from the end; `grown` tells of new lines.

        Raises OSError. Memory stays bounded: lines are read when they show.
        """
        await self._open(partial(LogIndex, paths) if paths else None)

    async def open_all(self, logs: Sequence[tuple[str, Sequence[str]]]) -> None:
        """Look at several logs as one, by time: (name, files) of each. Raises OSError."""
        width = max(len(name) for name, _ in logs)
        named = [(f"{name:<{width}} ", paths) for name, paths in logs]
        await self._open(partial(MergedIndex, named))
        self.lines.set_names([name for name, _ in named])

    async def _open(self, make: Callable[[], Index] | None) -> None:
        opening = asyncio.ensure_future(asyncio.to_thread(make)) if make else None
        try:
            index = await asyncio.shield(opening) if opening else None
        except asyncio.CancelledError:
            if opening:
                opening.add_done_callback(let_go)
            raise
        self.clear()
        if index is not None:
            self._index = index
            self.lines.show(index)
            self.lines.older(AHEAD)

    def grown(self) -> None:
        """The files that were opened may have new lines; shown with the next frame."""
        if self._index is not None and not self._flushing:
            self._flushing = True
            self.set_timer(RUSH if self._rushing else FRAME, self._grow)

    def _grow(self) -> None:
        self._flushing = False
        fresh = self._index.grow() if self._index is not None else 0
        self._rushing = fresh > READABLE
        if fresh:
            self.lines.settle()

    def _close_index(self) -> None:
        if self._index is not None:
            self._index.close()
            self._index = None

    def on_unmount(self) -> None:
        self._close_index()
