"""The state of a terminal as xterm's programs expect it: modes, two screens, history, answers.

Invariant: whatever is asked for, the screen stays whole, and what it answers (`answer`) is made
here, never of what was sent. Names: xterm's ctlseqs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tuidock.widgets.terminal_grid import Grid
from tuidock.widgets.terminal_line import PLAIN, Line, Past, Pen, painted

SCROLLBACK = 5000
APPLICATION_CURSOR = 1
BRACKETED_PASTE = 2004
FOCUS_EVENTS = 1004
SYNCHRONIZED = 2026
MOUSE_CLICKS, MOUSE_DRAGS, MOUSE_MOVES = 1000, 1002, 1003
MOUSE = frozenset({MOUSE_CLICKS, MOUSE_DRAGS, MOUSE_MOVES})
MOUSE_SGR = 1006
INVERTED = 5
COLUMNS, AUTOWRAP, ORIGIN, CURSOR = 3, 7, 6, 25
ALTERNATE = frozenset({47, 1047, 1049})
KNOWN = MOUSE | ALTERNATE | {
    APPLICATION_CURSOR, BRACKETED_PASTE, FOCUS_EVENTS, SYNCHRONIZED, MOUSE_SGR, INVERTED, AUTOWRAP,
    ORIGIN, CURSOR,
}  # fmt: skip

_DRAWING = dict(zip("`afgjklmnopqrstuvwxyz{|}~", "◆▒°±┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·", strict=True))
_DRAWN = str.maketrans(_DRAWING)
"""DEC's special graphics."""

BLOCK, UNDERLINE, BAR = "block", "underline", "bar"
_SHAPES = {3: UNDERLINE, 4: UNDERLINE, 5: BAR, 6: BAR}


class Place(NamedTuple):
    """What DECSC saves."""

    x: int = 0
    y: int = 0
    pen: Pen = PLAIN
    drawing: tuple[bool, bool] = (False, False)
    shifted: bool = False
    relative: bool = False


