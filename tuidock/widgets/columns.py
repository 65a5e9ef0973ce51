"""Which columns a table shows, how wide, and in which order: one line each, ticked or not.

Invariant: at least one column stays; the result lists the ticked ones from left to right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tuidock.widgets.dialogs import SOFT, Dialog
from tuidock.widgets.reversible import Options
from tuidock.widgets.table_columns import FLEXIBLE_MINIMUM, Column, wish

HINT = "space shows · J K move · < > width · r resets"
NARROWEST, WIDEST = 3, 80
"""Cells."""


class ChooseColumns(Dialog[tuple[str, ...] | None]):
    """The keys of the columns to show, some with a width; none for the table's own choice."""

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
        Binding("less_than_sign,left,h", "widen(-1)", show=False, id="columns.narrower"),
        Binding("greater_than_sign,right,l", "widen(1)", show=False, id="columns.wider"),
        Binding("j", "move('down')", show=False),
        Binding("k", "move('up')", show=False),
        Binding("r", "reset", "As at first", show=False, id="columns.reset"),
    ]

    def __init__(
        self,
        columns: Sequence[Column],
        shown: Sequence[str],
        chosen: Sequence[str] = (),
        widths: Mapping[str, int] = {},
    ) -> None:
        """`shown` are keys in their order; the others follow, unticked.

        `chosen` is what an earlier choice gave back, `widths` are the cells of what shows now.
        """
        super().__init__()
        self._asked = {key: width for key, width in map(wish, chosen) if width}
        self._widths = {it.key: it.width or FLEXIBLE_MINIMUM for it in columns} | dict(widths)
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
        longest = max(len(title) for title in self._titles.values())
        return [Option(self._line(key, longest)) for key in self._order]

    def _line(self, key: str, longest: int) -> Content:
        ticked = key in self._ticked
        width = f"{self._asked[key]:>4}" if key in self._asked else ""
        return Content.assemble(
            ("● " if ticked else "○ ", "$footer-key-foreground"),
            (f"{self._titles[key]:<{longest}}", "$foreground" if ticked else SOFT),
            (width, SOFT),
        )

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

    def action_widen(self, by: int) -> None:
        place = self.lines.highlighted or 0
        key = self._order[place]
        wide = self._asked.get(key, self._widths[key]) + by
        self._asked[key] = max(NARROWEST, min(WIDEST, wide))
        self._show(place)

    def action_move(self, way: str) -> None:
        if way == "down":
            self.lines.action_cursor_down()
        else:
            self.lines.action_cursor_up()

    def action_reset(self) -> None:
        self.dismiss(())

    @on(OptionList.OptionSelected)
    def _done(self) -> None:
        chosen = (key for key in self._order if key in self._ticked)
        asked = self._asked
        self.dismiss(tuple(f"{key}:{asked[key]}" if key in asked else key for key in chosen))
