"""Notices: short news that cover nothing of what is read.

On a screen with a line of keys they stand in that line, the keys make room; over a dialog they
are Textual's toasts. Invariant: whatever was said can be read again, the last KEPT of it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

from textual.app import App
from textual.content import Content
from textual.notifications import SeverityLevel

KEPT = 200
"""Notices that can be read again."""
PATIENCE = {"information": 5.0, "warning": 8.0, "error": 12.0}
"""Seconds that a notice stays, by its weight."""
SIGNS = {"information": "✓", "warning": "!", "error": "✗"}
STYLES = {"information": "$text-success", "warning": "$text-warning", "error": "$text-error"}


class Notice(NamedTuple):
    """Something that was said."""

    at: float
    severity: SeverityLevel
    title: str
    text: str

    @property
    def words(self) -> Content:
        """Sign, title and text in a line."""
        style = STYLES[self.severity]
        said = " ".join(self.text.split())
        gap = "  " if self.title and said else ""
        head = (f"{SIGNS[self.severity]} {self.title}{gap}", f"bold {style}")
        return Content.assemble(head, (said, "$foreground"))


@runtime_checkable
class Teller(Protocol):
    """A screen with a line for notices."""

    def tell(self, notice: Notice) -> None: ...


class Noticing(App[int], inherit_bindings=False):
    """An app whose notices have a line of their own."""

    now: Callable[[], float] = staticmethod(time.time)

    def __init__(self, *, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self.notices: deque[Notice] = deque(maxlen=KEPT)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Say something; `markup` is not obeyed where it is said in one line."""
        notice = Notice(self.now(), severity, title, message)
        self.notices.append(notice)
        if isinstance(self.screen, Teller):
            self.screen.tell(notice)
        else:
            super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)
