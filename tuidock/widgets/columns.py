"""Which columns a table shows, and in which order: one line each, ticked or not.

Invariant: at least one column stays; the result lists the ticked ones from left to right.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tuidock.widgets.dialogs import Dialog
from tuidock.widgets.reversible import Options
from tuidock.widgets.table_columns import Column

HINT = "space shows · J K move · r as at first · enter ends"


class ChooseColumns(Dialog[tuple[str, ...] | None]):
    """The keys of the columns to show; none of them for the table's own choice."""

    DEFAULT_CSS = """
    ChooseColumns OptionList {
        height: auto; max-height: 18; border: none; background: $panel; padding: 0;
    }
    ChooseColumns OptionList:focus { border: none; background-tint: $foreground 0%; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "tick", "Show", id="columns.tick", priority=True),
        Binding("J,shift+down", "carry(1)", "Down", show=False, id="columns.down"),
        Binding("K,shift+up", "carry(-1)", "Up", show=False, id="columns.up"),
        Binding("j", "move('down')", show=False),
        Binding("k", "move('up')", show=False),
        Binding("r", "reset", "As at first", show=False, id="columns.reset"),
    ]

    def __init__(self, columns: Sequence[Column], shown: Sequence[str]) -> None:
        """`shown` are keys in their order; the others follow, unticked."""
        super().__init__()
        self._titles = {it.key: it.title or it.key.upper() for it in columns}
        self._order = [*shown, *(key for key in self._titles if key not in shown)]
        self._ticked = set(shown)

    def compose(self) -> ComposeResult:
        box = self.box("Columns", Options(*self._lines()))
        box.border_subtitle = HINT
        yield box

    def on_mount(self) -> None:
        self.lines.highlighted = 0
        self.lines.focus()

    @property
    def lines(self) -> OptionList:
        return self.query_one(OptionList)

    def _lines(self) -> list[Option]:
        return [
            Option(
                Content.assemble(
                    ("● " if key in self._ticked else "○ ", "$text-accent"),
                    (
                        self._titles[key],
                        "$foreground" if key in self._ticked else "$foreground 50%",
                    ),
                )
            )
            for key in self._order
        ]

    def _show(self, place: int) -> None:
        self.lines.clear_options()
        self.lines.add_options(self._lines())
        self.lines.highlighted = place

    def action_tick(self) -> None:
        place = self.lines.highlighted or 0
        changed = self._ticked ^ {self._order[place]}
        if changed:
            self._ticked = changed
            self._show(place)
        else:
            self.app.bell()

    def action_carry(self, by: int) -> None:
        """The line goes up or down with the cursor on it."""
        place = self.lines.highlighted or 0
        target = max(0, min(len(self._order) - 1, place + by))
        self._order.insert(target, self._order.pop(place))
        self._show(target)

    def action_move(self, way: str) -> None:
        if way == "down":
            self.lines.action_cursor_down()
        else:
            self.lines.action_cursor_up()

    def action_reset(self) -> None:
        self.dismiss(())

    @on(OptionList.OptionSelected)
    def _done(self) -> None:
        self.dismiss(tuple(key for key in self._order if key in self._ticked))
