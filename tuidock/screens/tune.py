"""The limits of running containers: ask the pane, call the engine, watch the graphs answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tuidock import format as fmt
from tuidock.engine.errors import EngineError
from tuidock.engine.types import UP, Container, History, Limits, Sample
from tuidock.screens.detail import Tab
from tuidock.screens.happenings import happenings, legend
from tuidock.screens.past import events, told_of
from tuidock.screens.tune_words import Outcome, told
from tuidock.widgets.limits import LimitsPane
from tuidock.widgets.limits_kinds import Kind
from tuidock.widgets.limits_measures import NOTHING, TITLES, Peaks, peaks
from tuidock.widgets.limits_model import Subject, after
from tuidock.widgets.limits_rows import limit_of
from tuidock.widgets.timegraph import Series, TimeGraph
from tuidock.widgets.timeline import Window
from tuidock.world import World

COMPANIONS = ("cpu", "memory", "write", "read")
"""Measures that are drawn too, in this order."""
DAY = 86_400.0
LEAST_COLUMNS = 60
GRAPH = 10
"""Lines that a third graph must have."""
SHOWS = {
    "cpu": fmt.cpu,
    "memory": fmt.size,
    "swap": fmt.size,
    "read": fmt.rate,
    "write": fmt.rate,
}
"""How a graph puts the values of a measure in words; the others are counts."""


class LimitsTab(Tab):
    """Limits on the left, what they do on the right, what it means below."""

    TITLE = "Limits"
    HOT = "LimitsPane"

    DEFAULT_CSS = """
    LimitsTab {
        & > Horizontal { height: 1fr; }
        & #rows { width: 1fr; min-width: 43; max-width: 72; scrollbar-size: 1 1; }
        & #graphs { width: 1fr; }
        & LimitsPane { background: $background; }
        & Graph { background: $background; margin: 0 1; }
        & #words { height: 7; padding: 0 1; scrollbar-size: 1 1; }
    }
    """

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self._outcomes: tuple[Outcome, ...] = ()
        self._told = Content()
        self._asked: list[tuple[str, bool]] = []
        """Containers whose bounds and peaks are known, and whether they run."""
        self._peaks: dict[str, Peaks] = {}

    def compose(self) -> ComposeResult:
        with Horizontal():
            with VerticalScroll(id="rows", can_focus=False):
                yield LimitsPane()
            with Vertical(id="graphs"):
                yield self._graph("cpu")
                yield self._graph("memory")
        with VerticalScroll(id="words", can_focus=False):
            yield Static()

    @staticmethod
    def _graph(measure: str) -> TimeGraph:
        show = SHOWS.get(measure, lambda value: f"{value:.0f}")
        binary = measure in ("memory", "swap", "read", "write")
        return TimeGraph(TITLES[measure], show=show, binary=binary, id=measure)

    @property
    def pane(self) -> LimitsPane:
        return self.query_one(LimitsPane)

    def containers(self) -> Sequence[Container]:
        """The marked ones when there are several, else the one under the cursor."""
        marked = self.dock_screen.targets()
        if len(marked) > 1:
            return marked
        return [self.subject] if isinstance(self.subject, Container) else []

    # --- what it shows ------------------------------------------------------------------------

    def show(self, subject: Container | None, before: Container | None) -> None:
        if subject is None or before is None or subject.id != before.id:
            self._outcomes = ()
        self.tick(self.dock_screen.world)
        chosen = self.containers()
        asked = [(it.id, it.status in UP) for it in chosen]
        if before is None or asked != self._asked:
            self._asked = asked
            self.learn(chosen)

    @work(group="bounds", exclusive=True, exit_on_error=False)
    async def learn(self, them: Sequence[Container]) -> None:
        """What can be set here, so that the rest is not even tried; what a day's peaks were."""
        containers = self.dock_screen.engine.containers
        with self.dock_screen.presented():
            for it in them[:1]:
                self.pane.set_bounds(await containers.bounds(it.id))
                self.tick(self.dock_screen.world)
            since = self.dock_screen.dock.now() - DAY
            for it in them[1:]:
                self._peaks[it.id] = peaks(await containers.history(it.id, since))
            for it in them[:1]:
                await self.dock_screen.dock.feeds.recall(it.id)
                world = self.dock_screen.world
                self._peaks[it.id] = peaks(world.histories.get(it.id, History(it.id)))
            self.tick(self.dock_screen.world)

    def tick(self, world: World) -> None:
        self.pane.show([self._subject(it, world) for it in self.containers()])
        self._paint()

    def _subject(self, it: Container, world: World) -> Subject:
        runs = it.status in UP
        killed = not runs and it.exit is not None and it.exit.oom_killed
        past: Sequence[Sample] = world.samples.get(it.id, ())
        day = self._peaks.get(it.id, NOTHING)
        kept = it.spec.limits if it.passing else None
        now = it.passing or it.spec.limits
        return Subject(it.id, it.name, now, past, runs=runs, killed=killed, day=day, kept=kept)

    @on(LimitsPane.Moved)
    def _pane_moved(self, event: LimitsPane.Moved) -> None:
        event.stop()
        if self.pane.model.pending:
            self._outcomes = ()
        self._paint()

    def _paint(self) -> None:
        self._paint_graphs()
        room = self.query_one("#words").content_size.width or 80
        words = told(self.pane, self.containers(), self._outcomes, room)
        words += self._legend()
        if not words.is_same(self._told):
            self._told = words
            self.query_one("#words Static", Static).update(words)

    def _paint_graphs(self) -> None:
        """CPU and memory stay where they are; another measure that is chosen comes on top."""
        column = self.query_one("#graphs")
        kind = self.pane.kind
        first = kind.measure or ("cpu" if kind.group == "cpu" else "read")
        room = min(len(COMPANIONS), max(2, column.content_size.height // GRAPH))
        order = (
            COMPANIONS[:room] if first in COMPANIONS[:room] else (first, *COMPANIONS[: room - 1])
        )
        missing = [self._graph(it) for it in order if not self.query(f"#{it}")]
        if missing:
            column.mount(*missing, before=0 if missing[0].id == first else None)
        for graph in self.query(TimeGraph):
            graph.display = graph.id in order
        for measure in order:
            self._feed(measure, kind)

    def _legend(self) -> Content:
        """What the letters on the graphs mean, where there are any."""
        it, graphs = self._drawn(), self.query(TimeGraph)
        if it is None or not graphs:
            return Content()
        shown = self._series(it, "cpu", graphs.first().columns)
        found = legend(shown.happenings, Window(shown.end - shown.seconds, shown.end))
        return Content("\n") + found if found else found

    def _drawn(self) -> Container | None:
        """The container under the cursor; of several marked ones, the first when it is not one."""
        them = self.containers()
        mine = [it for it in them if self.subject is not None and it.id == self.subject.id]
        return next(iter([*mine, *them]), None)

    def _feed(self, measure: str, kind: Kind) -> None:
        it = self._drawn()
        if it is None:
            return
        graph = self.query_one(f"#{measure}", TimeGraph)
        subjects = self.pane.model.subjects
        bounding = kind if kind.measure == measure else self._main(measure)
        limits = next((each.limits for each in subjects if each.id == it.id), it.spec.limits)
        limit = limit_of(bounding, limits) if bounding else None
        whose = f" of {it.name}" if len(subjects) > 1 else ""
        graph.set_title(TITLES[measure] + whose)
        wanted = self.pane.model.wanted(bounding) if bounding else None
        graph.set_wanted(wanted if isinstance(wanted, float | int) and wanted > 0 else None)
        graph.set_series(self._series(it, measure, graph.columns)._replace(limit=limit))

    def _series(self, it: Container, measure: str, columns: int) -> Series:
        """A second to each column, so that the answer to a change is seen in the next one."""
        world, live = self.dock_screen.world, it.status in UP
        seconds = float(max(columns, LEAST_COLUMNS))
        end = it.exit.at if it.exit and not live else self.dock_screen.dock.now()
        at, values = told_of(world, it.id, measure, end - seconds)
        marks = tuple(happenings(events(world, it.id)))
        return Series(at, values, end, seconds, happenings=marks, live=live)

    def _main(self, measure: str) -> Kind | None:
        """The first limit of a measure: the quota of CPU, the max of memory."""
        return next((kind for kind in self.pane.model.kinds if kind.measure == measure), None)

    # --- what it does -------------------------------------------------------------------------

    @on(LimitsPane.Changed)
    def _limits_changed(self, event: LimitsPane.Changed) -> None:
        event.stop()
        self.apply(event.limits, self.containers(), keep=event.keep)

    @work(group="limits", exit_on_error=False)
    async def apply(
        self, changes: Mapping[str, Limits], them: Sequence[Container], *, keep: bool
    ) -> None:
        """Change the limits of all at once, and tell how it went for each."""
        chosen = [it for it in them if it.id in changes]
        with self.dock_screen.presented():
            updates = (self._update(it, changes[it.id], keep=keep) for it in chosen)
            done = await asyncio.gather(*updates)
            self._outcomes = tuple(done)
            self._paint()

    async def _update(self, it: Container, limits: Limits, *, keep: bool) -> Outcome:
        """A refusal stands beside the limits it is about; what was promised is looked up."""
        try:
            now = await self.dock_screen.engine.containers.update(it.id, limits, keep=keep)
        except EngineError as error:
            known = self.dock_screen.world.containers.get(it.id, it)
            self.pane.refuse(it.id, known.passing or known.spec.limits)
            return Outcome(it.name, limits, error.message, runs=it.status in UP, keep=keep)
        kept = after(now.spec.limits, limits) == now.spec.limits
        return Outcome(it.name, limits, "", runs=now.status in UP, kept=kept, keep=keep)
