"""What a table says: things that a person did to it, each with the table it was done to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from tuidock.widgets.table import LiveTable


class Event(Message):
    """Something the user did to a table."""

    def __init__(self, table: LiveTable) -> None:
        super().__init__()
        self.table = table

    @property
    def control(self) -> LiveTable:
        return self.table


class Highlighted(Event):
    """The cursor is on another row; None when there is none any more."""

    def __init__(self, table: LiveTable, key: str | None) -> None:
        super().__init__(table)
        self.key = key


class Selected(Event):
    """Enter, or a second click, on a row."""

    def __init__(self, table: LiveTable, key: str) -> None:
        super().__init__(table)
        self.key = key


class HeaderClicked(Event):
    """A column's title was clicked."""

    def __init__(self, table: LiveTable, column_key: str) -> None:
        super().__init__(table)
        self.column_key = column_key


class MarksChanged(Event):
    """Rows were marked or unmarked; `table.marked` has the new set."""


class MenuWanted(Event):
    """A click with the right button on a row, which has the cursor now."""
