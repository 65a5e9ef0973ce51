"""TerminalView: a terminal's screen as a widget, with its history.

Knows how to draw and to look back; where bytes come from is its subclass' part. Invariant: only
rows that changed are drawn again, and none while it cannot be seen.
"""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Offset, Region
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from tuidock.widgets.strips import extracted, selected
from tuidock.widgets.terminal_feed import Feed
from tuidock.widgets.terminal_look import Look
from tuidock.widgets.terminal_paint import Cursor, segments
from tuidock.widgets.terminal_screen import INVERTED, SYNCHRONIZED, TerminalScreen

FRAME = 1 / 60
PATIENCE = 0.15
"""Seconds that a program may hold the picture back while it draws (mode 2026)."""
WORD = "_-./~:@%+"
"""Besides letters and digits, what a double click takes for one word."""
READING = " {line} of {all}   / find   n N older, newer   v mark   y copy   Y all   esc back "


class TerminalView(Widget, can_focus=True):
    """Draws a `TerminalScreen`."""

    DEFAULT_CSS = """
    TerminalView {
        height: 1fr;
        background: $background;
        color: $foreground;
        pointer: text;
        & > .terminal--cursor { background: $foreground; color: $background; }
        & > .terminal--cursor-blurred { background: $foreground 30%; }
        & > .terminal--back { background: $warning; color: auto 90%; }
        & > .terminal--chosen { background: $primary-muted; }
        & > .terminal--found { background: $warning; color: $background; text-style: bold; }
    }
    """

    COMPONENT_CLASSES = {  # noqa: RUF012  # Textual reads it so
        "terminal--cursor",
        "terminal--cursor-blurred",
        "terminal--back",
        "terminal--chosen",
        "terminal--found",
    }

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._screen = TerminalScreen(80, 24, self.answer)
        self._feed = Feed(self._screen)
        self.look = Look(self._screen)
        self._framing = False
        self._strips: dict[int, Strip] = {}
        self._cursor_row = 0

    def answer(self, text: str) -> None:
        """The terminal replies to its program."""

    def take_in(self, data: bytes) -> None:
        """Bytes of the program."""
        before, title = self._screen.pushed, self._screen.title
        self._feed.feed(data)
        self.look.grew(self._screen.pushed - before)
        if title != self._screen.title:
            self.titled()
        self._request_frame()

    def titled(self) -> None:
        """The program gave the terminal another title."""

    # --- frames ----------------------------------------------------------------------------

    def _request_frame(self) -> None:
        if not self._framing and self.size:
            self._framing = True
            waits = SYNCHRONIZED in self._screen.modes
            self.set_timer(PATIENCE if waits else FRAME, self._frame)

    def _frame(self) -> None:
        """Repaint the rows that changed since the last frame."""
        self._framing = False
        screen = self._screen
        if screen.rang:
            screen.rang = False
            self.app.bell()
        if self.look.back or self.look.reading:
            self.repaint()
        else:
            self._refresh_rows({*screen.dirty, self._cursor_row, screen.y})
        screen.dirty.clear()
        self._cursor_row = screen.y

    def _refresh_rows(self, rows: set[int]) -> None:
        shown = [y for y in rows if y < self.size.height]
        for y in shown:
            self._strips.pop(y, None)
        self.refresh(*(Region(0, y, self.size.width, 1) for y in shown))

    def repaint(self) -> None:
        """Draw everything anew."""
        self._strips.clear()
        self.refresh()

    def on_show(self) -> None:
        self.repaint()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips.clear()

    def fit(self) -> None:
        """Take the widget's size."""
        self._screen.resize(*self.size)
        self.look.grew(0)
        self._tell_colours()
        self.repaint()

    def _tell_colours(self) -> None:
        """What a program that asks is told, so that vim knows a dark screen from a light one."""
        colours = {"10": self.rich_style.color, "11": self.rich_style.bgcolor}
        self._screen.colours = {
            code: (each.triplet.red, each.triplet.green, each.triplet.blue)
            for code, each in colours.items()
            if each is not None and each.triplet is not None
        }

    # --- drawing -----------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        strip = self._strips.get(y)
        if strip is None:
            strip = self._strips[y] = self._draw(y)
        style = self.screen.get_component_rich_style("screen--selection")
        return selected(strip, y, self.text_selection, style)

    def _draw(self, y: int) -> Strip:
        look, columns = self.look, self.size.width
        number = look.shown(y)
        if number > look.last:
            return Strip.blank(columns, self.rich_style)
        base = self.rich_style
        if look.reading and look.chosen(number):
            base += self.get_component_rich_style("terminal--chosen")
        line, inverted = look.line(number), INVERTED in self._screen.modes
        strip = Strip(segments(line, columns, base, self._cursor(number), inverted=inverted))
        if look.pattern is not None:
            strip = self._with_found(strip)
        return self._with_label(strip, y)

    def _with_found(self, strip: Strip) -> Strip:
        style = self.get_component_rich_style("terminal--found")
        assert self.look.pattern is not None
        for found in self.look.pattern.finditer(strip.text):
            start, end = (_cells(strip.text[:at]) for at in found.span())
            inside = strip.crop(start, end).apply_style(style)
            strip = Strip.join([strip.crop(0, start), inside, strip.crop(end)])
        return strip

    def _with_label(self, strip: Strip, y: int) -> Strip:
        """What is to be known about looking back, in a corner."""
        label = ""
        if self.look.reading and y == self.size.height - 1:
            label = self._said()
        elif self.look.back and y == 0:
            label = f" {self.look.back} lines back "
        if not label:
            return strip
        label = label[: self.size.width]
        part = self.get_component_rich_style("terminal--back")
        kept = strip.crop(0, max(0, self.size.width - _cells(label)))
        return Strip.join([kept, Strip([Segment(label, part)])]).crop(0, self.size.width)

    def _said(self) -> str:
        look = self.look
        if look.typing is not None:
            return f" / {look.typing}▏"
        if look.said:
            return f" {look.said} "
        return READING.format(line=look.number + 1 - look.first, all=look.last + 1 - look.first)

    def _cursor(self, number: int) -> Cursor | None:
        screen = self._screen
        if screen.cursor_hidden or self.look.reading or number != screen.pushed + screen.y:
            return None
        part = "terminal--cursor" if self.has_focus else "terminal--cursor-blurred"
        x = min(screen.x, self.size.width - 1)
        return Cursor(x, self._part(part), screen.shape)

    def _part(self, name: str) -> Style:
        return self.get_component_rich_style(name)

    # --- selecting text ----------------------------------------------------------------------

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        return extracted((self.render_line(y) for y in range(self.size.height)), selection)

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()

    async def _on_click(self, event: events.Click) -> None:
        """Twice for a word, three times for a line; Textual's own would take everything."""
        event.prevent_default()
        offset = event.get_content_offset(self)
        if self.allow_select and event.chain > 1 and offset is not None:
            text = self.render_line(offset.y).text
            start, end = _word(text, offset.x) if event.chain == 2 else (0, len(text))
            chosen = Selection(Offset(start, offset.y), Offset(end, offset.y))
            self.screen.selections = {self: chosen}
            self.copy_selection()

    def copy_selection(self) -> None:
        """To the clipboard, where something is selected."""
        selection = self.text_selection
        found = self.get_selection(selection) if selection is not None else None
        if found is not None and found[0].strip():
            self.copy(found[0])

    def copy(self, text: str) -> None:
        """To the clipboard, and say so."""
        self.app.copy_to_clipboard(text)
        lines = text.count("\n") + 1
        said = f"{lines} lines" if lines > 1 else text.strip()[:60]
        self.notify(said, title="Copied", timeout=2, markup=False)

    @property
    def text(self) -> str:
        """What is on screen, as plain text."""
        return "\n".join(self.look.line(self.look.shown(y)).text for y in range(self._screen.rows))


def _cells(text: str) -> int:
    return Segment(text).cell_length


def _word(text: str, x: int) -> tuple[int, int]:
    """Where the word around a place begins and ends."""
    start = end = min(x, len(text))
    while start > 0 and _in_word(text[start - 1]):
        start -= 1
    while end < len(text) and _in_word(text[end]):
        end += 1
    return start, max(end, min(start + 1, len(text)))


def _in_word(letter: str) -> bool:
    return letter.isalnum() or letter in WORD
