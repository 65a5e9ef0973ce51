"""The floor: what Textual itself costs, a table of 50 rows with figures that move each second.

It measures nothing and runs nothing; whatever it needs, an interface made with Textual needs too.
"""

from __future__ import annotations

import itertools
import sys
from importlib.metadata import version

from textual.app import App, ComposeResult
from textual.widgets import DataTable

ROWS = 50


class Bare(App[None]):
    """A table, and a timer that gives it other figures."""

    def compose(self) -> ComposeResult:
        yield DataTable(cursor_type="row")

    def on_mount(self) -> None:
        table = self.query_one(DataTable)
        for title, width in (("name", 30), ("cpu", 10), ("memory", 10)):
            table.add_column(title, width=width, key=title)
        for row in range(ROWS):
            table.add_row(f"idle{row:02}", "0.0%", "1.0M", key=str(row))
        self._steps = itertools.count()
        self.set_interval(1, self.move)

    def on_key(self, event: object) -> None:
        table, key = self.query_one(DataTable), getattr(event, "key", "")
        if key in "jk":
            (table.action_cursor_down if key == "j" else table.action_cursor_up)()

    def move(self) -> None:
        table, step = self.query_one(DataTable), next(self._steps)
        for row in range(ROWS):
            table.update_cell(str(row), "cpu", f"{(row + step) % 100}.0%")


if __name__ == "__main__":
    if "--version" in sys.argv:
        print(f"textual {version('textual')}")
    else:
        Bare().run()
