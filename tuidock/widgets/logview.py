"""LogView: a container's log with everything a reader wants to do to it.

Knows the keys, the prompt for `/` and `&`, the status line and the panel of one line; the lines
themselves are `LogLines`. Invariant: however fast lines come, they are taken over once a frame.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from tuidock.engine.logs.index import LogIndex
from tuidock.engine.types import LogLine
from tuidock.widgets import ansi, log_save
from tuidock.widgets.dialogs import Ask
from tuidock.widgets.log_keys import KEYS, SECONDS
from tuidock.widgets.log_lines import LogLines
from tuidock.widgets.log_prompt import LogPrompt
from tuidock.widgets.log_search import Pattern
from tuidock.widgets.log_source import Between, Ring, let_go
from tuidock.widgets.log_time import first_at, neighbour_minute, reaches
from tuidock.widgets.log_words import set_out, status, text_of

FRAME = 1 / 30
PENDING = 20_000
"""Lines that may wait for a frame before `drained` holds their writer back."""
AHEAD = 4
"""Pieces of older log, `log_lines.DIG` bytes each, that are counted without being asked for."""


class LogView(Vertical):
    """A log: follow, search, filter, wrap, times, copy."""

    DEFAULT_CSS = """
    LogView {
        height: 1fr;
        & > #log-asking { height: 1; display: none; background: $panel; }
        & > #log-asking.-open { display: block; }
        & #log-kind { width: 3; padding: 0 1; color: $text-accent; text-style: bold; }
        & #log-prompt { width: 1fr; height: 1; background: $panel; padding: 0; }
        & > #log-status { height: 1; background: $panel; color: $text-muted; padding: 0 1; }
        & > #log-panel {
            height: 40%; display: none; background: $panel; padding: 0 1;
            border-top: solid $primary; border-title-color: $text-primary;
        }
        & > #log-panel.-open { display: block; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = KEYS

    class MergeWanted(Message):
        """The logs of several containers are wanted in one, or no longer."""

    def __init__(
        self,
        *,
        now: Callable[[], float] = time.time,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """`now` is the clock that ranges are reckoned from."""
        super().__init__(id=id, classes=classes)
        self._now = now
        self.title = ""
        """Whose log it is, for the name of a file."""
        self.banner = ""
        """What the status line says of the log as a whole."""
        self._ring = Ring()
        self._index: LogIndex | None = None
        self._pending: list[LogLine] = []
        self._flushing = False
        self._room = asyncio.Event()
        self._room.set()
        self.dropped = 0
        """Lines that came faster than they could be kept, by a writer that did not wait."""

    def compose(self) -> ComposeResult:
        yield LogLines(self._ring, id="log-lines")
        yield VerticalScroll(Static(id="log-text"), id="log-panel")
        yield Horizontal(Static(id="log-kind"), LogPrompt(), id="log-asking")
        yield Static(id="log-status")

    @property
    def lines(self) -> LogLines:
        """The lines; it takes the focus."""
        return self.query_one(LogLines)

    @property
    def prompt(self) -> LogPrompt:
        return self.query_one(LogPrompt)

    def focus(self, scroll_visible: bool = True) -> LogView:
        """Focus the lines."""
        self.lines.focus(scroll_visible)
        return self

    # --- what comes in ----------------------------------------------------------------------------

    def append(self, lines: Sequence[LogLine]) -> None:
        """Add lines at the end; they show with the next frame. Never blocks."""
        self._pending.extend(lines)
        if len(self._pending) > PENDING:
            self._room.clear()
            self._drop_excess()
        if not self._flushing:
            self._flushing = True
            self.set_timer(FRAME, self._flush)

    def _drop_excess(self) -> None:
        excess = len(self._pending) - 10 * PENDING
        if excess > 0:
            del self._pending[:excess]
            self.dropped += excess

    async def drained(self) -> None:
        """Wait while more lines are pending than a frame should take: call it between batches."""
        await self._room.wait()

    def _flush(self) -> None:
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
        self.lines.unmark()
        self.lines.show(self._ring)

    async def open(self, paths: Sequence[str]) -> None:
        """Look at the files of a log, of any size, from the end; `grown` tells of new lines.

        Raises OSError. Memory stays bounded: lines are read when they show.
        """
        opening = asyncio.ensure_future(asyncio.to_thread(LogIndex, paths)) if paths else None
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
            self.set_timer(FRAME, self._grow)

    def _grow(self) -> None:
        self._flushing = False
        if self._index is not None and self._index.grow():
            self.lines.settle()

    def _close_index(self) -> None:
        if self._index is not None:
            self._index.close()
            self._index = None

    def on_unmount(self) -> None:
        self._close_index()

    # --- search, filter ---------------------------------------------------------------------------

    def action_ask(self, kind: str) -> None:
        prompt = self.prompt
        prompt.kind = kind
        excerpt = self.lines.excerpt
        sieve = excerpt.search if kind == "/" else excerpt.filter
        prompt.placeholder = (
            "search: a regular expression"
            if kind == "/"
            else "keep lines that match: a regular expression, ! in front for those that do not"
        )
        with prompt.prevent(Input.Changed):
            prompt.value = sieve.patterns[0].text if sieve else ""
        self.query_one("#log-kind", Static).update(Content(kind))
        self.query_one("#log-asking").add_class("-open")
        prompt.focus()

    @on(Input.Changed, "#log-prompt")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._apply(event.value)

    def _apply(self, text: str) -> None:
        if self.prompt.kind == "/":
            self.lines.set_search(Pattern.typed(text) if text else None)
        else:
            self.lines.set_filter([Pattern.typed(text, may_invert=True)] if text else [])

    @on(Input.Submitted, "#log-prompt")
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self._close_prompt()

    @on(LogPrompt.Cancelled)
    def _cancelled(self) -> None:
        self._apply("")
        self._close_prompt()

    def _close_prompt(self) -> None:
        self.query_one("#log-asking").remove_class("-open")
        self.lines.focus()

    def action_find(self, step: int) -> None:
        self.lines.find(step)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape is ours only while there is something to clear."""
        if action == "back":
            panel = self.query_one("#log-panel").has_class("-open")
            excerpt = self.lines.excerpt
            return bool(panel or excerpt.search or excerpt.filter or self.lines.window)
        return True

    def action_back(self) -> None:
        """Close the panel, else forget the search, else the filter, else the range."""
        panel = self.query_one("#log-panel")
        if panel.has_class("-open"):
            panel.remove_class("-open")
            self.lines.focus()
        elif self.lines.excerpt.search:
            self.lines.set_search(None)
        elif self.lines.excerpt.filter:
            self.lines.set_filter([])
        else:
            self._see("")

    # --- time -------------------------------------------------------------------------------------

    @work(exclusive=True, group="range", exit_on_error=False)
    async def action_range(self, name: str) -> None:
        """All of it from one end, or what was written lately."""
        since = self._now() - SECONDS.get(name, 0.0)
        if name in SECONDS:
            self._see("")
            if not await self._reach(since):
                return
        self._see(name if name in SECONDS else "", since)
        if name == "head":
            self.lines.action_top()

    async def _reach(self, at: float) -> bool:
        """Count lines back to a moment; False when another log is shown by then."""
        index = self._index
        return await self.lines.reach(lambda: index is not None and reaches(index, at))

    def _see(self, window: str, since: float = 0.0) -> None:
        """Show the log from a moment on; no window: all of it."""
        source = self._index or self._ring
        self.lines.window = window
        self.lines.show(Between(source, first_at(source, since)) if window else source)

    @property
    def moment(self) -> float | None:
        """When the line under the cursor was written, seconds since the epoch; None without one.

        The cursor is the line that was found or clicked, or else the last one on screen.
        """
        number = self.lines.picked()
        return None if number is None else self.lines.line(number).at

    @work(exclusive=True, group="range", exit_on_error=False)
    async def seek(self, at: float) -> None:
        """Put the cursor on the first line written at or after a moment, or on the last line.

        `at`: seconds since the epoch. Leaves the filter and the range when they hide that line.
        """
        lines = self.lines
        if lines.window:
            self._see("")
        if self._index is None:
            self._flush()
        source = lines.excerpt.source
        if await self._reach(at) and source.end > source.first:
            self._land(min(first_at(source, at), source.end - 1))

    def _land(self, number: int) -> None:
        lines = self.lines
        if lines.excerpt.hides(number):
            lines.set_filter([])
        lines.settle()
        lines.go(number)

    def action_minute(self, step: int) -> None:
        """To the first line of the next minute, or of the one before."""
        lines = self.lines
        here = lines.current if lines.current in lines.on_screen() else None
        number = neighbour_minute(lines.excerpt, lines.top if here is None else here, step)
        if number is None:
            self.app.bell()
        else:
            lines.go(number)

    def action_merge(self) -> None:
        self.post_message(self.MergeWanted())

    # --- the rest of the keys ---------------------------------------------------------------------

    def action_follow(self) -> None:
        self.lines.set_follow(not self.lines.follow)

    def action_stamps(self) -> None:
        self.lines.set_stamps(self.lines.stamps + 1)

    def action_wrap(self) -> None:
        self.lines.set_wrap(not self.lines.wrap)

    def action_words(self) -> None:
        self.lines.set_worded(not self.lines.worded)

    def action_mark(self) -> None:
        number = self.lines.picked()
        if number is not None:
            self.lines.toggle_mark(number)

    def action_unmark(self) -> None:
        self.lines.unmark()

    @work(group="save", exit_on_error=False)
    async def action_save(self) -> None:
        """Write what is shown to a file of one's choice."""
        lines = self.lines
        first = log_save.suggested(self.title, self._now())
        hint = "the lines that the filter and the range show, without colours"
        path = await self.app.push_screen_wait(
            Ask("Save the log", first, validate=log_save.problem, hint=hint)
        )
        if not path:
            return
        try:
            count = await log_save.save(lines.excerpt, path, lines.stamps)
        except OSError as error:
            said = f"{path}: {error.strerror}"
            self.notify(said, title="Not saved", severity="error", markup=False)
        else:
            self.notify(path, title=f"{count:,} lines saved", markup=False)

    def action_copy(self) -> None:
        """The marked lines, or the current one."""
        source, number = self.lines.excerpt.source, self.lines.picked()
        marked = [it for it in sorted(self.lines.marks) if source.first <= it < source.end]
        if marked or number is not None:
            self._copy(marked or [number or 0])

    def action_copy_page(self) -> None:
        self._copy(self.lines.on_screen())

    def _copy(self, numbers: Sequence[int]) -> None:
        texts = [ansi.plain(text_of(self.lines.line(number))) for number in numbers]
        self.app.copy_to_clipboard("\n".join(texts))
        self.notify(f"{len(numbers)} line{'s' * (len(numbers) != 1)} copied", timeout=2)

    @on(LogLines.Picked)
    def action_panel(self) -> None:
        """Show the whole of a line, JSON set out."""
        number = self.lines.picked()
        if number is None:
            return
        line, place = self.lines.line(number), self.lines.excerpt.position(number) + 1
        text = ansi.plain(text_of(line))
        panel = self.query_one("#log-panel", VerticalScroll)
        panel.border_title = f"line {place:,} · {line.stream} · {len(line.text):,} bytes"
        self.query_one("#log-text", Static).update(Content(set_out(text)))
        panel.add_class("-open")

    @on(LogLines.Changed)
    def _tell(self) -> None:
        self.query_one("#log-status", Static).update(status(self.lines, self.dropped, self.banner))
