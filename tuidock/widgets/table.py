"""LiveTable: a table that is given all its rows again and again, and repaints what differs.

Neither sorts nor filters: it shows rows in the order given and says what the user did to them.
Invariant: the cursor belongs to a key, not to a line, so rows may come, go and change places
under it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, TypeAlias

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style

from tuidock.widgets import table_events
from tuidock.widgets.paint import Resolve, colourless, fitted, joined, resolver, wrapped
from tuidock.widgets.reversible import Reversible
from tuidock.widgets.table_columns import GUTTER, Column, Placed, place
from tuidock.widgets.table_model import Row, TableModel
from tuidock.widgets.table_mouse import TableMouse

__all__ = ["Column", "LiveTable", "Row"]

MARK = "▌"


class LiveTable(TableMouse, Reversible, ScrollView, can_focus=True):
    """A keyed table for lists that change every second."""

    DEFAULT_CSS = """
    LiveTable {
        background: $background;
        color: $foreground;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        & > .livetable--header { color: $text-muted; text-style: bold; background: $panel; }
        & > .livetable--sorted { color: $text-accent; text-style: bold; background: $panel; }
        & > .livetable--cursor {
            background: $block-cursor-blurred-background;
            text-style: $block-cursor-blurred-text-style;
        }
        & > .livetable--cursor-focused {
            color: $block-cursor-foreground;
            background: $block-cursor-background;
            text-style: $block-cursor-text-style;
        }
        & > .livetable--hover { background: $boost; }
        & > .livetable--empty { color: $text-muted; }
    }
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "livetable--header",
        "livetable--sorted",
        "livetable--cursor",
        "livetable--cursor-focused",
        "livetable--hover",
        "livetable--empty",
    }

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", "Down", show=False, id="table.down"),
        Binding("k,up", "move(-1)", "Up", show=False, id="table.up"),
        Binding("g,home", "end(0)", "First", show=False, id="table.first"),
        Binding("G,end", "end(1)", "Last", show=False, id="table.last"),
        Binding("ctrl+f,pagedown", "page(1.0)", "Page down", show=False, id="table.page_down"),
        Binding("ctrl+b,pageup", "page(-1.0)", "Page up", show=False, id="table.page_up"),
        Binding("ctrl+d", "page(0.5)", "Half page down", show=False, id="table.half_down"),
        Binding("ctrl+u", "page(-0.5)", "Half page up", show=False, id="table.half_up"),
        Binding("enter", "select", "Open", show=False, id="table.open"),
        Binding("space", "mark", "Mark", show=False, id="table.mark"),
        Binding("ctrl+@,ctrl+space", "mark_range", "Mark range", show=False, id="table.mark_range"),
        Binding("backslash", "unmark", "Clear marks", show=False, id="table.unmark"),
    ]

    Highlighted: TypeAlias = table_events.Highlighted
    Selected: TypeAlias = table_events.Selected
    HeaderClicked: TypeAlias = table_events.HeaderClicked
    MarksChanged: TypeAlias = table_events.MarksChanged
    MenuWanted: TypeAlias = table_events.MenuWanted

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        empty: str = "",
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """`empty` is what to say in the middle when there are no rows."""
        super().__init__(id=id, classes=classes)
        self._columns = tuple(columns)
        self._chosen: tuple[str, ...] = ()
        self._empty = empty
        self._model = TableModel()
        self._sorted: tuple[str, bool] = ("", False)
        self._placed: list[Placed] = []
        self._painted: dict[int, tuple[Row, tuple[str, bool], Strip]] = {}
        self._resolvers: dict[tuple[str, str], Resolve] = {}

    # --- what it shows ------------------------------------------------------------------------

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows as last given."""
        return self._model.rows

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns, shown or not."""
        return self._columns

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Show other columns; rows given before must fit them, or be given again at once."""
        self._columns = tuple(columns)
        self._lay_out()

    @property
    def shown(self) -> tuple[str, ...]:
        """Keys of the columns that show now, left to right."""
        return tuple(placed.column.key for placed in self._placed)

    @property
    def widths(self) -> dict[str, int]:
        """How many cells each column has that shows now."""
        return {placed.column.key: placed.width for placed in self._placed}

    @property
    def chosen(self) -> tuple[str, ...]:
        """What was given to `choose_columns`."""
        return self._chosen

    def choose_columns(self, keys: Sequence[str]) -> None:
        """Show these columns in this order, `key` or `key:width`; none: the table's own choice."""
        self._chosen = tuple(keys)
        self._lay_out()

    def set_sort(self, column_key: str, *, descending: bool = False) -> None:
        """Show the arrow at a column's title; the rows' order is the caller's."""
        if self._sorted != (column_key, descending):
            self._sorted = (column_key, descending)
            self.refresh(Region(0, 0, self.size.width, 1))

    def set_empty(self, text: str) -> None:
        """Change what is said when there are no rows."""
        if text != self._empty:
            self._empty = text
            self.refresh()

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Replace all rows; only lines that look different are painted again."""
        model = self._model
        before, cursor, marked = model.rows, model.cursor, model.marked
        was_visible = model.cursor_line in range(*self._visible())
        model.replace(rows)
        if len(before) != len(model.rows):
            self._resize()
        if was_visible:
            self._show_cursor()
        self._refresh_changed(before)
        if model.cursor != cursor:
            self.post_message(self.Highlighted(self, model.cursor))
        if model.marked != marked:
            self.post_message(self.MarksChanged(self))

    def _refresh_changed(self, before: tuple[Row, ...]) -> None:
        top, bottom = self._visible()
        old, new = before[top:bottom], self.rows[top:bottom]
        if len(old) != len(new):
            self.refresh()
            return
        for line, (was, now) in enumerate(zip(old, new, strict=True), top):
            if was != now and self._looks_different(was, now):
                self.refresh_row(line)

    def _looks_different(self, was: Row, now: Row) -> bool:
        """Whether a row differs in what is shown of it."""
        if (was.key, was.style) != (now.key, now.style):
            return True
        return any(was.cells[it.cell] != now.cells[it.cell] for it in self._placed)

    # --- cursor -------------------------------------------------------------------------------

    @property
    def cursor_key(self) -> str | None:
        """Key of the row the cursor is on; None without rows. Set it to move the cursor."""
        return self._model.cursor

    @cursor_key.setter
    def cursor_key(self, key: str | None) -> None:
        line = self._model.line_of(key)
        if line >= 0:
            self.move_to(line)

    def move_to(self, line: int) -> None:
        if not self.rows:
            return
        before, line = self._model.cursor_line, self._model.nearest(line)
        self._model.cursor = self.rows[line].key
        self._show_cursor()
        if line != before:
            self.refresh_row(before)
            self.refresh_row(line)
            self.post_message(self.Highlighted(self, self._model.cursor))

    def _show_cursor(self) -> None:
        line, (top, bottom) = self._model.cursor_line, self._visible()
        if line < 0 or bottom <= top:
            return
        if line < top:
            self.scroll_to(y=line, animate=False, force=True)
        elif line >= bottom:
            self.scroll_to(y=line - (bottom - top) + 1, animate=False, force=True)

    def action_move(self, lines: int) -> None:
        self.move_to(self._model.cursor_line + lines)

    def action_end(self, rows: int) -> None:
        self.move_to(rows * len(self.rows))

    def action_page(self, pages: float) -> None:
        top, bottom = self._visible()
        self.action_move(int(pages * max(1, bottom - top - 1)))

    def action_select(self) -> None:
        if self._model.cursor is not None:
            self.post_message(self.Selected(self, self._model.cursor))

    # --- marks --------------------------------------------------------------------------------

    @property
    def marked(self) -> frozenset[str]:
        """Keys of the marked rows."""
        return self._model.marked

    def toggle_mark(self, key: str) -> None:
        """Mark a row, or unmark it."""
        before = self.marked
        self._model.toggle(key)
        self._marks_changed(before)

    def _marks_changed(self, before: frozenset[str]) -> None:
        if self.marked != before:
            for key in self.marked ^ before:
                self.refresh_row(self._model.line_of(key))
            self.post_message(self.MarksChanged(self))

    def action_mark(self) -> None:
        if self._model.cursor is not None:
            self.toggle_mark(self._model.cursor)
            self.action_move(1)

    def action_mark_range(self) -> None:
        before = self.marked
        self._model.mark_to_cursor()
        self._marks_changed(before)

    def action_unmark(self) -> None:
        self.unmark(self.marked)

    def mark(self, keys: Iterable[str]) -> None:
        """Mark these rows and no others."""
        before = self.marked
        self._model.mark(keys)
        self._marks_changed(before)

    def unmark(self, keys: Iterable[str]) -> None:
        """Take the marks off these rows, as far as they have one."""
        self.mark(self.marked.difference(keys))

    # --- layout and paint ---------------------------------------------------------------------

    def _visible(self) -> tuple[int, int]:
        """First row on screen, and the one after the last place for a row."""
        top = self.scroll_offset.y
        return top, top + max(0, self.size.height - 1)

    def _resize(self) -> None:
        self.virtual_size = Size(self.size.width, len(self.rows) + 1)

    def _lay_out(self) -> None:
        gap = 1 if self.size.width < 100 else 2
        room = self.size.width - GUTTER - 1
        self._placed = place(self._columns, room, self.app.size.width, gap, self._chosen)
        self._painted.clear()
        self._resize()
        self.refresh()

    def refresh_row(self, line: int) -> None:
        y = line - self.scroll_offset.y + 1
        if line >= 0 and 0 < y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._painted.clear()
        self._resolvers.clear()

    def render_line(self, y: int) -> Strip:
        if y == 0:
            return self._header()
        line = y - 1 + self.scroll_offset.y
        if line < len(self.rows):
            return self._row(line)
        return self._nothing(y)

    def _nothing(self, y: int) -> Strip:
        """A line below the last row; without rows, one of the words that say why."""
        width = self.size.width
        said = [] if self.rows else wrapped(self._empty, width - 4)
        place = y - max(1, (self.size.height - len(said)) // 2)
        if 0 <= place < len(said):
            return Strip(fitted(said[place], width, "center", self._look("empty")))
        return Strip.blank(width, self.visual_style.rich_style)

    def _row(self, line: int) -> Strip:
        """A row's strip, painted again only when it looks different."""
        row = self.rows[line]
        state = (self._part(row, line), row.key in self.marked)
        kept = self._painted.get(line)
        if kept is not None and kept[1] == state and kept[0] == row:
            return kept[2]
        if len(self._painted) > 2000:
            self._painted.clear()
        strip = self._paint(row, *state)
        self._painted[line] = (row, state, strip)
        return strip

    def _part(self, row: Row, line: int) -> str:
        if row.key == self._model.cursor:
            return "cursor-focused" if self.has_focus else "cursor"
        return "hover" if line == self.hovered else ""

    def _paint(self, row: Row, part: str, marked: bool) -> Strip:
        resolve = self._look(part, row.style)
        mark = self._look(part, "$text-accent" if marked else row.style)
        gutter = fitted(MARK if marked else "", GUTTER, "left", mark)
        cells = [fitted(row.cells[p.cell], p.width, p.column.align, resolve) for p in self._placed]
        return joined([gutter, *cells], self._starts(), self.size.width, resolve(""))

    def _look(self, part: str, style: str = "") -> Resolve:
        """Styles of one kind of line; under the focused cursor colours give way to its own."""
        key = (part, style)
        if key not in self._resolvers:
            base = self.get_visual_style(f"livetable--{part}") if part else self.visual_style
            styled = base + Style.parse(style) if style else base
            focused = part == "cursor-focused"
            self._resolvers[key] = colourless(base) if focused else resolver(styled)
        return self._resolvers[key]

    def _starts(self) -> list[int]:
        return [0, *(GUTTER + placed.x for placed in self._placed)]

    def _header(self) -> Strip:
        plain = self._look("header")
        cells = [self._title(placed, plain) for placed in self._placed]
        return joined(cells, self._starts()[1:], self.size.width, plain(""))

    def _title(self, placed: Placed, plain: Resolve) -> list[Segment]:
        column = placed.column
        if column.key != self._sorted[0]:
            return fitted(column.title, placed.width, column.align, plain)
        title = f"{column.title}{'▼' if self._sorted[1] else '▲'}"
        return fitted(title, placed.width, column.align, self._look("sorted"))

    def column_at(self, x: int) -> str:
        """Key of the column at `x` cells right of the gutter; empty between columns."""
        found = (it.column.key for it in self._placed if it.x <= x <= it.x + it.width)
        return next(found, "")

    # --- events -------------------------------------------------------------------------------

    def on_resize(self) -> None:
        self._lay_out()
        self._show_cursor()

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        self.refresh_row(self._model.cursor_line)
