"""TimeGraph: a graph of values with their times, what happened meanwhile, and a cursor.

Invariant: its right edge is the end of its window; all that is drawn has the place of its time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from textual import events
from textual.message import Message

from tuidock import format as fmt
from tuidock.widgets.graph import Graph, Mark
from tuidock.widgets.timeline import Window, at_moment, laid_out, window, within


class Happening(NamedTuple):
    """Something that happened at a moment."""

    at: float
    sign: str
    """One letter."""
    words: str
    style: str
    weight: int = 0
    """Of two in one place the heavier one is seen."""


class Series(NamedTuple):
    """Everything that a graph shows."""

    at: Sequence[float] = ()
    values: Sequence[float] = ()
    end: float = 1.0
    """The moment at the right edge."""
    seconds: float = 1.0
    """How long a time is shown."""
    limit: float | None = None
    happenings: Sequence[Happening] = ()
    cursor: float | None = None
    """A moment that is looked at."""
    live: bool = True


class TimeGraph(Graph):
    """A graph over a window of time."""

    DEFAULT_CSS = """
    TimeGraph { pointer: pointer; }
    """

    class Pointed(Message):
        """Somebody clicked at a moment."""

        def __init__(self, at: float, *, again: bool) -> None:
            super().__init__()
            self.at = at
            self.again = again
            """It is a double click."""

    _series = Series()
    _window = Window(0.0, 1.0)
    _columns = 1
    """Columns of the curve in the last frame, two to a cell, and where its first cell is."""
    _left = 0

    @property
    def columns(self) -> int:
        return self._columns

    def set_series(self, series: Series) -> None:
        """Show this."""
        if series != self._series:
            self._series = series
            span = Window(series.end - series.seconds, series.end)
            shown = within(series.at, series.values, span)
            self._values = tuple(shown)
            self._limit, self._live = series.limit, series.live
            self._frame = []
            self.refresh()

    def curve(self, columns: int) -> list[float]:
        """Lay time out: values, marks and the length of a column."""
        series = self._series
        self._columns = max(2, columns)
        self._left = self.size.width - self._columns // 2
        self._interval = series.seconds / self._columns
        self._window = window(series.end, series.seconds, self._columns)
        self._marks = tuple(self._signs())
        return laid_out(series.at, series.values, self._window, self._columns)

    def _signs(self) -> list[Mark]:
        series, columns = self._series, self._columns
        weighed = sorted(series.happenings, key=lambda each: each.weight)
        marks = [
            Mark(self._window.column(each.at, columns), "", each.style, each.sign)
            for each in weighed
        ]
        if series.cursor is not None:
            place = self._window.column(series.cursor, columns)
            marks.append(Mark(place, "", "bold $text-accent", "▼", through=True))
        return [mark for mark in marks if 0 <= mark.at < columns]

    def words(self) -> list[str]:
        """At the cursor what was then, else what is now."""
        series = self._series
        if series.cursor is None:
            return super().words()
        index = at_moment(series.at, series.cursor, max(5.0, self._interval))
        then = fmt.clock(series.cursor)
        if index is None:
            return [f"{then}  nothing recorded", "nothing recorded"]
        value = self._show(series.values[index])
        return [f"{then}  {value}", value]

    def on_click(self, event: events.Click) -> None:
        """Point at the moment under the mouse."""
        event.stop()
        column = (event.x - self._left) * 2 + 1
        if 0 <= column <= self._columns:
            moment = self._window.moment(column, self._columns)
            self.post_message(self.Pointed(moment, again=event.chain > 1))
