"""Timelines: graphs beside one another over the same time, with one cursor and one range.

Knows columns of values, not where they come from. Invariant: all graphs show the same window and
the same cursor, and nothing is drawn again before a column of the window has passed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, NamedTuple

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tuidock.widgets.moments import Moments
from tuidock.widgets.timegraph import Happening, Series, TimeGraph
from tuidock.widgets.timeline import RANGES, SECONDS, Window

PATIENCE = 10.0
"""Seconds after which a graph of a long time is drawn again, at most."""
WIDE = 132
"""Columns in which there is room for three graphs beside one another."""
HIGH = 8
"""Lines that a graph must have."""
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


class Timelines(Moments):
    """Graphs over one time."""

    DEFAULT_CSS = """
    Timelines {
        layout: grid;
        grid-size: 2;
        overflow: hidden hidden;
        width: 1fr;
        height: 1fr;
        & TimeGraph { height: 1fr; background: $background; margin: 0 1; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("minus", "zoom(-1)", "Longer", id="time.longer", tooltip="A longer time"),
        Binding("equals_sign", "zoom(1)", "Shorter", id="time.shorter", tooltip="A shorter time"),
        *(
            Binding(key, f"range({name!r})", title, show=False, id=f"time.{name}")
            for key, name, title, _ in RANGES
        ),
    ]

    def __init__(self, kinds: Sequence[Kind], range_name: str = "5m") -> None:
        super().__init__()
        self._kinds = kinds
        self.range_name = range_name
        self.live = True
        self._drawn = 0.0

    def compose(self) -> ComposeResult:
        for kind in self._kinds:
            yield TimeGraph(kind.title, show=kind.show, binary=kind.binary, id=kind.name)

    def on_resize(self, event: events.Resize) -> None:
        """As many graphs as there is room for, the first ones."""
        across = 3 if event.size.width >= WIDE else 2
        down = max(1, min(event.size.height // HIGH, -(-len(self._kinds) // across)))
        self.styles.grid_size_columns, self.styles.grid_size_rows = across, down
        for index, graph in enumerate(self.graphs):
            graph.display = index < across * down
        self._drawn = 0.0
        self.post_message(self.Moved())

    # --- what it shows ----------------------------------------------------------------------

    @property
    def seconds(self) -> float:
        """How long a time is shown."""
        return SECONDS[self.range_name]

    @property
    def in_view(self) -> list[TimeGraph]:
        """The graphs that there is room for."""
        return [graph for graph in self.graphs if graph.display]

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
        self.shown, self._drawn = Window(end - self.seconds, end), end
        self.live = live
        for graph in self.in_view:
            values, limit = columns[graph.id or ""]
            time = (end, self.seconds)
            graph.set_series(Series(at, values, *time, limit, marks, self.cursor, live))

    def point(self, at: float | None) -> None:
        """Look at a moment, in a time that is long enough; None for none."""
        if at is not None:
            age = self.shown.end - at
            longer = [name for name in reversed(_ORDER) if SECONDS[name] > age]
            if age > self.seconds:
                self.range_name = longer[0] if longer else _ORDER[0]
        self._drawn = 0.0
        super().point(at)

    # --- keys -------------------------------------------------------------------------------

    def action_zoom(self, by: int) -> None:
        place = _ORDER.index(self.range_name) + by
        self.action_range(_ORDER[max(0, min(len(_ORDER) - 1, place))])

    def action_range(self, name: str) -> None:
        """Show another length of time; a moment that is not in it is left."""
        self.range_name = name
        left = self.cursor is not None and self.cursor < self.shown.end - self.seconds
        self.point(None if left else self.cursor)
