"""LogLines: a window on numbered lines: follows the end, searches, filters, wraps.

Knows a `LogSource` and what of it is on screen; reads and styles only lines that show.
Invariant: the scroll position is a line, never a row, so wrapping a long line costs nothing
above or below it.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.cache import LRUCache
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from tuidock.engine.types import LogLine
from tuidock.widgets.log_excerpt import Excerpt
from tuidock.widgets.log_keys import MOVING
from tuidock.widgets.log_paint import PARTS, STAMPS, Look, Looks, drawn, first_match
from tuidock.widgets.log_search import Pattern
from tuidock.widgets.log_source import LogSource, Ring
from tuidock.widgets.strips import extracted, selected

SIDEWAYS = 8


class LogLines(ScrollView, can_focus=True):
    """The lines themselves; `LogView` gives it a prompt, a status line and a panel."""

    DEFAULT_CSS = """
    LogLines {
        background: $background;
        color: $foreground;
        scrollbar-size-horizontal: 0;
        scrollbar-size-vertical: 1;
        & > .log--stderr { color: $text-error; }
        & > .log--stderr-bar { color: $error; }
        & > .log--timestamp { color: $text-muted; }
        & > .log--mark { color: $text-accent; text-style: bold; }
        & > .log--more { color: $text-muted; text-style: italic; }
        & > .log--match { background: $warning; color: auto 95%; }
        & > .log--current { background: $boost; }
        & > .log--current-match {
            background: $accent; color: auto 95%; text-style: bold underline;
        }
    }
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"log--{part}" for part in PARTS}

    BINDINGS: ClassVar[list[BindingType]] = MOVING

    class Changed(Message):
        """Something the status line tells is different."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, LogLines.Changed)

    class Picked(Message):
        """A line was clicked twice."""

    class WantsOlder(Message):
        """The reader, or a search, has come to the first line: are there older ones?"""

    def __init__(self, source: LogSource | None = None, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.excerpt = Excerpt(source if source is not None else Ring())
        self.follow = True
        self.wrap = False
        self.current: int | None = None
        """Number of the line that was found or clicked."""
        self._strips: LRUCache[int, Strip] = LRUCache(2048)
        self._looks = Looks(self._part, lambda: self.rich_style)
        self.marks: set[int] = set()
        """Numbers of the lines that the reader marked."""
        self.window = ""
        """How far back the log is shown, in words; empty for all of it."""
        self._page: list[tuple[int, int]] | None = None
        self._own_scroll = False
        self._pumping = False
        self._widest = 0

    # --- lines and positions ------------------------------------------------------------------

    def show(self, source: LogSource) -> None:
        """Look at another log, from its end."""
        self.excerpt.show(source)
        self._strips.clear()
        self._widest = 0
        self.current = None
        self.follow = True
        self.settle()

    def line(self, number: int) -> LogLine:
        """One line by its number."""
        return self.excerpt.line(number, self.size.height)

    def picked(self) -> int | None:
        """The current line, or else the last one on screen; None when there is none."""
        if self.current is not None and self.current >= self.excerpt.source.first:
            return self.current
        return next(reversed(self.on_screen()), None)

    def on_screen(self) -> list[int]:
        """Numbers of the lines on screen, top first."""
        return list(dict.fromkeys(number for number, _ in self._rows()))

    # --- growing ------------------------------------------------------------------------------

    def settle(self) -> None:
        """The source has changed: sieve, resize, stay at the end or where the reader is."""
        self._advance()
        gone = self.excerpt.gone()
        self._page = None
        self._own_scroll = True
        self.virtual_size = Size(self._width(), self._height())
        if self.follow:
            self.scroll_to(y=self.max_scroll_y, animate=False, force=True)
        elif gone and self.excerpt.filter is None:
            self.scroll_to(y=max(0, self.scroll_offset.y - gone), animate=False, force=True)
        self._own_scroll = False
        self.refresh()
        self.post_message(self.Changed())

    def _advance(self) -> None:
        done = self.excerpt.advance()
        landing = self.excerpt.landing(done=done)
        if landing is not None:
            self.call_later(self.go, landing)
        if done and self.excerpt.sieved:
            self.post_message(self.WantsOlder())
        elif not done and not self._pumping:
            self._pumping = True
            # By way of the loop: a pump that posts to itself would let nobody else in.
            asyncio.get_running_loop().call_soon(self.call_later, self._pump)

    def _pump(self) -> None:
        """Go on looking; without a filter that changes nothing but the counts."""
        self._pumping = False
        if self.excerpt.filter is not None:
            self.settle()
        else:
            self._advance()
            self.post_message(self.Changed())

    def _width(self) -> int:
        return self.size.width if self.wrap else max(self.size.width, self._widest)

    def _height(self) -> int:
        """With wrapping, so high that the lowest scroll position shows the last line whole."""
        height, rows, position = self.size.height, 0, self.excerpt.count
        if not self.wrap or not height:
            return self.excerpt.count
        while position > 0 and rows <= height:
            position -= 1
            rows += self._rows_of(self.excerpt.number(position))
        last_page = position + 1 if rows > height else position
        return min(last_page, max(0, self.excerpt.count - 1)) + height

    # --- search and filter --------------------------------------------------------------------

    def set_search(self, pattern: Pattern | None) -> None:
        """Look for a pattern from the top of the screen on; None forgets it."""
        self.excerpt.set_search(pattern, self.top)
        if pattern is None:
            self.current = None
        self._restyle()
        self.settle()

    def set_filter(self, pattern: Pattern | None) -> None:
        """Keep only lines that match; None shows all again, at the same place."""
        anchor = self.current if self.current is not None else self.top
        self.excerpt.set_filter(pattern)
        self.settle()
        if not self.follow:
            self._reveal(anchor)

    def find(self, step: int) -> None:
        """Go to the next match below (1) or above (-1), round the ends."""
        here = self.current if self.current is not None else self.top
        number = self.excerpt.neighbour(here, step)
        if number is None:
            self.app.bell()
        else:
            self.go(number)

    def go(self, number: int) -> None:
        """Make a line the current one and bring it into view."""
        source = self.excerpt.source
        if source.first <= number < source.end:
            self._make_current(number)
            self.follow = False
            self._reveal(number)
            self._reveal_match(number)

    def _make_current(self, number: int) -> None:
        before, self.current = self.current, number
        self._repaint(before, number)

    def _repaint(self, *numbers: int | None) -> None:
        for each in numbers:
            if each is not None and each in self._strips:
                self._strips.discard(each)
        self.refresh()
        self.post_message(self.Changed())

    def _reveal(self, number: int) -> None:
        top, height = self.scroll_offset.y, self.size.height
        place = self.excerpt.position(number)
        if self.wrap or not top <= place < top + max(1, height - 1):
            self._scroll(y=place - height // 3)

    def _reveal_match(self, number: int) -> None:
        column = None if self.wrap else first_match(self.line(number), self._look(number))
        left, width = self.scroll_offset.x, self.size.width
        if column is not None and not left <= column < left + width - 20:
            self._strip(number)
            self._own_scroll = True
            self.virtual_size = Size(self._width(), self._height())
            self._scroll(x=0 if column < width - 20 else column - width // 3)

    # --- moving -------------------------------------------------------------------------------

    def _scroll(self, x: int | None = None, y: int | None = None) -> None:
        self._own_scroll = True
        self.scroll_to(x=x, y=y, animate=False, force=True)
        self._own_scroll = False

    @property
    def top(self) -> int:
        """Number of the line at the top of the screen."""
        return (
            self.excerpt.number(min(self.scroll_offset.y, self.excerpt.count - 1))
            if self.excerpt.count
            else 0
        )

    def set_follow(self, follow: bool) -> None:
        """Stick to the end, or stay here."""
        self.follow = follow
        if follow:
            self._scroll(y=self.max_scroll_y)
        self.post_message(self.Changed())

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._page = None
        if not self._own_scroll and round(old_value) != round(new_value):
            # Up lets go, down to the end holds. A window that grew clamps upwards to the very
            # end: that is nobody's wish.
            at_end = new_value >= self.max_scroll_y
            self.follow = (self.follow or new_value > old_value) if at_end else False
            self.post_message(self.Changed())
            if new_value <= 0:
                self.post_message(self.WantsOlder())

    def action_lines(self, lines: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False)

    def action_pages(self, pages: float) -> None:
        self.action_lines(int(pages * max(1, self.size.height - 1)))

    def action_top(self) -> None:
        self.scroll_to(y=0, animate=False)

    def action_bottom(self) -> None:
        self.set_follow(True)

    def action_sideways(self, steps: int) -> None:
        self._scroll(x=self.scroll_offset.x + steps * SIDEWAYS)
        self.post_message(self.Changed())

    # --- paint --------------------------------------------------------------------------------

    def set_wrap(self, wrap: bool) -> None:
        """Break long lines at the edge, or let them run out of it."""
        self.wrap = wrap
        self._scroll(x=0)
        self.settle()

    def set_stamps(self, stamps: int) -> None:
        """Choose how times are shown, an index into `STAMPS`."""
        self._looks.stamps = stamps % len(STAMPS)
        self._restyle()
        self.settle()

    @property
    def stamps(self) -> int:
        """How times are shown, an index into `STAMPS`."""
        return self._looks.stamps

    @property
    def worded(self) -> bool:
        """Whether JSON is shown as words."""
        return self._looks.worded

    def set_worded(self, worded: bool) -> None:
        """Show JSON as words, or as it was written."""
        self._looks.worded = worded
        self._restyle()
        self.settle()

    def toggle_mark(self, number: int) -> None:
        """Mark a line, or unmark it."""
        self.marks ^= {number}
        self._repaint(number)

    def unmark(self) -> None:
        """Take all marks away."""
        self.marks.clear()
        self._restyle()
        self.refresh()
        self.post_message(self.Changed())

    def _restyle(self) -> None:
        self._strips.clear()
        self._looks.forget()
        self._page = None

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._restyle()

    def on_resize(self) -> None:
        self.settle()

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
        if not self.wrap:
            return 1
        return max(1, -(-self._strip(number).cell_length // max(1, self.size.width)))

    def render_line(self, y: int) -> Strip:
        rows, width = self._rows(), self.size.width
        if y >= len(rows):
            return Strip.blank(width, self.rich_style)
        number, row = rows[y]
        left = row * width if self.wrap else self.scroll_offset.x
        strip = self._strip(number).crop_extend(left, left + width, self._look(number).base)
        style = self.screen.get_component_rich_style("screen--selection")
        return selected(strip, y, self.text_selection, style)

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
            self.virtual_size = Size(self._width(), self.virtual_size.height)

    def _look(self, number: int) -> Look:
        search = self.excerpt.search
        self._looks.pattern = search.patterns[0] if search else None
        return self._looks.of(current=number == self.current, marked=number in self.marks)

    def _part(self, name: str) -> Style:
        return self.get_component_rich_style(f"log--{name}")

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
