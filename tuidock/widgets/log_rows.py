"""LogRows: the part of an excerpt that is on screen, laid out in rows and painted.

Knows an `Excerpt`, how lines look and where the reader is. Invariant: the scroll position is a
line, never a row, so wrapping a long line costs nothing above or below it; only lines that show
are read and styled.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.cache import LRUCache
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from tuidock.engine.types import LogLine
from tuidock.widgets.log_excerpt import Excerpt
from tuidock.widgets.log_paint import PARTS, STAMPS, Look, Looks, drawn
from tuidock.widgets.log_source import LogSource, Ring
from tuidock.widgets.strips import extracted, selected

MOST_MARKED = 100_000
"""Lines that are marked at once."""


class Break(NamedTuple):
    """The end of a run, before lines of the next one."""

    at: float
    """Lines written later are of the next run."""
    words: str


class LogRows(ScrollView, can_focus=True):
    """Lines as they are seen; `LogLines` moves them."""

    DEFAULT_CSS = """
    LogRows {
        background: $background;
        color: $foreground;
        scrollbar-size-horizontal: 0;
        scrollbar-size-vertical: 1;
        overflow-y: scroll;
        & > .log--stderr { color: $text-error; }
        & > .log--stderr-bar { color: $error; }
        & > .log--timestamp { color: $text-muted; }
        & > .log--mark { color: $text-accent; text-style: bold; }
        & > .log--more { color: $text-muted; text-style: italic; }
        & > .log--error { color: $text-error; text-style: bold; }
        & > .log--warning { color: $text-warning; text-style: bold; }
        & > .log--info { color: $text-success; }
        & > .log--debug { color: $text-muted; }
        & > .log--name { color: $text-muted; }
        & > .log--name-1 { color: $text-primary; }
        & > .log--name-2 { color: $text-accent; }
        & > .log--name-3 { color: $text-success; }
        & > .log--name-4 { color: $text-secondary; }
        & > .log--name-5 { color: $text-error; }
        &:ansi > .log--name-1 { color: ansi_cyan; }
        &:ansi > .log--name-2 { color: ansi_yellow; }
        &:ansi > .log--name-3 { color: ansi_green; }
        &:ansi > .log--name-4 { color: ansi_magenta; }
        &:ansi > .log--name-5 { color: ansi_blue; }
        & > .log--break { color: $text-accent; }
        & > .log--match { background: $warning; color: auto 95%; }
        & > .log--current { background: $boost; }
        & > .log--current-match {
            background: $accent; color: auto 95%; text-style: bold underline;
        }
    }
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"log--{part}" for part in PARTS}

    class Changed(Message):
        """Something the status line tells is different."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, LogRows.Changed)

    class Picked(Message):
        """A line was clicked twice."""

    def __init__(self, source: LogSource | None = None, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.excerpt = Excerpt(source if source is not None else Ring())
        self.wrap = False
        self.current: int | None = None
        """Number of the line that was found or clicked."""
        self.marks: set[int] = set()
        """Numbers of the lines that the reader marked."""
        self.breaks: Sequence[Break] = ()
        """Where one run of the container ended and lines of the next follow."""
        self._strips: LRUCache[int, Strip] = LRUCache(512)
        self._looks = Looks(self._part, lambda: self.rich_style)
        self._marked_last: int | None = None
        self._page: list[tuple[int, int]] | None = None
        self._widest = 0

    @property
    def _across(self) -> int:
        """Cells of a row; `size` has those under the scroll bar too."""
        return self.scrollable_content_region.width

    # --- lines and rows -------------------------------------------------------------------------

    def line(self, number: int) -> LogLine:
        """One line by its number."""
        return self.excerpt.line(number, self.size.height)

    def on_screen(self) -> list[int]:
        """Numbers of the lines on screen, top first."""
        return list(dict.fromkeys(number for number, _ in self._rows()))

    def picked(self) -> int | None:
        """The current line, or else the last one on screen; None when there is none."""
        if self.current is not None and self.current >= self.excerpt.source.first:
            return self.current
        return next(reversed(self.on_screen()), None)

    @property
    def top(self) -> int:
        """Number of the line at the top of the screen."""
        if not self.excerpt.count:
            return 0
        return self.excerpt.number(min(self.scroll_offset.y, self.excerpt.count - 1))

    def _width(self) -> int:
        return self._across if self.wrap else max(self._across, self._widest)

    def _height(self) -> int:
        """With wrapping, so high that the lowest scroll position shows the last line whole."""
        height, rows, position = self.size.height, 0, self.excerpt.count
        if not (self.wrap or self.breaks) or not height:
            return self.excerpt.count
        while position > 0 and rows <= height:
            position -= 1
            rows += self._rows_of(self.excerpt.number(position))
        last_page = position + 1 if rows > height else position
        return min(last_page, max(0, self.excerpt.count - 1)) + height

    def _rows(self) -> list[tuple[int, int]]:
        """For each row of the screen: the line it shows, and which row of that line."""
        if self._page is None:
            top, height = self.scroll_offset.y, self.size.height
            self._page = []
            for position in range(top, min(self.excerpt.count, top + height)):
                number = self.excerpt.number(position)
                self._page.extend((number, row) for row in range(self._rows_of(number)))
                if len(self._page) >= height:
                    break
        return self._page

    def _rows_of(self, number: int) -> int:
        rows = 1 if self._break(number) else 0
        if not self.wrap:
            return rows + 1
        return rows + max(1, -(-self._strip(number).cell_length // max(1, self._across)))

    def _break(self, number: int) -> str:
        """What is said of the end of a run right before a line; empty nearly everywhere."""
        if not self.breaks:
            return ""
        place = bisect_left(self.breaks, self.line(number).at, key=lambda it: it.at) - 1
        if place < 0:
            return ""
        old = self.breaks[place]
        before = number - 1
        if before >= self.excerpt.source.first and self.line(before).at > old.at:
            return ""
        return old.words

    def set_breaks(self, breaks: Sequence[Break]) -> None:
        """Tell where runs ended, in order of time."""
        self.breaks = breaks
        self._page = None

    # --- paint ----------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        rows, width = self._rows(), self._across
        if y >= len(rows):
            return Strip.blank(width, self._looks.of(current=False, marked=False).base)
        number, row = rows[y]
        if words := self._break(number):
            if row == 0:
                return self._ruled(words)
            row -= 1
        left = row * width if self.wrap else self.scroll_offset.x
        strip = self._strip(number).crop_extend(left, left + width, self._look(number).base)
        style = self.screen.get_component_rich_style("screen--selection")
        return selected(strip, y, self.text_selection, style)

    def _ruled(self, words: str) -> Strip:
        """A line across with words in it."""
        style = self.rich_style + self._part("break")
        text = f" ── {words} ".ljust(self._across - 1, "─")
        return Strip([Segment(text, style)]).crop_extend(0, self._across, style)

    def _strip(self, number: int) -> Strip:
        strip = self._strips.get(number)
        if strip is None:
            strip = self._strips[number] = drawn(self.line(number), self._look(number))
            if strip.cell_length > self._widest:
                self._widest = strip.cell_length
                self.call_later(self._resize_width)
        return strip

    def _resize_width(self) -> None:
        if not self.wrap:
            self.extend_to(Size(self._width(), self.virtual_size.height))

    def extend_to(self, size: Size) -> None:
        """Tell how large all of it is; without a layout, because nothing around it moves."""
        self.set_reactive(Widget.virtual_size, size)
        self.vertical_scrollbar.window_virtual_size = size.height

    def _look(self, number: int) -> Look:
        search = self.excerpt.search
        self._looks.pattern = search.patterns[0] if search else None
        return self._looks.of(current=number == self.current, marked=number in self.marks)

    def _part(self, name: str) -> Style:
        return self.get_component_rich_style(f"log--{name}")

    def _make_current(self, number: int) -> None:
        before, self.current = self.current, number
        self._repaint(before, number)

    def _repaint(self, *numbers: int | None) -> None:
        for each in numbers:
            if each is not None and each in self._strips:
                self._strips.discard(each)
        self.refresh()
        self.post_message(self.Changed())

    def _restyle(self) -> None:
        theme = self.app.current_theme
        self._looks.dark = None if theme.ansi else theme.dark
        self._strips.clear()
        self._looks.forget()
        self._page = None

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._restyle()

    # --- switches -------------------------------------------------------------------------------

    @property
    def stamps(self) -> int:
        """How times are shown, an index into `STAMPS`."""
        return self._looks.stamps

    @stamps.setter
    def stamps(self, stamps: int) -> None:
        self._looks.stamps = stamps % len(STAMPS)

    def set_names(self, names: Sequence[str]) -> None:
        """Tell whose lines these are, each in a colour of its own."""
        self._looks.names = names
        self._restyle()
        self.refresh()

    @property
    def worded(self) -> bool:
        """Whether JSON is shown as words."""
        return self._looks.worded

    @worded.setter
    def worded(self, worded: bool) -> None:
        self._looks.worded = worded

    def toggle_mark(self, number: int) -> None:
        """Mark a line, or unmark it."""
        self.marks ^= {number}
        self._marked_last = number
        self._repaint(number)

    def mark_range(self) -> bool:
        """Mark all that is shown from the line marked last to this one; False when it is none."""
        here, last = self.picked(), self._marked_last
        if here is None or last is None or last not in self.marks:
            return False
        low, high = sorted((self.excerpt.position(last), self.excerpt.position(here)))
        high = min(high, self.excerpt.count - 1)
        if high - low >= MOST_MARKED:
            return False
        self.marks |= {self.excerpt.number(place) for place in range(low, high + 1)}
        self._restyle()
        self._repaint()
        return True

    def marked(self) -> list[int]:
        """The marked lines that are still there, in order."""
        source = self.excerpt.source
        return [it for it in sorted(self.marks) if source.first <= it < source.end]

    def unmark(self) -> None:
        """Take all marks away."""
        self.marks.clear()
        self._restyle()
        self.refresh()
        self.post_message(self.Changed())

    # --- mouse and selection --------------------------------------------------------------------

    def on_click(self, event: events.Click) -> None:
        rows = self._rows()
        if event.y < len(rows) and not self.text_selection:
            self._make_current(rows[event.y][0])
            if event.chain == 2:
                self.post_message(self.Picked())

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        return extracted((self.render_line(y) for y in range(self.size.height)), selection)

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()
