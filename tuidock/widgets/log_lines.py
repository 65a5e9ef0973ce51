"""LogLines: a window on numbered lines: follows the end, searches, filters, wraps, copies.

Knows a `LogSource` and what of it is on screen; reads and styles only lines that show.
Invariant: the scroll position is a line, never a row, so wrapping a long line costs nothing
above or below it.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.geometry import Offset, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from tuidock import format
from tuidock.engine.types import LogLine
from tuidock.widgets import ansi
from tuidock.widgets.log_search import Pattern, Sieve, plain_text
from tuidock.widgets.log_source import LogSource, Ring

SHOWN = 4096
"""Bytes of one line that are laid out; the rest is in the line's own panel."""
SCAN = 2000
"""Lines a search looks at before the screen gets its turn."""
STAMPS = ("", "%H:%M:%S", "%Y-%m-%d %H:%M:%S")
SIDEWAYS = 8


class LogLines(ScrollView, can_focus=True):
    """The lines themselves; `LogView` gives it a prompt, a status line and a panel."""

    DEFAULT_CSS = """
    LogLines {
        background: $surface;
        color: $foreground;
        scrollbar-size-horizontal: 0;
        scrollbar-size-vertical: 1;
        &:dark { background: $background; }
        & > .log--stderr { color: $text-error; }
        & > .log--stderr-bar { color: $error; }
        & > .log--timestamp { color: $text-muted; }
        & > .log--more { color: $text-muted; text-style: italic; }
        & > .log--match { background: $warning; color: $warning-darken-3 0%; color: auto 95%; }
        & > .log--current { background: $boost; }
        & > .log--current-match {
            background: $accent; color: auto 95%; text-style: bold underline;
        }
    }
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "log--stderr",
        "log--stderr-bar",
        "log--timestamp",
        "log--more",
        "log--match",
        "log--current",
        "log--current-match",
    }

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "lines(1)", "Down", show=False, id="log.down"),
        Binding("k,up", "lines(-1)", "Up", show=False, id="log.up"),
        Binding("ctrl+f,pagedown", "pages(1.0)", "Page down", show=False, id="log.page_down"),
        Binding("ctrl+b,pageup", "pages(-1.0)", "Page up", show=False, id="log.page_up"),
        Binding("ctrl+d", "pages(0.5)", "Half page down", show=False, id="log.half_down"),
        Binding("ctrl+u", "pages(-0.5)", "Half page up", show=False, id="log.half_up"),
        Binding("g,home", "top", "Top", show=False, id="log.top"),
        Binding("G,end", "bottom", "Bottom, and follow", show=False, id="log.bottom"),
        Binding("right", "sideways(1)", "Right", show=False, id="log.right"),
        Binding("left", "sideways(-1)", "Left", show=False, id="log.left"),
        Binding("shift+right", "sideways(5)", "Far right", show=False, id="log.far_right"),
        Binding("shift+left", "sideways(-5)", "Far left", show=False, id="log.far_left"),
    ]

    class Changed(Message):
        """Something the status line tells is different."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, LogLines.Changed)

    class Picked(Message):
        """A line was clicked twice."""

    def __init__(self, source: LogSource | None = None, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.source: LogSource = source if source is not None else Ring()
        self.follow = True
        self.wrap = False
        self.stamps = 0
        """Index into `STAMPS`."""
        self.search: Sieve | None = None
        self.filter: Sieve | None = None
        self.current = -1
        """Number of the line that was found or clicked; -1 without one."""
        self._seek: int | None = None
        self._strips: LRUCache[int, Strip] = LRUCache(2048)
        self._lines: LRUCache[int, LogLine] = LRUCache(2048)
        self._page: list[tuple[int, int]] | None = None
        self._shift_from = 0
        self._own_scroll = False
        self._pumping = False
        self._widest = 0

    # --- lines and positions ----------------------------------------------------------------------

    def show(self, source: LogSource) -> None:
        """Look at another log, from its end."""
        self.source = source
        self._lines.clear()
        self._shift_from = source.first
        self._widest = 0
        self.current = -1
        self.follow = True
        self._resieve()
        self.settle()

    @property
    def count(self) -> int:
        """Lines that are shown: all, or those the filter keeps."""
        if self.filter is not None:
            return len(self.filter.found)
        return self.source.end - self.source.first

    def _number(self, position: int) -> int:
        return self.filter.found[position] if self.filter else self.source.first + position

    def _position(self, number: int) -> int:
        if self.filter is not None:
            return bisect_left(self.filter.found, number)
        return number - self.source.first

    def line(self, number: int) -> LogLine:
        """One line; a miss reads a screenful, because its neighbours come next."""
        if number not in self._lines:
            stop = min(self.source.end, number + max(1, self.size.height))
            for at, line in enumerate(self.source.lines(number, stop), number):
                self._lines[at] = line
        return self._lines[number]

    # --- growing ----------------------------------------------------------------------------------

    def settle(self) -> None:
        """The source has changed: sieve, resize, stay at the end or where the reader is."""
        self._sieve()
        gone = self._gone()
        self._page = None
        self._own_scroll = True
        try:
            self.virtual_size = Size(self._width(), self._height())
            if self.follow:
                self.scroll_to(y=self.max_scroll_y, animate=False, force=True)
            elif gone:
                self.scroll_to(y=max(0, self.scroll_offset.y - gone), animate=False, force=True)
        finally:
            self._own_scroll = False
        self.refresh()
        self.post_message(self.Changed())

    def _gone(self) -> int:
        """How many shown lines have left the source since the last time."""
        first, before = self.source.first, self._shift_from
        self._shift_from = first
        return first - before if self.filter is None else 0

    def _width(self) -> int:
        return self.size.width if self.wrap else max(self.size.width, self._widest)

    def _height(self) -> int:
        """With wrapping, so high that the lowest scroll position shows the last line whole."""
        height = self.size.height
        if not self.wrap or not height:
            return self.count
        rows, position = 0, self.count
        while position > 0:
            rows += self._rows_of(self._number(position - 1))
            if rows > height:
                break
            position -= 1
        return min(position, max(0, self.count - 1)) + height if rows > height else self.count

    # --- search and filter ------------------------------------------------------------------------

    def set_search(self, pattern: Pattern | None) -> None:
        """Look for a pattern from the top of the screen on; None forgets it."""
        self.search = None if pattern is None else Sieve(pattern)
        self._resieve()
        self._seek = None if pattern is None else self._top_number()
        if pattern is None:
            self.current = -1
        self._restyle()
        self.settle()

    def set_filter(self, pattern: Pattern | None) -> None:
        """Keep only lines that match; None shows all again, at the same place."""
        anchor = self.current if self.current >= 0 else self._top_number()
        self.filter = None if pattern is None else Sieve(pattern)
        self._resieve()
        self.settle()
        if not self.follow:
            self._reveal(anchor)

    def _resieve(self) -> None:
        """Start both sieves anew; the search sees only what the filter keeps."""
        if self.filter is not None:
            self.filter = Sieve(*self.filter.patterns)
        if self.search is not None:
            kept = self.filter.patterns if self.filter else ()
            self.search = Sieve(self.search.patterns[0], *kept)

    def _sieve(self) -> None:
        sieves = [sieve for sieve in (self.filter, self.search) if sieve is not None]
        left = [sieve for sieve in sieves if not sieve.advance(self.source, SCAN)]
        done = not left
        if self._seek is not None and self.search is not None:
            self._seek_match(self.search, done)
        if not done and not self._pumping:
            self._pumping = True
            self.set_timer(1 / 200, self._pump)

    def _pump(self) -> None:
        self._pumping = False
        self.settle()

    def _seek_match(self, search: Sieve, done: bool) -> None:
        place = bisect_left(search.found, self._seek or 0)
        if place < len(search.found):
            self._seek = None
            self.call_later(self.go, search.found[place])
        elif done:
            self._seek = None
            if search.found:
                self.call_later(self.go, search.found[-1])

    def find(self, step: int) -> None:
        """Go to the next match below (1) or above (-1), round the ends."""
        if self.search is None:
            return
        here = self.current if self.current >= 0 else self._top_number()
        number = self.search.after(here) if step > 0 else self.search.before(here)
        if number is None:
            self.app.bell()
        else:
            self.go(number)

    def go(self, number: int) -> None:
        """Make a line the current one and bring it into view."""
        self._drop_strips(self.current, number)
        self.current = number
        self.follow = False
        self._reveal(number)
        self._reveal_match(number)
        self.refresh()
        self.post_message(self.Changed())

    def _reveal(self, number: int) -> None:
        top, height = self.scroll_offset.y, self.size.height
        position = self._position(number)
        if not top <= position < top + max(1, height - 1) or self.wrap:
            self._scroll(y=position - height // 3)

    def _reveal_match(self, number: int) -> None:
        if self.search is None or self.wrap:
            return
        spans = self.search.patterns[0].spans(plain_text(self.line(number)))
        left = self.scroll_offset.x
        if spans and not left <= spans[0][0] < left + self.size.width - 20:
            self._strip(number)
            self.virtual_size = Size(self._width(), self._height())
            self._scroll(x=max(0, spans[0][0] - self.size.width // 3))

    # --- moving -----------------------------------------------------------------------------------

    def _scroll(self, x: int | None = None, y: int | None = None) -> None:
        self._own_scroll = True
        self.scroll_to(x=x, y=y, animate=False, force=True)
        self._own_scroll = False

    def _top_number(self) -> int:
        return self._number(min(self.scroll_offset.y, self.count - 1)) if self.count else 0

    def set_follow(self, follow: bool) -> None:
        """Stick to the end, or stay here."""
        self.follow = follow
        if follow:
            self.scroll_to(y=self.max_scroll_y, animate=False, force=True)
        self.post_message(self.Changed())

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._page = None
        if not self._own_scroll and round(old_value) != round(new_value):
            self.follow = new_value >= self.max_scroll_y
            self.post_message(self.Changed())

    def action_lines(self, lines: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False, force=True)

    def action_pages(self, pages: float) -> None:
        self.action_lines(int(pages * max(1, self.size.height - 1)))

    def action_top(self) -> None:
        self.scroll_to(y=0, animate=False, force=True)

    def action_bottom(self) -> None:
        self.set_follow(True)

    def action_sideways(self, steps: int) -> None:
        self._scroll(x=self.scroll_offset.x + steps * SIDEWAYS)

    # --- paint ------------------------------------------------------------------------------------

    def set_wrap(self, wrap: bool) -> None:
        """Break long lines at the edge, or let them run out of it."""
        self.wrap = wrap
        self._scroll(x=0)
        self.settle()

    def set_stamps(self, stamps: int) -> None:
        """Choose how times are shown, an index into `STAMPS`."""
        self.stamps = stamps % len(STAMPS)
        self._restyle()
        self.settle()

    def _restyle(self) -> None:
        self._strips.clear()
        self.refresh()

    def _drop_strips(self, *numbers: int) -> None:
        for number in numbers:
            if number in self._strips:
                self._strips.discard(number)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips.clear()

    def on_resize(self) -> None:
        self.settle()

    def _layout(self) -> list[tuple[int, int]]:
        """For each row of the screen: the line it shows, and which row of that line."""
        top, height = self.scroll_offset.y, self.size.height
        page: list[tuple[int, int]] = []
        for position in range(top, min(self.count, top + height)):
            number = self._number(position)
            page.extend((number, row) for row in range(self._rows_of(number)))
            if len(page) >= height:
                break
        return page

    def _rows_of(self, number: int) -> int:
        if not self.wrap:
            return 1
        return max(1, -(-self._strip(number).cell_length // max(1, self.size.width)))

    def render_line(self, y: int) -> Strip:
        if self._page is None:
            self._page = self._layout()
        width = self.size.width
        base = self.rich_style
        if y >= len(self._page):
            return Strip.blank(width, base)
        number, row = self._page[y]
        left = row * width if self.wrap else self.scroll_offset.x
        style = self._part("current") if number == self.current else base
        strip = self._strip(number).crop_extend(left, left + width, style)
        return self._selected(strip, y).apply_offsets(0, y)

    def _part(self, name: str) -> Style:
        return self.get_component_rich_style(f"log--{name}")

    def _strip(self, number: int) -> Strip:
        strip = self._strips.get(number)
        if strip is None:
            strip = self._strips[number] = self._build(number)
            self._widen(strip.cell_length)
        return strip

    def _widen(self, width: int) -> None:
        if width > self._widest:
            self._widest = width
            if not self.wrap:
                self.call_later(self._resize_width)

    def _resize_width(self) -> None:
        self.virtual_size = Size(self._width(), self._height())

    def _build(self, number: int) -> Strip:
        """A line's whole strip: bar, time, text with its colours and the matches in it."""
        line = self.line(number)
        error, here = line.stream == "stderr", number == self.current
        base = self._part("current") if here else self.rich_style
        text = base + Style(color=self._part("stderr").color) if error else base
        pieces = self._matched(ansi.runs(line.text[:SHOWN].decode("utf-8", "replace")), here)
        segments = [Segment("▎" if error else " ", base + self._ink("stderr-bar"))]
        if self.stamps:
            segments.append(Segment(stamp(line.at, self.stamps), base + self._ink("timestamp")))
        segments += [Segment(piece, text + style) for piece, style in pieces if piece]
        if len(line.text) > SHOWN or line.partial:
            segments.append(Segment(more(line), base + self._ink("more")))
        return Strip(segments)

    def _ink(self, name: str) -> Style:
        """A part's colour and attributes without its background."""
        part = self._part(name)
        return Style(color=part.color, bold=part.bold, italic=part.italic)

    def _matched(self, pieces: list[ansi.Run], here: bool) -> list[ansi.Run]:
        if self.search is None:
            return pieces
        spans = self.search.patterns[0].spans("".join(text for text, _ in pieces))
        return ansi.overlay(pieces, spans, self._part("current-match" if here else "match"))

    # --- mouse, selection, copy -------------------------------------------------------------------

    def on_click(self, event: events.Click) -> None:
        page = self._page or []
        if event.y < len(page) and not self.text_selection:
            number = page[event.y][0]
            self._drop_strips(self.current, number)
            self.current = number
            self.refresh()
            self.post_message(self.Changed())
            if event.chain == 2:
                self.post_message(self.Picked())

    def _selected(self, strip: Strip, y: int) -> Strip:
        selection = self.text_selection
        span = selection.get_span(y) if selection is not None else None
        if span is None:
            return strip
        start, end = span
        end = strip.cell_length if end == -1 else end
        style = self.screen.get_component_rich_style("screen--selection")
        before, inside, after = strip.crop(0, start), strip.crop(start, end), strip.crop(end)
        return Strip.join([before, inside.apply_style(style), after])

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        page = self._page or []
        rows = [self.render_line(y).text.rstrip() for y in range(len(page))]
        return selection.extract("\n".join(rows)), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()

    def picked_number(self) -> int:
        """The current line, or else the last one on screen; -1 when the log is empty."""
        if self.current >= self.source.first:
            return self.current
        page = self._page or self._layout()
        return page[-1][0] if page else -1

    def texts(self, numbers: Sequence[int]) -> str:
        """Lines as plain text, for the clipboard."""
        return "\n".join(plain_text(self.line(number)) for number in numbers)

    def visible_numbers(self) -> list[int]:
        """Lines on screen, top first."""
        return list(dict.fromkeys(number for number, _ in self._page or self._layout()))

    @property
    def content_offset(self) -> Offset:
        """Where the window stands: columns cut off at the left, lines above."""
        return self.scroll_offset


def stamp(at: float, stamps: int) -> str:
    """A line's local time as `STAMPS[stamps]` wants it, with milliseconds."""
    whole = int(at)
    return f"{time.strftime(STAMPS[stamps], time.localtime(whole))}.{int((at - whole) * 1e3):03d} "


def more(line: LogLine) -> str:
    """What is said at the end of a line that does not end there."""
    hidden = len(line.text) - SHOWN
    if hidden > 0:
        return f" … {format.size(hidden)} more, Enter shows them"
    return " ⤶"
