"""The line under a log in which a pattern is typed. Invariant: Escape forgets what was typed."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input


class LogPrompt(Input):
    """The line at the bottom where a pattern is typed; it takes effect while typing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", show=False),
    ]

    class Cancelled(Message):
        """Escape: forget the pattern."""

    def __init__(self) -> None:
        super().__init__(compact=True, id="log-prompt")
        self.kind = "/"

    def action_cancel(self) -> None:
        self.post_message(self.Cancelled())
