"""Details: one frame of tabs, or two beside each other about the same thing.

Invariant: a shell is in the first frame only, because a session has one place where it is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual.app import ComposeResult
from textual.containers import Container as Box
from textual.reactive import reactive

from tuidock.screens.detail import Detail, Tab
from tuidock.screens.later import Later

ROOM = 100
"""Columns from which on two frames stand side by side, not one upon the other."""
ONE_PLACE = "shell"


class Details(Box):
    """The frames; `split` and `join` change how many."""

    DEFAULT_CSS = """
    Details {
        layout: vertical;
        &.-aside { layout: horizontal; }
        & > Detail { width: 1fr; height: 1fr; }
    }
    """
    aside: reactive[bool] = reactive(False, toggle_class="-aside")

    def __init__(self, kinds: Mapping[str, type[Tab] | Later], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._kinds = kinds
        self._first = Detail(kinds, id="detail")
        self._second: Detail | None = None
        self._about: tuple[Any, str] = (None, "")

    def compose(self) -> ComposeResult:
        yield self._first

    def on_resize(self) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        """One frame looks the same either way, and no style need be reckoned for it."""
        self.aside = self._second is not None and self.size.width >= ROOM

    @property
    def frames(self) -> list[Detail]:
        return [self._first, *([self._second] if self._second is not None else ())]

    @property
    def front(self) -> Detail:
        """The frame that the keys are about."""
        return next((it for it in self.frames if it.has_focus_within), self._first)

    @property
    def other(self) -> Detail | None:
        """The frame beside that one."""
        return next((it for it in self.frames if it is not self.front), None)

    def place_of(self, name: str) -> Detail:
        """The frame where a tab is in view, or else belongs."""
        shown = next((it for it in self.frames if it.active == name), None)
        return shown or (self._first if name == ONE_PLACE else self.front)

    def look_at(self, subject: Any, label: str) -> None:
        """Let all frames be about one thing."""
        self._about = subject, label
        for frame in self.frames:
            frame.look_at(subject, label if frame is self._first else frame.hint)

    async def split(self, hint: str) -> None:
        """A second frame, with the log, or with graphs where the log is in view already."""
        kinds = {name: kind for name, kind in self._kinds.items() if name != ONE_PLACE}
        first = next(name for name in kinds if name != self._first.active)
        self._second = Detail(kinds, id="beside", first=first, hint=hint)
        self._second.look_at(*self._about)
        self._lay_out()
        await self.mount(self._second)
        self.look_at(*self._about)

    async def join(self) -> None:
        """Back to one frame; the keys go there when they were in the other."""
        gone, self._second = self._second, None
        if gone is not None:
            if gone.has_focus_within:
                self._first.take_focus()
            await gone.remove()
