"""The grid of a terminal: where text goes, how lines move, what is erased.

Knows neither bytes nor modes of programs, only what ECMA-48 and DEC's VT manuals say that each
control does to cells and cursor. Invariant: the cursor is in the grid, or, when the last column
was just written, one column behind it (the next letter wraps).
"""

from __future__ import annotations

import re
from functools import lru_cache

from rich.cells import get_character_cell_size

from tuidock.widgets.terminal_line import PLAIN, Line, Pen

_SINGLE = re.compile(
    "[ -~\xa1-\xac\xae-\u02ff\u0370-\u0482\u048a-\u0587\u1e00-\u1fff\u2010-\u2027"
    "\u2500-\u25fc\u2800-\u28ff]+"
)
"""Letters that surely take one cell each."""


_WIDENING = "\u200d\ufe0f"
"""The joiner of emoji, and the selector of their look: programs count them as nothing."""


@lru_cache(maxsize=4096)
def width(letter: str) -> int:
    """Cells that a letter takes: 0, 1 or 2, as the interface's own strips count."""
    return max(0, get_character_cell_size(letter))


class Grid:
    """Lines of cells, a cursor, and a region that scrolls."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.lines = [Line(columns) for _ in range(rows)]
        self.dirty: set[int] = set(range(rows))
        """Rows that changed since somebody emptied this."""
        self.x = self.y = 0
        self.pen = PLAIN
        self.top, self.bottom = 0, rows - 1
        self.wraps = True
        self.inserts = False
        self.relative = False
        """Rows are counted from the region's top (DECOM)."""
        self.tab_stops = set(range(8, columns, 8))
        self._last = ""

    @property
    def blank(self) -> Pen:
        """How erased cells are painted: in the colour behind, and nothing else."""
        return Pen(bg=self.pen.bg) if self.pen.bg else PLAIN

    # --- text -------------------------------------------------------------------------------

    def draw(self, text: str) -> None:
        """Write letters at the cursor."""
        self._last = text[-1]
        if _SINGLE.fullmatch(text):
            self._draw_single(text)
        else:
            for letter in text:
                self._draw_letter(letter)

    def _draw_single(self, text: str) -> None:
        at = 0
        while at < len(text):
            if self.x >= self.columns and not self._wrapped():
                at = max(at, len(text) - 1)
            piece = text[at : at + self.columns - self.x]
            line = self.lines[self.y]
            if self.inserts:
                line.insert(self.x, len(piece), self.blank)
            line.put(self.x, piece, self.pen)
            self.dirty.add(self.y)
            self.x += len(piece)
            at += len(piece)

    def _draw_letter(self, letter: str) -> None:
        cells = width(letter)
        if cells == 0:
            self._combine(letter)
        elif cells == 1 or self.columns < 2:
            self._draw_single(letter if cells == 1 else "?")
        else:
            self._draw_wide(letter)

    def _draw_wide(self, letter: str) -> None:
        if self.x > self.columns - 2 and not self._wrapped():
            self.x = self.columns - 2
        line = self.lines[self.y]
        if self.inserts:
            line.insert(self.x, 2, self.blank)
        line.put_wide(self.x, letter, self.pen)
        self.dirty.add(self.y)
        self.x += 2

    def _combine(self, mark: str) -> None:
        """Marks go to the letter before; what would change how wide that is, nowhere."""
        if self.x and mark not in _WIDENING:
            self.lines[self.y].combine(self.x - 1, mark)
            self.dirty.add(self.y)

    def _wrapped(self) -> bool:
        """Go on in the next line; where that is not wanted, stay in the last column."""
        if not self.wraps:
            self.x = self.columns - 1
            return False
        self.x = 0
        self.index()
        return True

    def repeat(self, count: int) -> None:
        """REP: the last letter again."""
        if self._last:
            self.draw(self._last * min(count, self.columns * self.rows))

    # --- the cursor ---------------------------------------------------------------------------

    def move(self, x: int | None = None, y: int | None = None) -> None:
        """Put the cursor into a cell of the grid, or the nearest that there is."""
        first, last = (self.top, self.bottom) if self.relative else (0, self.rows - 1)
        if y is not None:
            self.y = max(first, min(y, last))
        self.x = max(0, min(self.x if x is None else x, self.columns - 1))

    def position(self, row: int, column: int) -> None:
        """CUP, HVP: counted from 1."""
        self.move(column - 1, row - 1 + (self.top if self.relative else 0))

    def column(self, number: int) -> None:
        """CHA, HPA."""
        self.move(number - 1)

    def row(self, number: int) -> None:
        """VPA."""
        self.move(None, number - 1 + (self.top if self.relative else 0))

    def up(self, count: int) -> None:
        """CUU: not out of the region."""
        edge = self.top if self.y >= self.top else 0
        self.move(None, max(edge, self.y - count))

    def down(self, count: int) -> None:
        """CUD."""
        edge = self.bottom if self.y <= self.bottom else self.rows - 1
        self.move(None, min(edge, self.y + count))

    def forward(self, count: int) -> None:
        """CUF."""
        self.move(self.x + count)

    def back(self, count: int) -> None:
        """CUB."""
        self.move(min(self.x, self.columns - 1) - count)

    def next_line(self, count: int) -> None:
        """CNL."""
        self.down(count)
        self.x = 0

    def previous_line(self, count: int) -> None:
        """CPL."""
        self.up(count)
        self.x = 0

    def tab(self, count: int = 1) -> None:
        """CHT, and the tabulator itself."""
        for _ in range(min(count, self.columns)):
            beyond = (stop for stop in self.tab_stops if self.x < stop < self.columns)
            self.move(min(beyond, default=self.columns - 1))

    def back_tab(self, count: int) -> None:
        """CBT."""
        for _ in range(min(count, self.columns)):
            self.move(max((stop for stop in self.tab_stops if stop < self.x), default=0))

    def set_tab_stop(self) -> None:
        self.tab_stops.add(self.x)

    def clear_tab_stop(self, which: int) -> None:
        """TBC."""
        if which == 3:
            self.tab_stops.clear()
        elif which == 0:
            self.tab_stops.discard(self.x)

    # --- lines that move ------------------------------------------------------------------------

    def region(self, top: int, bottom: int) -> None:
        """DECSTBM, counted from 1; 0 is the grid's own edge."""
        first, last = max(top, 1) - 1, min(bottom or self.rows, self.rows) - 1
        if first < last:
            self.top, self.bottom = first, last
            self.position(1, 1)

    def index(self) -> None:
        """IND: down, and at the region's end the region moves up."""
        if self.y == self.bottom:
            self.scroll_up(1)
        elif self.y < self.rows - 1:
            self.y += 1

    def new_line(self) -> None:
        """NEL: IND, at the left."""
        self.x = 0
        self.index()

    def reverse_index(self) -> None:
        """RI."""
        if self.y == self.top:
            self.scroll_down(1)
        elif self.y:
            self.y -= 1

    def scroll_up(self, count: int) -> None:
        """SU: blank lines come in at the region's end."""
        count = min(count, self.bottom + 1 - self.top)
        if self.top == 0:
            for line in self.lines[:count]:
                self.leave(line)
        self._take_out(self.top, count)

    def leave(self, line: Line) -> None:
        """A line left the grid at its top."""

    def scroll_down(self, count: int) -> None:
        """SD: blank lines come in at the region's top."""
        self._bring_in(self.top, count)

    def insert_lines(self, count: int) -> None:
        """IL."""
        if self.top <= self.y <= self.bottom:
            self._bring_in(self.y, count)
            self.x = 0

    def delete_lines(self, count: int) -> None:
        """DL."""
        if self.top <= self.y <= self.bottom:
            self._take_out(self.y, count)
            self.x = 0

    def _take_out(self, start: int, count: int) -> None:
        end = self.bottom + 1
        count = min(count, end - start)
        fresh = [Line(self.columns, self.blank) for _ in range(count)]
        self.lines[start:end] = self.lines[start + count : end] + fresh
        self.dirty.update(range(start, end))

    def _bring_in(self, start: int, count: int) -> None:
        end = self.bottom + 1
        count = min(count, end - start)
        fresh = [Line(self.columns, self.blank) for _ in range(count)]
        self.lines[start:end] = fresh + self.lines[start : end - count]
        self.dirty.update(range(start, end))

    # --- cells that change ------------------------------------------------------------------------

    def insert_letters(self, count: int) -> None:
        """ICH."""
        self.move()
        self.lines[self.y].insert(self.x, count, self.blank)
        self.dirty.add(self.y)

    def delete_letters(self, count: int) -> None:
        """DCH."""
        self.move()
        self.lines[self.y].delete(self.x, count, self.blank)
        self.dirty.add(self.y)

    def erase_letters(self, count: int) -> None:
        """ECH."""
        self.move()
        self._erase(self.y, self.x, self.x + count)

    def erase_line(self, how: int) -> None:
        """EL: 0 to the end, 1 from the start, 2 all of it."""
        self.move()
        if how in (0, 1, 2):
            start = self.x if how == 0 else 0
            self._erase(self.y, start, self.x + 1 if how == 1 else self.columns)

    def erase_display(self, how: int) -> None:
        """ED: 0 to the end, 1 from the start, 2 all of it."""
        self.move()
        if how in (0, 1):
            self.erase_line(how)
        rows = {0: range(self.y + 1, self.rows), 1: range(self.y), 2: range(self.rows)}
        for y in rows.get(how, ()):
            self._erase(y, 0, self.columns)

    def _erase(self, y: int, start: int, end: int) -> None:
        self.lines[y].erase(start, min(end, self.columns), self.blank)
        self.dirty.add(y)

    def align(self) -> None:
        """DECALN: the letter E everywhere."""
        self.top, self.bottom = 0, self.rows - 1
        self.position(1, 1)
        for line in self.lines:
            line.put(0, "E" * self.columns, PLAIN)
        self.dirty.update(range(self.rows))
