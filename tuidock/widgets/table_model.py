"""What a table holds: rows by key, a cursor, marks. Pure state, no screen.

Invariant: cursor and marks belong to keys; a key that is gone is in neither, and while there are
rows the cursor is on one of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tuidock.widgets.paint import Cell


class Row(NamedTuple):
    """One line of a table; equal rows are not painted again."""

    key: str
    cells: Sequence[Cell]
    """One for each column, in the order of the table's columns."""
    style: str = ""
    """A Textual style for the whole line, such as `$text-muted` or `dim`."""
    heading: bool = False
    """It stands above others; a range of marks passes over it."""


class TableModel:
    """Rows in the order given."""

    def __init__(self) -> None:
        self.rows: tuple[Row, ...] = ()
        self.cursor: str | None = None
        self.marked: frozenset[str] = frozenset()
        self._places: dict[str, int] = {}
        self._last_mark = ""

    def replace(self, rows: Sequence[Row]) -> None:
        """Take other rows; a cursor whose row is gone goes to the one now in its place."""
        line = self.cursor_line
        self.rows = tuple(rows)
        self._places = {row.key: index for index, row in enumerate(self.rows)}
        self.marked = self.marked.intersection(self._places)
        if self.cursor not in self._places:
            self.cursor = self.rows[self.nearest(line)].key if self.rows else None

    def line_of(self, key: str | None) -> int:
        """Where the row of a key is; -1 when there is none."""
        return -1 if key is None else self._places.get(key, -1)

    def nearest(self, line: int) -> int:
        """The line, or the first or last one when it lies beyond."""
        return max(0, min(line, len(self.rows) - 1))

    @property
    def cursor_line(self) -> int:
        """Where the cursor is; -1 without rows."""
        return self.line_of(self.cursor)

    def toggle(self, key: str) -> None:
        """Mark a row, or unmark it."""
        self._last_mark = key
        self.marked ^= {key}

    def mark(self, keys: Iterable[str]) -> None:
        """Mark these rows, as far as they are here, and no others."""
        self.marked = frozenset(keys).intersection(self._places)

    def mark_to_cursor(self) -> None:
        """Mark everything from the row marked last to the cursor."""
        ends = sorted((max(0, self.line_of(self._last_mark)), self.cursor_line))
        self.marked |= {row.key for row in self.rows[ends[0] : ends[1] + 1] if not row.heading}