class TerminalScreen(Grid):
    """A grid with a history; `answer` gets what the terminal replies."""

    def __init__(self, columns: int, rows: int, answer: Callable[[str], object]) -> None:
        super().__init__(columns, rows)
        self.history: deque[Past] = deque(maxlen=SCROLLBACK)
        self.pushed = 0
        """Lines ever pushed into the history."""
        self.rang = False
        self.title = ""
        self.shape = BLOCK
        self.colours: dict[str, tuple[int, int, int]] = {}
        """What OSC 10 and 11 are told: the colours of letters and of what is behind them."""
        self._answer = answer
        self._set_defaults()

    def _set_defaults(self) -> None:
        self.modes = {AUTOWRAP, CURSOR}
        self.line_feed_returns = False
        self._main: list[Line] | None = None
        self._place = Place()
        self._main_place = Place()
        self._drawing = [False, False]
        self._shifted = False

    @property
    def alternate(self) -> bool:
        """Whether a full-screen program has the screen."""
        return self._main is not None

    def reset(self) -> None:
        """RIS: as it was at first; the history stays."""
        Grid.__init__(self, self.columns, self.rows)
        self._set_defaults()
        self.shape = BLOCK

    def soft_reset(self) -> None:
        """DECSTR."""
        self.pen, self.inserts, self.relative, self.wraps = PLAIN, False, False, True
        self.top, self.bottom = 0, self.rows - 1
        self.modes = (self.modes & (ALTERNATE | MOUSE | {MOUSE_SGR})) | {AUTOWRAP, CURSOR}
        self._place, self._drawing, self._shifted = Place(), [False, False], False

    # --- text -------------------------------------------------------------------------------

    def write(self, text: str) -> None:
        """Printable text, in the character set that is chosen."""
        self.draw(text.translate(_DRAWN) if self._drawing[self._shifted] else text)

    def flood(self, texts: Sequence[str]) -> None:
        """Lines of printable ASCII, each with its carriage return and line feed.

        What scrolls by at once need not be drawn; it goes to the history as it is.
        """
        at = 0
        while at < len(texts) and (self.y < self.bottom or not self._may_pass(texts[at:])):
            if texts[at]:
                self.write(texts[at])
            self.x = 0
            self.line_feed()
            at += 1
        if at < len(texts):
            self._pass_through(texts[at:])

    def _may_pass(self, texts: Sequence[str]) -> bool:
        whole = (self.top, self.bottom) == (0, self.rows - 1)
        usual = whole and not (self.alternate or self.inserts or self._drawing[self._shifted])
        empty = usual and self.x == 0 and not self.lines[self.y].text
        return empty and max(map(len, texts)) <= self.columns

    def _pass_through(self, texts: Sequence[str]) -> None:
        """The cursor stands in the last line, which is empty."""
        gone = max(0, len(texts) - (self.rows - 1))
        for line in self.lines[:-1][: len(texts)]:
            self.leave(line)
        pen = self.pen
        self.history.extend(Past(((text, pen),)) for text in texts[:gone])
        self.pushed += gone
        stay = self.lines[len(texts) : -1]
        for text in texts[gone:]:
            line = Line(self.columns, self.blank)
            line.put(0, text, pen)
            stay.append(line)
        self.lines = [*stay, Line(self.columns, self.blank)]
        self.dirty.update(range(self.rows))

    def leave(self, line: Line) -> None:
        if not self.alternate:
            self.history.append(line.past())
            self.pushed += 1

    def line_feed(self) -> None:
        """LF, VT, FF."""
        if self.line_feed_returns:
            self.x = 0
        self.index()

    def bell(self) -> None:
        self.rang = True

    def shift(self, to: int) -> None:
        """SO and SI: G1, or G0."""
        self._shifted = bool(to)

    def choose_set(self, which: str, code: str) -> None:
        """SCS: G0 is `(`, G1 is `)`; only DEC's line drawing differs from Unicode."""
        self._drawing[which == ")"] = code == "0"

    def paint(self, parameters: str) -> None:
        """SGR."""
        self.pen = painted(self.pen, parameters)

    def erase_display(self, how: int) -> None:
        if how == 3:
            self.history.clear()
        else:
            super().erase_display(how)

    # --- modes --------------------------------------------------------------------------------

    def set_mode(self, number: int, *, on: bool) -> None:
        """SM, RM: ECMA-48's own."""
        if number == 4:
            self.inserts = on
        elif number == 20:
            self.line_feed_returns = on

    def set_private_mode(self, number: int, *, on: bool) -> None:
        """DECSET, DECRST."""
        if number in ALTERNATE:
            self._switch(number, on=on)
        elif number == 1048:
            self.save_cursor() if on else self.restore_cursor()
        elif number == COLUMNS:
            self._clear_as_decolm()
        if number in KNOWN:
            self.modes = self.modes | {number} if on else self.modes - {number}
            self._mind(number, on=on)

    def _mind(self, number: int, *, on: bool) -> None:
        """What else a known mode changes."""
        if number == AUTOWRAP:
            self.wraps = on
        elif number == ORIGIN:
            self.relative = on
            self.position(1, 1)
        elif number == INVERTED:
            self.dirty.update(range(self.rows))

    def _clear_as_decolm(self) -> None:
        """There is no other width; that the screen is cleared is relied upon."""
        self.top, self.bottom = 0, self.rows - 1
        self.erase_display(2)
        self.position(1, 1)

    def _switch(self, number: int, *, on: bool) -> None:
        """To the other screen, or back."""
        if on and self._main is None:
            self._main_place = self._here()
            self._main = self.lines
            self.lines = [Line(self.columns, self.blank) for _ in range(self.rows)]
        elif not on and self._main is not None:
            self.lines, self._main = self._main, None
            self.top, self.bottom = 0, self.rows - 1
            if number == 1049:
                self._go_to(self._main_place)
        self.dirty.update(range(self.rows))

    def save_cursor(self) -> None:
        """DECSC, SCOSC: there is one place, not a stack."""
        self._place = self._here()

    def restore_cursor(self) -> None:
        """DECRC, SCORC; the place stays saved."""
        self._go_to(self._place)

    def _here(self) -> Place:
        drawing = (self._drawing[0], self._drawing[1])
        return Place(self.x, self.y, self.pen, drawing, self._shifted, self.relative)

    def _go_to(self, place: Place) -> None:
        self.pen, self.relative = place.pen, place.relative
        self._drawing, self._shifted = list(place.drawing), place.shifted
        self.move(place.x, place.y)

    @property
    def cursor_hidden(self) -> bool:
        return CURSOR not in self.modes

    def choose_shape(self, number: int) -> None:
        """DECSCUSR."""
        self.shape = _SHAPES.get(number, BLOCK)

    # --- answers --------------------------------------------------------------------------------

    def report_status(self, what: int) -> None:
        """DSR: that all is well, or where the cursor is."""
        if what == 5:
            self._answer("\x1b[0n")
        elif what == 6:
            row = self.y + 1 - (self.top if self.relative else 0)
            self._answer(f"\x1b[{row};{min(self.x, self.columns - 1) + 1}R")

    def report_kind(self, prefix: str) -> None:
        """DA: a VT220 with colours; what xterm's patch 277 and older can."""
        self._answer({"": "\x1b[?62;22c", ">": "\x1b[>0;277;0c"}.get(prefix, ""))

    def report_mode(self, number: int) -> None:
        """DECRQM, for private modes."""
        state = (1 if number in self.modes else 2) if number in KNOWN else 0
        self._answer(f"\x1b[?{number};{state}$y")

    def report_size(self) -> None:
        """XTWINOPS 18."""
        self._answer(f"\x1b[8;{self.rows};{self.columns}t")

    def report_colour(self, which: str) -> None:
        """OSC 10 and 11 with a question mark."""
        if which in self.colours:
            parts = "/".join(f"{each:02x}{each:02x}" for each in self.colours[which])
            self._answer(f"\x1b]{which};rgb:{parts}\x1b\\")

    # --- size -----------------------------------------------------------------------------------

    def resize(self, columns: int, rows: int) -> None:
        """Like xterm: what the cursor needs scrolls off at the top, blank lines go first."""
        for _ in range(max(0, self.y + 1 - rows)):
            self.leave(self.lines.pop(0))
            self.y -= 1
        self.columns, self.rows = columns, rows
        self.lines = self._fitted(self.lines)
        if self._main is not None:
            surplus = max(0, min(self._main_place.y + 1, len(self._main)) - rows)
            self._main = self._fitted(self._main[surplus:])
            self._main_place = self._main_place._replace(y=self._main_place.y - surplus)
        self.top, self.bottom = 0, rows - 1
        self.tab_stops = set(range(8, columns, 8))
        self.x, self.y = min(self.x, columns - 1), min(self.y, rows - 1)
        self.dirty = set(range(rows))

    def _fitted(self, lines: list[Line]) -> list[Line]:
        lines = lines[: self.rows]
        for line in lines:
            line.fit(self.columns)
        return lines + [Line(self.columns) for _ in range(self.rows - len(lines))]
