"""LogView: a container's log with everything a reader wants to do to it.

Knows the keys, the prompt for `/` and `&`, the status line and the panel of one line; the lines
themselves are `LogLines`. Invariant: however fast lines come, they are taken over once a frame.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from tuidock.engine.logs.index import LogIndex
from tuidock.engine.types import LogLine
from tuidock.widgets import ansi
from tuidock.widgets.log_lines import LogLines
from tuidock.widgets.log_search import Pattern, Sieve
from tuidock.widgets.log_source import Ring

FRAME = 1 / 30
PENDING = 20_000
"""Lines that may wait for a frame before `drained` holds their writer back."""
DIG = 8 << 20
"""Bytes of older log that are counted when the reader comes to the top."""
PANEL = 64 * 1024
"""Bytes of one line that its panel shows and a copy takes."""


class LogPrompt(Input):
    """The line at the bottom where a pattern is typed; it takes effect while typing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", show=False),
    ]

    class Cancelled(Message):
        """Escape: forget the pattern."""

    def __init__(self) -> None:
        super().__init__(compact=True, id="log-prompt")
        self.kind = "/"

    def action_cancel(self) -> None:
        self.post_message(self.Cancelled())


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

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "follow", "Follow", id="log.follow", tooltip="Stick to the newest line"),
        Binding("slash", "ask('/')", "Search", id="log.search", tooltip="Regular expression"),
        Binding("n", "find(1)", "Next", show=False, id="log.next", tooltip="Next match"),
        Binding("N", "find(-1)", "Previous", show=False, id="log.previous"),
        Binding("ampersand", "ask('&')", "Keep", id="log.keep", tooltip="Only matching lines"),
        Binding("t", "stamps", "Times", id="log.times", tooltip="Times: off, time, date"),
        Binding("w", "wrap", "Wrap", id="log.wrap", tooltip="Break long lines"),
        Binding("y", "copy", "Copy", show=False, id="log.copy", tooltip="Copy the line"),
        Binding("Y", "copy_page", "Copy page", show=False, id="log.copy_page"),
        Binding("enter", "panel", "Line", show=False, id="log.line", tooltip="The whole line"),
        Binding("escape", "back", "Clear", show=False, id="log.clear"),
    ]

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
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
        if self.lines.excerpt.source is self._ring:
            self.lines.settle()

    def clear(self) -> None:
        """Forget all lines, those of a container that is no longer looked at."""
        self._pending = []
        self._close_index()
        self._ring = Ring()
        self.dropped = 0
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
                opening.add_done_callback(_let_go)
            raise
        self.clear()
        if index is not None:
            self._index = index
            self.lines.show(index)

    def grown(self) -> None:
        """The files that were opened may have new lines; shown with the next frame."""
        if self._index is not None and not self._flushing:
            self._flushing = True
            self.set_timer(FRAME, self._grow)

    def _grow(self) -> None:
        self._flushing = False
        if self._index is not None and self._index.grow():
            self.lines.settle()

    @on(LogLines.WantsOlder)
    def _dig(self) -> None:
        """Older lines than were counted at opening."""
        if self._index is not None and not self._index.complete and self._index.dig(DIG):
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
            self.lines.set_filter(Pattern.typed(text, may_invert=True) if text else None)

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
            return bool(panel or excerpt.search or excerpt.filter)
        return True

    def action_back(self) -> None:
        """Close the panel, else forget the search, else the filter."""
        panel = self.query_one("#log-panel")
        if panel.has_class("-open"):
            panel.remove_class("-open")
            self.lines.focus()
        elif self.lines.excerpt.search:
            self.lines.set_search(None)
        else:
            self.lines.set_filter(None)

    # --- the rest of the keys ---------------------------------------------------------------------

    def action_follow(self) -> None:
        self.lines.set_follow(not self.lines.follow)

    def action_stamps(self) -> None:
        self.lines.set_stamps(self.lines.stamps + 1)

    def action_wrap(self) -> None:
        self.lines.set_wrap(not self.lines.wrap)

    def action_copy(self) -> None:
        number = self.lines.picked()
        if number is not None:
            self._copy([number])

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
        self.query_one("#log-status", Static).update(status(self.lines, self.dropped))


def _let_go(opening: asyncio.Future[LogIndex]) -> None:
    """Close an index that nobody waits for any more."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def text_of(line: LogLine) -> str:
    """A line's text, escapes and all; of a monster its beginning."""
    return line.text[:PANEL].decode("utf-8", "replace")


def set_out(text: str) -> str:
    """JSON on several lines; anything else as it is."""
    start = text.find("{")
    if start < 0:
        return text
    try:
        return text[:start] + json.dumps(json.loads(text[start:]), indent=2, ensure_ascii=False)
    except ValueError:
        return text


def status(lines: LogLines, dropped: int) -> Content:
    """The status line: where the reader is, what is searched and kept, what is switched on."""
    excerpt = lines.excerpt
    parts = [_place(lines)]
    if excerpt.filter is not None:
        kept = f"{excerpt.count:,} kept"
        parts.append((f"& {_typed(excerpt.filter)}  {kept}", "$text-accent"))
    if excerpt.search is not None:
        parts.append(
            (f"/ {_typed(excerpt.search)}  {_hits(lines, excerpt.search)}", "$text-primary")
        )
    if lines.wrap:
        parts.append(("wrap", ""))
    if lines.scroll_offset.x:
        parts.append((f"→{lines.scroll_offset.x}", ""))
    if dropped:
        parts.append((f"{dropped:,} skipped", "$text-warning"))
    return Content("   ").join([Content.styled(text, style) for text, style in parts])


def _place(lines: LogLines) -> tuple[str, str]:
    source, count = lines.excerpt.source, lines.excerpt.count
    if lines.follow:
        return f"● following  {source.end - source.first:,} lines", "$text-success"
    at = min(count, lines.scroll_offset.y + 1)
    return f"◌ line {at:,} of {count:,}  f follows", "$text-warning"


def _typed(sieve: Sieve) -> str:
    pattern = sieve.patterns[0]
    return f"{pattern.text} (as plain text)" if pattern.literal else pattern.text


def _hits(lines: LogLines, search: Sieve) -> str:
    rank = search.rank(lines.current) if lines.current is not None else 0
    found = f"{len(search.found):,}"
    return f"{rank:,} of {found}" if rank else f"{found} found"
