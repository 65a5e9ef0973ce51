"""Timelines: graphs beside one another over the same time, with one cursor and one range.

Knows columns of values, not where they come from. Invariant: all graphs show the same window and
the same cursor, and nothing is drawn again before a column of the window has passed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, NamedTuple

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message

from tuidock.widgets.timegraph import Happening, Series, TimeGraph
from tuidock.widgets.timeline import RANGES, SECONDS, Window

PATIENCE = 10.0
"""Seconds after which a graph of a long time is drawn again, at most."""
WIDE, HIGH = 132, 36
"""Columns, or lines, from which on there is room for a third graph."""
_ORDER = [name for _, name, _, _ in RANGES]


class Kind(NamedTuple):
    """One of the graphs."""

    name: str
    title: str
    show: Callable[[float], str]
    binary: bool = False


class Column(NamedTuple):
    """What one graph shows."""

    values: Sequence[float]
    limit: float | None = None


class Timelines(Horizontal, can_focus=True):
    """Graphs over one time."""

    DEFAULT_CSS = """
    Timelines {
        height: 1fr;
        & TimeGraph { width: 1fr; background: $background; margin: 0 1; }
        &:focus TimeGraph > .graph--title { text-style: bold underline; }
        &.-narrow .-third { display: none; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "Earlier", id="time.left", tooltip="Look at a moment"),
        Binding("right", "move(1)", "Later", show=False, id="time.right"),
        Binding("shift+left", "move(-10)", "Far back", show=False, id="time.far_left"),
        Binding("shift+right", "move(10)", "Far on", show=False, id="time.far_right"),
        Binding("enter", "pick", "Log then", id="time.log", tooltip="The log at that moment"),
        Binding("escape", "forget", "Now", show=False, id="time.now", tooltip="No moment"),
        Binding("minus", "zoom(-1)", "Longer", id="time.longer", tooltip="A longer time"),
        Binding("equals_sign", "zoom(1)", "Shorter", id="time.shorter", tooltip="A shorter time"),
        *(
            Binding(key, f"range({name!r})", title, show=False, id=f"time.{name}")
            for key, name, title, _ in RANGES
        ),
    ]

    class Moved(Message):
        """Another window or another moment is looked at: tell it what to show."""

    class Picked(Message):
        """Somebody wants to know what was written at a moment."""

        def __init__(self, at: float) -> None:
            super().__init__()
            self.at = at

    def __init__(self, kinds: Sequence[Kind], range_name: str = "5m") -> None:
        super().__init__()
        self._kinds = kinds
        self.range_name = range_name
        self.cursor: float | None = None
        """A moment that is looked at, in seconds since the epoch."""
        self.live = True
        self._end = 0.0
        self._drawn = 0.0

    def compose(self) -> ComposeResult:
        for index, kind in enumerate(self._kinds):
            graph = TimeGraph(kind.title, show=kind.show, binary=kind.binary, id=kind.name)
            graph.set_class(index > 1, "-third")
            yield graph

    def on_resize(self, event: events.Resize) -> None:
        room = event.size.width >= WIDE or event.size.height >= HIGH
        self.set_class(not room, "-narrow")

    # --- what it shows ----------------------------------------------------------------------

    @property
    def seconds(self) -> float:
        """How long a time is shown."""
        return SECONDS[self.range_name]

    @property
    def graphs(self) -> list[TimeGraph]:
        return list(self.query(TimeGraph))

    @property
    def window(self) -> Window:
        """The time that is shown."""
        return Window(self._end - self.seconds, self._end)

    @property
    def step(self) -> float:
        """Seconds that a step of the cursor is: a cell."""
        return 2 * self.seconds / max(2, self.graphs[0].columns)

    def due(self, now: float) -> bool:
        """Whether to draw again: a second of a long time is not seen."""
        return not 0 <= now - self._drawn < min(PATIENCE, self.seconds / 150)

    def show_columns(
        self,
        end: float,
        at: Sequence[float],
        columns: Mapping[str, Column],
        marks: Sequence[Happening],
        *,
        live: bool,
    ) -> None:
        """Show values up to a moment, by the name of their graph."""
        self._end = self._drawn = end
        self.live = live
        for graph in self.graphs:
            values, limit = columns[graph.id or ""]
            time = (end, self.seconds)
            graph.set_series(Series(at, values, *time, limit, marks, self.cursor, live))

    def point(self, at: float | None) -> None:
        """Look at a moment, in a time that is long enough; None for none."""
        self.cursor = at
        if at is not None:
            age = self._end - at
            longer = [name for name in reversed(_ORDER) if SECONDS[name] > age]
            if age > self.seconds:
                self.range_name = longer[0] if longer else _ORDER[0]
        self._moved()

    def _moved(self) -> None:
        self._drawn = 0.0
        self.refresh_bindings()
        self.post_message(self.Moved())

    # --- keys -------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape and enter are ours only while a moment is looked at."""
        return self.cursor is not None if action in ("forget", "pick") else True

    def action_move(self, by: int) -> None:
        shown = self.window
        here = shown.end if self.cursor is None else self.cursor
        self.point(max(shown.begin, min(shown.end, here + by * self.step)))

    def action_forget(self) -> None:
        self.point(None)

    def action_pick(self) -> None:
        if self.cursor is not None:
            self.post_message(self.Picked(self.cursor))

    def action_zoom(self, by: int) -> None:
        place = _ORDER.index(self.range_name) + by
        self.action_range(_ORDER[max(0, min(len(_ORDER) - 1, place))])

    def action_range(self, name: str) -> None:
        """Show another length of time; a moment that is not in it is left."""
        self.range_name = name
        if self.cursor is not None and self.cursor < self._end - self.seconds:
            self.cursor = None
        self._moved()

    @on(TimeGraph.Pointed)
    def _pointed(self, event: TimeGraph.Pointed) -> None:
        """A click looks at a moment, a second one goes to its log."""
        event.stop()
        self.focus()
        self.point(event.at)
        if event.again:
            self.action_pick()
