"""ListPane: a framed table with a filter line, an order and marks.

Knows items as the screens make them: cells, a text to filter by, values to sort by. Invariant:
what the table shows is always the last items given, filtered and sorted as the frame says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input

from tuidock.matching import matcher
from tuidock.screens import groups
from tuidock.screens.groups import Group
from tuidock.screens.item import Item, Value
from tuidock.widgets.table import Column, LiveTable, Row

__all__ = ["FilterLine", "Item", "ListPane", "Value"]


class FilterLine(Input):
    """The filter's input; Enter keeps it, Escape clears it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear", "Clear", show=False, id="filter.clear"),
        Binding("enter,down", "keep", "Keep", show=False, id="filter.keep"),
    ]

    class Kept(Message):
        """The user goes on to the list."""

    class Cleared(Message):
        """The user wants to see everything again."""

    def action_keep(self) -> None:
        self.post_message(self.Kept())

    def action_clear(self) -> None:
        self.post_message(self.Cleared())


class ListPane(Vertical):
    """A list with all that lists can do."""

    DEFAULT_CSS = """
    ListPane {
        border: round $border-blurred;
        border-title-color: $quiet;
        border-subtitle-color: $quiet;
        background: $background;
        &:focus-within { border: round $border; border-title-color: $foreground; }
        & > LiveTable { height: 1fr; background: $background; }
        & > FilterLine { display: none; height: 1; border: none; padding: 0 1; background: $panel; }
        &.-filtering > FilterLine { display: block; }
    }
    """

    def __init__(
        self,
        title: str,
        columns: Sequence[Column],
        *,
        empty: str,
        sort: str = "",
        descending: bool = False,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._title = title
        self._empty = empty
        self._items: Sequence[Item] = ()
        self._shown = 0
        self._labels = ("", "")
        self._table = LiveTable(columns, empty=empty)
        self._groups: dict[str, Group] = {}
        self._folded: set[str] = set()
        self.grouped_by = ""
        """How rows are grouped, as `groups.value_of` understands it; empty for not at all."""
        self.head = groups.plain_head(columns)
        self.sorted_by = sort
        self.descending = descending

    def compose(self) -> ComposeResult:
        yield self._table
        yield FilterLine(
            placeholder="words  !not  ~regex  status:exited  cpu>50  label=team  (? says more)",
            compact=True,
        )

    def on_mount(self) -> None:
        self._arrange()

    @property
    def table(self) -> LiveTable:
        return self._table

    @property
    def query_text(self) -> str:
        return self.query_one(FilterLine).value

    @property
    def cursor_key(self) -> str | None:
        return self._table.cursor_key

    @property
    def keys(self) -> tuple[str, ...]:
        """The marked rows in the order of the list, or what is under the cursor."""
        marked = self._table.marked
        if marked:
            return tuple(row.key for row in self._table.rows if row.key in marked)
        if self.group is not None:
            return tuple(it.key for it in self.group.items)
        return (self._table.cursor_key,) if self._table.cursor_key else ()

    # --- groups ---------------------------------------------------------------------------

    @property
    def group(self) -> Group | None:
        """The group whose own row is under the cursor."""
        return self._groups.get(self._table.cursor_key or "")

    def group_by(self, way: str) -> None:
        """Group the rows, all groups unfolded; empty: not at all."""
        self.grouped_by = way
        self._folded.clear()
        self._arrange()

    def fold(self) -> bool:
        """Fold or unfold the group whose row is under the cursor; False when there is none."""
        group = self.group
        if group is not None:
            self._folded ^= {group.name}
            self._arrange()
        return group is not None

    def fold_all(self) -> None:
        """Fold every group, or unfold them when all are folded."""
        names = {group.name for group in self._groups.values()}
        self._folded = set() if names <= self._folded else names
        self._arrange()

    def _mark_group(self, group: Group) -> None:
        """Mark all of a group in place of its row, or take their marks off; marks are seen."""
        members = {it.key for it in group.items}
        self._folded.discard(group.name)
        self._arrange()
        others = self._table.marked - {group.key}
        self._table.mark(others - members if members <= others else others | members)

    @property
    def total(self) -> int:
        """How many rows there are when no filter and no fold hides any."""
        return len(self._items) + len(self._groups)

    @property
    def groupable(self) -> Sequence[Item]:
        """The items that ways to group are taken from."""
        return self._items

    def line(self) -> str:
        """The row under the cursor as it is shown, apart by tabs."""
        row = next((it for it in self._table.rows if it.key == self._table.cursor_key), None)
        if row is None:
            return ""
        places = {column.key: place for place, column in enumerate(self._table.columns)}
        shown = (str(row.cells[places[key]]).strip() for key in self._table.shown)
        return "\t".join(cell for cell in shown if cell)

    def set_items(self, items: Sequence[Item]) -> None:
        """Show these things."""
        self._items = items
        self._arrange()

    @property
    def title(self) -> str:
        return self._title

    @title.setter
    def title(self, title: str) -> None:
        self._title = title
        self._label()

    def say(self, text: str) -> None:
        """What stands in the middle when there is nothing to list."""
        self._empty = text
        self._arrange()

    class Sorted(Message):
        """The rows have another order now: a column's key, after a minus when it falls."""

        def __init__(self, pane: ListPane, order: str) -> None:
            super().__init__()
            self.pane, self.order = pane, order

        @property
        def control(self) -> ListPane:
            return self.pane

    def sort_by(self, column: str, *, descending: bool) -> None:
        """Sort by a column; an empty one leaves the rows in the order they come in."""
        self.sorted_by, self.descending = column, descending
        self._arrange()
        self.post_message(self.Sorted(self, f"{'-' * descending}{column}" if column else ""))

    def sortable(self) -> list[Column]:
        """Columns whose values have an order."""
        known = self._items[0].order if self._items else {}
        return [column for column in self._table.columns if column.key in known]

    # --- the filter -----------------------------------------------------------------------

    def start_filter(self) -> None:
        self.add_class("-filtering")
        self.query_one(FilterLine).focus()

    def clear_filter(self) -> bool:
        """False when there was nothing to clear."""
        line = self.query_one(FilterLine)
        if not self.has_class("-filtering"):
            return False
        line.value = ""
        self.remove_class("-filtering")
        self._table.focus()
        return True

    @on(Input.Changed)
    def _filter_changed(self, event: Input.Changed) -> None:
        """Done by the table: what it posts in a handler of its parent's would go no further."""
        event.stop()
        self._table.call_later(self._arrange)

    @on(FilterLine.Kept)
    def _filter_kept(self, event: FilterLine.Kept) -> None:
        event.stop()
        if self.query_text:
            self._table.focus()
        else:
            self.clear_filter()

    @on(FilterLine.Cleared)
    def _filter_cleared(self, event: FilterLine.Cleared) -> None:
        event.stop()
        self.clear_filter()

    @on(LiveTable.HeaderClicked)
    def _header_clicked(self, event: LiveTable.HeaderClicked) -> None:
        event.stop()
        if any(column.key == event.column_key for column in self.sortable()):
            turned = event.column_key == self.sorted_by and not self.descending
            self.sort_by(event.column_key, descending=turned)

    @on(LiveTable.MarksChanged)
    def _marks_changed(self) -> None:
        for key in self._table.marked & self._groups.keys():
            self._mark_group(self._groups[key])
        self._label()

    # --- showing --------------------------------------------------------------------------

    def _arrange(self) -> None:
        if not self.is_mounted:
            return
        query = self.query_text
        wanted = matcher(query)
        found = [it for it in self._items if wanted(it.subject)] if query else list(self._items)
        if self.sorted_by:
            found.sort(key=lambda it: it.order.get(self.sorted_by, ""), reverse=self.descending)
        self._table.set_sort(self.sorted_by, descending=self.descending)
        self._shown = len(found)
        self._table.set_empty(f"nothing matches {query}" if query else self._empty)
        self._table.set_rows(self._rows(found, searching=bool(query)))
        self._label()

    def _rows(self, found: Sequence[Item], *, searching: bool) -> list[Row]:
        """Whoever searches sees what is found, folded or not."""
        if not self.grouped_by:
            self._groups = {}
            return [Row(it.key, it.cells, it.style) for it in found]
        folded = frozenset[str]() if searching else self._folded
        made = groups.grouped(found, self.grouped_by, folded)
        self._groups = {group.key: group for group in made}
        return groups.rows(made, self.head)

    def _label(self) -> None:
        """Title and subtitle, told to the frame only when they differ: it paints all anew."""
        total, marked = len(self._items), len(self._table.marked)
        count = str(total) if self._shown == total else f"{self._shown} of {total}"
        labels = (f"{self._title} {count}", f" {marked} marked " if marked else "")
        if labels != self._labels:
            self._labels = labels
            self.border_title = Content(labels[0])
            self.border_subtitle = Content.styled(labels[1], "bold $text-accent")
