"""What the mouse does to a table.

A click puts the cursor on a row, a second one opens it, with Ctrl it marks, and the right button
asks for the menu; a click on a title is a wish to sort. The mark's place left of a row is a
place to click as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import events
from textual.scroll_view import ScrollView

from tuidock.widgets import table_events
from tuidock.widgets.table_columns import GUTTER

if TYPE_CHECKING:
    from tuidock.widgets.table import LiveTable

RIGHT = 3
"""The number of the right button, as terminals send it."""


class TableMouse(ScrollView):
    """The mouse's part of a `LiveTable`."""

    hovered = -1
    """The line beneath the pointer; -1 for none."""

    @property
    def _whole(self) -> LiveTable:
        return cast("LiveTable", self)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self._hover(event.y - 1 + self.scroll_offset.y if event.y else -1)

    def on_leave(self) -> None:
        self._hover(-1)

    def _hover(self, line: int) -> None:
        if line != self.hovered:
            before, self.hovered = self.hovered, line
            self._whole.refresh_row(before)
            self._whole.refresh_row(line)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y == 0:
            self._click_header(offset.x - GUTTER)
        else:
            self._click_row(offset.y - 1 + self.scroll_offset.y, offset.x, event)

    def _click_header(self, x: int) -> None:
        key = self._whole.column_at(x)
        if key:
            self.post_message(table_events.HeaderClicked(self._whole, key))

    def _click_row(self, line: int, x: int, event: events.Click) -> None:
        table = self._whole
        if line >= len(table.rows):
            return
        table.move_to(line)
        if event.button == RIGHT:
            self.post_message(table_events.MenuWanted(table))
        elif event.ctrl or x < GUTTER:
            table.toggle_mark(table.rows[line].key)
        elif event.chain == 2:
            table.action_select()
