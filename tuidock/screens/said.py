"""What the interface said, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tuidock import format as fmt
from tuidock.notices import Notice
from tuidock.widgets.modal import Modal


class SaidScreen(Modal[None]):
    """Notices that have gone."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,ctrl+t", "dismiss", "Close", id="said.close"),
        Binding("j", "scroll('scroll_down')", show=False),
        Binding("k", "scroll('scroll_up')", show=False),
    ]

    DEFAULT_CSS = """
    SaidScreen {
        align: center middle;
        & > VerticalScroll {
            width: 100; max-width: 96%; height: auto; max-height: 80%;
            border: round $border; background: $surface; padding: 0 1;
            border-title-style: bold; scrollbar-size-vertical: 1;
        }
    }
    """

    def __init__(self, notices: Sequence[Notice]) -> None:
        """`notices` with the oldest first."""
        super().__init__()
        self._notices = notices

    def compose(self) -> ComposeResult:
        with VerticalScroll() as frame:
            frame.border_title = "Notices"
            yield Static(self.text())

    def text(self) -> Content:
        if not self._notices:
            return Content.styled("Nothing was said yet.", "$quiet")
        lines = [
            Content.assemble((f"{fmt.clock(it.at)}  ", "$quiet"), it.words)
            for it in reversed(self._notices)
        ]
        return Content("\n").join(lines)

    def action_scroll(self, way: str) -> None:
        getattr(self.query_one(VerticalScroll), way)(animate=False)
