"""Graph: the recent history of one measure, its limit as a line, and the numbers in words.

Knows one series. Invariant: the newest value is at the right edge, one value is half a cell,
and the scale always holds every value shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.strip import Strip
from textual.widget import Widget

from tuidock.widgets.paint import first_fitting, fitted, resolver
from tuidock.widgets.plot import DANGER, WARNING, area, gauge, nice_top, span, sparkline

__all__ = ["Graph", "Mark", "gauge", "sparkline"]

HEADROOM = 1.12
"""The scale ends this much above the limit, so that its line is seen whole."""
NEAR = 4.0
"""A limit up to this many times the peak is within the scale; a farther one is above it."""


LEAST = 4096.0
"""Bytes, or bytes a second, that the scale always has: less is no spike."""


class Mark(NamedTuple):
    """Something that happened at one of the values: a limit changed, an OOM kill."""

    at: int
    """Index of the value in the series given with it."""
    label: str
    style: str = "$text-error"
    sign: str = "▾"
    through: bool = False
    """Its line is seen through the area too."""


class Scale(NamedTuple):
    """The vertical axis of one frame."""

    top: float
    limit: float | None
    """The limit when it is within the scale."""
    beyond: float | None = None
    """The limit when it lies above the scale: the top line points up to it."""

    @property
    def ticks(self) -> tuple[float, float, float]:
        """Values told at the axis: the limit, or else the round top; half of it; nothing."""
        high = self.limit or (self.top / HEADROOM if self.beyond else self.top)
        return high, high / 2, 0.0


def scale(
    values: Sequence[float], limit: float | None, maximum: float | None, *, binary: bool
) -> Scale:
    """The smallest round scale that holds the values, and the limit when it is near."""
    peak = max(values, default=0.0)
    near = bool(limit and limit <= peak * NEAR)
    if maximum:
        top = max(maximum, peak)
    elif limit and near and peak <= limit * HEADROOM:
        top = limit * HEADROOM
    else:
        top = nice_top(max(peak, LEAST) if binary else peak, binary=binary)
        top *= HEADROOM if limit and limit > top else 1
    within = bool(limit and limit <= top)
    return Scale(top, limit if within else None, limit if limit and not within else None)


def short_number(value: float) -> str:
    """A number in few columns: `0.25`, `3.1`, `42`."""
    if not value:
        return "0"
    return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 10 else f"{value:.0f}"


class Graph(Widget):
    """An area graph with axes, drawn in braille dots."""

    DEFAULT_CSS = """
    Graph {
        height: 1fr;
        min-height: 3;
        background: $surface;
        color: $foreground;
        &:dark { background: $background; }
        & > .graph--title { text-style: bold; }
        & > .graph--words { color: $text-muted; }
        & > .graph--axis { color: $text-muted; }
        & > .graph--grid { color: $foreground 15%; }
        & > .graph--area { color: $primary; }
        & > .graph--warning { color: $warning; }
        & > .graph--danger { color: $error; }
        & > .graph--limit { color: $text-error; }
        & > .graph--beyond { color: $text-muted; }
        & > .graph--wanted { color: $text-accent; text-style: bold; }
    }
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "graph--title",
        "graph--words",
        "graph--axis",
        "graph--grid",
        "graph--area",
        "graph--warning",
        "graph--danger",
        "graph--limit",
        "graph--beyond",
        "graph--wanted",
    }

    def __init__(
        self,
        title: str,
        *,
        show: Callable[[float], str] = short_number,
        binary: bool = False,
        interval: float = 1.0,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """`show` puts a value in words; `binary` for bytes; `interval` seconds between values."""
        super().__init__(id=id, classes=classes)
        self._title = title
        self._show = show
        self._binary = binary
        self._interval = interval
        self._values: tuple[float, ...] = ()
        self._limit: float | None = None
        self._maximum: float | None = None
        self._marks: tuple[Mark, ...] = ()
        self._live = True
        self._wanted: float | None = None
        self._frame: list[Strip] = []

    def set_data(
        self,
        values: Sequence[float],
        limit: float | None = None,
        maximum: float | None = None,
        marks: Sequence[Mark] = (),
        *,
        live: bool = True,
    ) -> None:
        """Show these values, oldest first. `maximum` fixes the top of the scale.

        Not `live`: nothing is measured any more, and the last value is the end, not now.
        """
        given = (tuple(values), limit, maximum, tuple(marks), live)
        if given != (self._values, self._limit, self._maximum, self._marks, self._live):
            self._values, self._limit, self._maximum, self._marks, self._live = given
            self._frame = []
            self.refresh()

    def set_wanted(self, limit: float | None) -> None:
        """A limit that somebody thinks of, drawn beside the one in force; None for no such."""
        if limit != self._wanted:
            self._wanted = limit
            self._frame = []
            self.refresh()

    def set_title(self, title: str) -> None:
        """Change the title."""
        if title != self._title:
            self._title = title
            self._frame = []
            self.refresh()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._frame = []

    def on_resize(self) -> None:
        self._frame = []

    def render_line(self, y: int) -> Strip:
        if len(self._frame) != self.size.height:
            self._frame = self._draw(self.size.width, self.size.height)
        if y < len(self._frame):
            return self._frame[y]
        return Strip.blank(self.size.width, self.visual_style.rich_style)

    # --- one frame -----------------------------------------------------------------------

    def _draw(self, width: int, height: int) -> list[Strip]:
        shown = [max(0.0, value) for value in self._values]
        axis = scale(shown, self._limit, self._maximum, binary=self._binary)
        labels = max(3, *(len(self._show(value)) for value in axis.ticks))
        times = 1 if height >= 5 else 0
        curve = self.curve(2 * (width - labels - 1))
        plot = Plot(curve, axis, width - labels - 1, height - 1 - times)
        rows = [self._heading(width)]
        rows += [self._plot_row(plot, row, labels) for row in range(plot.height)]
        rows += [self._time_axis(plot, labels)] * times
        return [row.adjust_cell_length(width, self._style("axis")) for row in rows]

    def curve(self, columns: int) -> list[float]:
        """What the plot shows: two values to each of its cells, the newest at the right."""
        return [max(0.0, value) for value in self._values]

    def _style(self, part: str) -> RichStyle:
        return self.get_component_rich_style(f"graph--{part}")

    def _heading(self, width: int) -> Strip:
        title = Segment(f"{self._title}  ", self._style("title"))
        room = max(0, width - title.cell_length)
        words = fitted(first_fitting(self.words(), room), room, "left", self._resolve)
        return Strip([title, *words]).adjust_cell_length(width, self._style("words"))

    def _resolve(self, style: object) -> RichStyle:
        return resolver(self.get_visual_style("graph--words"))(style)

    def words(self) -> list[str]:
        """What the graph says, for eyes that want numbers: at length, and ever shorter."""
        if not self._values:
            return ["no measurement yet" if self._live else "no measurement"]
        now, peak = self._show(self._values[-1]), f"peak {self._show(max(self._values))}"
        if not self._live:
            return [f"ended at {now} · {peak}", f"ended at {now}", now]
        if not self._limit:
            return [f"{now} · {peak}", now]
        limit = f"limit {self._show(self._limit)}"
        used = f"({self._values[-1] / self._limit:.0%} used)"
        return [f"{now} · {peak} · {limit} {used}", f"{now} · {peak} · {limit}",
                f"{now} · {limit}", now]  # fmt: skip

    def _plot_row(self, plot: Plot, row: int, labels: int) -> Strip:
        axis = Segment(f"{self._label(plot, row):>{labels}}▕", self._style("axis"))
        cells = self._limit_row(plot, row) if row == plot.limit_row else self._area_row(plot, row)
        self._put_marks(plot, cells, row)
        if self._wanted and row == plot.row(self._wanted):
            self._want(plot, cells, line=row != plot.limit_row)
        segments = [axis, *merged(cells)]
        return Strip(segments).adjust_cell_length(plot.width + labels + 1, self._style("axis"))

    def _want(self, plot: Plot, cells: list[tuple[str, RichStyle]], *, line: bool) -> None:
        """A line where the wanted limit would be, pointing up when that is above the scale.

        Where the limit in force has its line already, the label alone.
        """
        style = self._style("wanted")
        wanted = self._wanted or 0.0
        sign = " ↑" if wanted > plot.scale.top else ""
        label = f" → {self._show(wanted)}{sign} "
        if line:
            cells[:] = [(c, s) if c not in " ┈╌" else ("┅", style) for c, s in cells]
        if plot.width >= len(label) + 2:
            cells[-len(label) - 2 : -2] = [(c, style) for c in label]

    def _label(self, plot: Plot, row: int) -> str:
        pointing = row == 0 and plot.scale.beyond
        value = None if pointing or not self._values else plot.ticks.get(row)
        if value is None:
            return ""
        others = [self._show(it) for it in plot.ticks.values() if it != value]
        between = 0 < value < max(plot.ticks.values())
        return "" if between and self._show(value) in others else self._show(value)

    def _area_row(self, plot: Plot, row: int) -> list[tuple[str, RichStyle]]:
        style, grid = self._style(plot.level(row, self._limit)), self._style("grid")
        blank = "┈" if row in plot.ticks and row < plot.height - 1 else " "
        cells = [(c, style) if c != " " else (blank, grid) for c in plot.rows[row]]
        return self._pointing_up(plot, cells) if row == 0 and plot.scale.beyond else cells

    def _pointing_up(
        self, plot: Plot, cells: list[tuple[str, RichStyle]]
    ) -> list[tuple[str, RichStyle]]:
        """A broken line, and where the limit is: farther up than the scale goes."""
        line = self._style("beyond")
        label = f" limit {self._show(plot.scale.beyond or 0)} ↑ "
        shown = [cell if cell[0] not in " ┈" else ("╌", line) for cell in cells]
        if plot.width >= len(label):
            left = min(2, plot.width - len(label))
            shown[left : left + len(label)] = [(c, line) for c in label]
        return shown

    def _limit_row(self, plot: Plot, row: int) -> list[tuple[str, RichStyle]]:
        line, hit = self._style("limit"), self._style("danger")
        label = f" limit {self._show(plot.scale.limit or 0)} "
        cells = [(c, hit) if c != " " else ("╌", line) for c in plot.rows[row]]
        if plot.width > len(label) + 8:
            cells[2 : 2 + len(label)] = [(c, line) for c in label]
        return cells

    def _put_marks(self, plot: Plot, cells: list[tuple[str, RichStyle]], row: int) -> None:
        for mark in self._marks:
            column = plot.column(mark.at)
            style = self._resolve(mark.style)
            if 0 <= column < plot.width:
                text = f"{mark.sign}{mark.label}" if row == 0 else "┊"
                text = text[: plot.width - column]
                over = row == 0 or mark.through or cells[column][0] in " ┈╌"
                if over:
                    cells[column : column + len(text)] = [(c, style) for c in text]

    def _time_axis(self, plot: Plot, labels: int) -> Strip:
        """`2m ago` at the left edge, half of it in the middle, `now` (or `end`) at the right."""
        seconds = plot.width * 2 * self._interval
        left = f"{span(seconds)} {'ago' if self._live else 'before'}"
        middle, right = span(seconds / 2), "now" if self._live else "end"
        line = left + middle.rjust(plot.width // 2 + len(middle) // 2 - len(left))
        text = line[: max(0, plot.width - 4)].ljust(max(0, plot.width - 3)) + right
        segments = [Segment(" " * (labels + 1) + text, self._style("axis"))]
        return Strip(segments).adjust_cell_length(plot.width + labels + 1, self._style("axis"))


def merged(cells: list[tuple[str, RichStyle]]) -> list[Segment]:
    """Neighbours of one style become one segment."""
    segments: list[Segment] = []
    for char, style in cells:
        if segments and segments[-1].style is style:
            segments[-1] = Segment(segments[-1].text + char, style)
        else:
            segments.append(Segment(char, style))
    return segments


class Plot:
    """The dots of one frame, and what its rows and columns mean."""

    def __init__(self, values: Sequence[float], axis: Scale, width: int, height: int) -> None:
        self.scale, self.width, self.height = axis, max(1, width), max(1, height)
        self.rows = area(values, self.width, self.height, axis.top)
        self._count = len(values)
        self.limit_row = self.row(axis.limit) if axis.limit else -1
        high, half, nothing = axis.ticks
        self.ticks = {self.row(half): half} if self.height >= 5 else {}
        self.ticks |= {self.row(high): high, self.height - 1: nothing}
        """Value told at a row."""

    def row(self, value: float) -> int:
        """Where a value stands; the top row for what is above it."""
        return max(0, min(self.height - 1, int((1 - value / self.scale.top) * self.height)))

    def column(self, index: int) -> int:
        """Where a value of the series stands; outside the plot for one that scrolled off."""
        return self.width - 1 - (self._count - 1 - index) // 2

    def level(self, row: int, limit: float | None) -> str:
        """The part that paints a row: nearer to the limit is hotter."""
        if not limit:
            return "area"
        share = (1 - row / self.height) * self.scale.top / limit
        return "danger" if share >= DANGER else "warning" if share >= WARNING else "area"
