"""The tabs about one container that are text: inspect, and what others are made of.

Each follows one thing of the engine while it is looked at. Invariant: a feed is a worker of the
tab, so that it ends when the tab goes to sleep.
"""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import ScrollableContainer
from textual.content import Content
from textual.widgets import Static

from tuidock.engine.types import Container
from tuidock.screens.detail import Tab
from tuidock.screens.facts import hung
from tuidock.screens.json_tab import JsonTab

_SCROLLBAR = 1
"""Columns that text leaves free on the right."""
GLANCE = 2.0
"""Seconds between two looks at the processes."""


class TextTab(Tab):
    """Text that scrolls."""

    HOT = "ScrollableContainer"

    DEFAULT_CSS = """
    TextTab > ScrollableContainer {
        height: 1fr; padding: 0 1; background: $background; scrollbar-size: 1 1;
    }
    TextTab Static { width: 1fr; height: auto; }
    """

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self._said = Content()

    def compose(self) -> ComposeResult:
        with ScrollableContainer(can_focus=True):
            yield Static()

    def tell(self, content: Content) -> None:
        self._said = content
        self._fit()

    def on_resize(self) -> None:
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        width = self.query_one(ScrollableContainer).size.width - _SCROLLBAR
        self.query_one(Static).update(hung(self._said, width))


class InspectTab(JsonTab):
    """Docker's inspect object."""

    async def fetch(self, subject: Container) -> object:
        return await self.dock_screen.engine.containers.inspect(subject.id)
