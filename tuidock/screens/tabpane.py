"""A list inside a tab: without a frame, with the keys that every list has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from textual import on
from textual.app import App
from textual.widgets import Input

from tuidock.screens.listing import ListPane
from tuidock.widgets.table import Column


def read_whole(app: App[Any], title: str, text: str) -> None:
    """Lay a text over the screen that is too long for its row."""
    from tuidock.screens.reading import Reader

    app.push_screen(Reader(title, text.encode(errors="replace"), whole=True, wrap=True))


class TabPane(ListPane):
    """Tells its tab when it is sorted by another column, or filtered by other words."""

    DEFAULT_CSS = """
    TabPane { height: 1fr; }
    TabPane, TabPane:focus-within { border: none; }
    """

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        empty: str = "",
        sort: str = "",
        descending: bool = False,
        sorted_anew: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__("", columns, empty=empty, sort=sort, descending=descending)
        self._sorted_anew = sorted_anew

    @on(Input.Changed)
    def _query_changed(self, event: Input.Changed) -> None:
        self._sorted_anew()

    def clear_filter(self) -> bool:
        cleared = super().clear_filter()
        if cleared:
            self._sorted_anew()
        return cleared

    def sort_by(self, column: str, *, descending: bool) -> None:
        super().sort_by(column, descending=descending)
        self._sorted_anew()
