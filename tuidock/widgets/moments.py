"""Moments: graphs over one time, with a cursor that all of them share.

Invariant: a click looks at a moment and a second one asks for its log; the arrow keys and enter
do the same.
"""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from tuidock.widgets.timegraph import TimeGraph
from tuidock.widgets.timeline import Window


class Moments(Widget, can_focus=True):
    """What holds the graphs."""

    DEFAULT_CSS = """
    Moments {
        &:focus TimeGraph > .graph--title { text-style: bold underline; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "Earlier", id="time.left", tooltip="Look at a moment"),
        Binding("right", "move(1)", "Later", show=False, id="time.right"),
        Binding("shift+left", "move(-10)", "Far back", show=False, id="time.far_left"),
        Binding("shift+right", "move(10)", "Far on", show=False, id="time.far_right"),
        Binding("enter", "pick", "Log then", id="time.log", tooltip="The log at that moment"),
        Binding("escape", "forget", "Now", show=False, id="time.now", tooltip="No moment"),
    ]

    class Moved(Message):
        """Another moment, or another time, is looked at: tell it what to show."""

    class Picked(Message):
        """Somebody wants to know what was written at a moment."""

        def __init__(self, at: float) -> None:
            super().__init__()
            self.at = at

    cursor: float | None = None
    """A moment that is looked at, in seconds since the epoch."""
    shown = Window(0.0, 1.0)
    """The time that is shown."""

    @property
    def graphs(self) -> list[TimeGraph]:
        return list(self.query(TimeGraph))

    @property
    def step(self) -> float:
        """Seconds that a step of the cursor is: a cell."""
        columns = max((graph.columns for graph in self.graphs if graph.display), default=2)
        return 2 * (self.shown.end - self.shown.begin) / columns

    def point(self, at: float | None) -> None:
        """Look at a moment; None for none."""
        self.cursor = at
        self.refresh_bindings()
        self.post_message(self.Moved())

    # --- keys -------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape and enter are ours only while a moment is looked at."""
        return self.cursor is not None if action in ("forget", "pick") else True

    def action_move(self, by: int) -> None:
        begin, end = self.shown
        here = end if self.cursor is None else self.cursor
        self.point(max(begin, min(end, here + by * self.step)))

    def action_forget(self) -> None:
        self.point(None)

    def action_pick(self) -> None:
        if self.cursor is not None:
            self.post_message(self.Picked(self.cursor))

    @on(TimeGraph.Pointed)
    def _pointed(self, event: TimeGraph.Pointed) -> None:
        event.stop()
        self.focus()
        self.point(event.at)
        if event.again:
            self.action_pick()
