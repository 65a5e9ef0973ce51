"""LogView: a container's log with everything a reader wants to do to it.

Knows the keys, the prompt, the status line and the panel of one line; the lines themselves are
`LogLines`. Invariant: every key does something that can be seen, or rings the bell.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from tuidock.widgets import log_save
from tuidock.widgets.dialogs import Ask
from tuidock.widgets.log_expression import TooSlow
from tuidock.widgets.log_intake import LogIntake
from tuidock.widgets.log_keys import KEYS, SECONDS
from tuidock.widgets.log_lines import LogLines
from tuidock.widgets.log_paint import UTC, stamp
from tuidock.widgets.log_prompt import LogInput, LogPrompt, Sought
from tuidock.widgets.log_source import Beginning, Between
from tuidock.widgets.log_time import (
    ALWAYS,
    Span,
    moment_typed,
    neighbour_minute,
    reaches,
    span_typed,
)
from tuidock.widgets.log_words import lined, plain_of, set_out, status


class LogView(LogIntake):
    """A log: follow, search, filter, wrap, times, copy."""

    DEFAULT_CSS = """
    LogView {
        height: 1fr;
        & > #log-status { height: 1; background: $panel; color: $text-muted; padding: 0 1; }
        & > #log-panel {
            height: auto; max-height: 40%; display: none; background: $panel; padding: 0 1;
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
        self._sought = Sought()
        self._panel_of: int | None = None

    def compose(self) -> ComposeResult:
        yield LogLines(self._ring, id="log-lines")
        yield VerticalScroll(Static(id="log-text"), id="log-panel")
        yield LogPrompt(id="log-asking")
        yield Static(id="log-status")

    @property
    def prompt(self) -> LogPrompt:
        """Where patterns and times are typed."""
        return self.query_one(LogPrompt)

    def focus(self, scroll_visible: bool = True) -> LogView:
        """Focus the lines."""
        self.lines.focus(scroll_visible)
        return self

    # --- search, filter ---------------------------------------------------------------------------

    def action_ask(self, kind: str) -> None:
        self.prompt.ask(kind, self._sought)

    @on(Input.Changed, "#log-prompt")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._sought.type(self.prompt.kind, event.value)
        self._apply(self.prompt.kind)

    @on(LogInput.Turned)
    def _turned(self, event: LogInput.Turned) -> None:
        """Read patterns another way."""
        if event.what == "case":
            self._sought.turn_case()
        else:
            self._sought.turn_literal()
        self.prompt.tell(self._sought)
        for kind in "/&":
            self._apply(kind)

    def _apply(self, kind: str) -> None:
        if kind == "/":
            self.lines.set_search(self._sought.search)
        elif kind in "&!":
            self.lines.set_filter(self._sought.filter)

    def _forget(self, kind: str) -> None:
        self._sought.type(kind, "")
        self._apply(kind)

    @on(Input.Submitted, "#log-prompt")
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        if self.prompt.kind == "@" and event.value and not self._go_to_time(event.value):
            self.app.bell()
            self.screen.set_focus(self.prompt.input)
            self.prompt.input.select_all()
            return
        self._close_prompt()

    @on(LogInput.Cancelled)
    def _cancelled(self) -> None:
        self._forget(self.prompt.kind)
        self._close_prompt()

    def _close_prompt(self) -> None:
        self.prompt.close()
        self.lines.focus()

    def action_find(self, step: int) -> None:
        self.lines.find(step)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape is ours only while there is something to clear."""
        if action == "back":
            panel = self.query_one("#log-panel").has_class("-open")
            return bool(panel or self._to_forget or self.lines.window)
        return True

    @property
    def _to_forget(self) -> str:
        """Which of the patterns Escape forgets next; empty without any."""
        return next((kind for kind in "/!&" if self._sought.text(kind)), "")

    def action_back(self) -> None:
        """Close the panel, else forget the search, else a filter, else the range."""
        panel = self.query_one("#log-panel")
        if panel.has_class("-open"):
            panel.remove_class("-open")
            self.lines.focus()
        elif self._to_forget:
            self._forget(self._to_forget)
        else:
            self._see("")

    # --- time -------------------------------------------------------------------------------------

    def action_range(self, name: str) -> None:
        """All of it from one end, or what was written lately."""
        if name in SECONDS:
            self.keep(f"last {name}", Span(self._now() - SECONDS[name], None))
            return
        self._see("")
        if name == "head":
            self.lines.action_top()

    @work(exclusive=True, group="range", exit_on_error=False)
    async def keep(self, words: str, span: Span) -> None:
        """Show only what was written in a span of time, called so in the status line."""
        self._see("")
        if await self._reach(span.since if span.since is not None else 0.0):
            self._see(words, span)

    async def _reach(self, at: float) -> bool:
        """Count lines back to a moment; False when another log is shown by then."""
        index = self._index
        return await self.lines.reach(lambda: index is not None and reaches(index, at))

    def _see(self, window: str, span: Span = ALWAYS) -> None:
        """Show what was written in a span; no window: all of it."""
        source = self.source
        first = source.first_at(span.since) if span.since is not None else source.first
        end = source.first_at(span.until) if span.until is not None else None
        self.lines.window = window
        self.lines.show(Between(source, first, end) if window else source)

    def _go_to_time(self, typed: str) -> bool:
        """Go to a moment, or show a span; False when it is neither."""
        now = self._now()
        utc = self.lines.stamps == UTC
        here = self.moment
        here = now if here is None else here
        span = span_typed(typed, now=now, here=here, utc=utc)
        at = moment_typed(typed, now=now, here=here, utc=utc)
        if span is not None:
            self.keep(typed, span)
        elif at is not None:
            self.seek(at)
        return span is not None or at is not None

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
        if lines.window or isinstance(lines.excerpt.source, Beginning):
            self._see("")
        if self._index is None:
            self.flush()
        source = lines.excerpt.source
        if await self._reach(at) and source.end > source.first:
            self._land(min(source.first_at(at), source.end - 1))

    def _land(self, number: int) -> None:
        lines = self.lines
        if lines.excerpt.hides(number):
            for kind in "&!":
                self._forget(kind)
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

    def action_mark_range(self) -> None:
        if not self.lines.mark_range():
            self.app.bell()

    def action_unmark(self) -> None:
        self.lines.unmark()

    @work(group="save", exit_on_error=False)
    async def action_save(self) -> None:
        """Write what is marked, or else all that is shown, to a file of one's choice."""
        lines, marked = self.lines, self.lines.marked()
        first = log_save.suggested(self.title, self._now())
        title = f"Save {lined(marked)} that {'is' if len(marked) == 1 else 'are'} marked"
        hint = "without colours; \\ takes marks away, then all that is shown is saved"
        if not marked:
            title, hint = "Save the log", "the lines that filter and range show, without colours"
        path = await self.app.push_screen_wait(
            Ask(title, first, validate=log_save.problem, hint=hint)
        )
        if not path:
            return
        kept = lines.excerpt.filter.patterns if lines.excerpt.filter and not marked else ()
        try:
            source = lines.excerpt.source if marked else await lines.counted()
            count = await log_save.save(source, path, lines.stamps, kept, marked)
        except TooSlow:
            self.notify("the filter takes too long", title="Not saved", severity="error")
        except OSError as error:
            said = f"{path}: {error.strerror}"
            self.notify(said, title="Not saved", severity="error", markup=False)
        else:
            self.notify(path, title=f"{count:,} lines saved", markup=False)

    def action_copy(self) -> None:
        """The marked lines, or the current one."""
        marked, number = self.lines.marked(), self.lines.picked()
        if marked or number is not None:
            self._copy(marked or [number or 0])

    def action_copy_page(self) -> None:
        self._copy(self.lines.on_screen())

    def _copy(self, numbers: Sequence[int]) -> None:
        texts = [plain_of(self.lines.line(number)) for number in numbers]
        self.app.copy_to_clipboard("\n".join(texts))
        self.notify(f"{lined(numbers)} copied", timeout=2)

    @on(LogLines.Picked)
    def action_panel(self) -> None:
        """Show the whole of a line, JSON set out; again to close."""
        panel, number = self.query_one("#log-panel", VerticalScroll), self.lines.picked()
        if panel.has_class("-open") and number == self._panel_of:
            panel.remove_class("-open")
        elif number is not None:
            self.lines.go(number)
            self._show_line(number)
            panel.add_class("-open")
            # There is less room now.
            self.call_after_refresh(self.lines.go, number)

    def _show_line(self, number: int) -> None:
        """Fill the panel."""
        self._panel_of = number
        line, place = self.lines.line(number), self.lines.excerpt.position(number) + 1
        panel = self.query_one("#log-panel", VerticalScroll)
        moment = stamp(line.at, self.lines.stamps or 2).strip()
        panel.border_title = Content(
            f"line {place:,} · {moment} · {line.stream} · {len(line.text):,} bytes"
        )
        self.query_one("#log-text", Static).update(set_out(plain_of(line)))
        panel.scroll_home(animate=False)

    @on(LogLines.Changed)
    def _tell(self) -> None:
        told = status(self.lines, self.dropped, self.banner)
        self.query_one("#log-status", Static).update(told, layout=False)  # always one line
        current = self.lines.current
        panel = self.query_one("#log-panel")
        if panel.has_class("-open") and current is not None and current != self._panel_of:
            self._show_line(current)
