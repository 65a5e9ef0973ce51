"""The limits of running containers: ask the pane, call the engine, watch the graphs answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tuidock import format as fmt
from tuidock.engine.errors import EngineError
from tuidock.engine.types import UP, Container, History, Limits, Sample
from tuidock.screens.detail import Detail, Tab
from tuidock.screens.happenings import happenings, legend
from tuidock.screens.past import EVERY, events, past, told_of
from tuidock.screens.tune_words import Outcome, told
from tuidock.widgets.limits import LimitsPane
from tuidock.widgets.limits_history import read, written
from tuidock.widgets.limits_kinds import Kind
from tuidock.widgets.limits_measures import NOTHING, TITLES, Peaks, peaks
from tuidock.widgets.limits_model import Subject, after
from tuidock.widgets.limits_rows import limit_of
from tuidock.widgets.limits_words import CLOSE
from tuidock.widgets.moments import Moments
from tuidock.widgets.timegraph import Series, TimeGraph
from tuidock.widgets.timeline import Window, laid_out, window
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
        & #graphs { layout: vertical; overflow: hidden hidden; width: 1fr; }
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
        self._turn = asyncio.Lock()
        """Changes reach the engine in the order in which they were asked for."""
        self._graphs: dict[str, TimeGraph] = {}
        """By measure; others than the first two are made when they are chosen."""
        self._marks = Content()
        """What the letters on the graphs mean."""
        self._curves: dict[str, object] = {}
        """What each graph looks like: one that would look the same is not painted again."""

    def compose(self) -> ComposeResult:
        with Horizontal():
            with VerticalScroll(id="rows", can_focus=False):
                yield (pane := LimitsPane())
                pane.model.history = read(self.dock_screen.dock.state.undo)
            with Moments(id="graphs"):
                self._graphs = {name: self._graph(name) for name in COMPANIONS[:2]}
                yield from self._graphs.values()
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

    @property
    def moments(self) -> Moments:
        return self.query_one(Moments)

    def point(self, at: float) -> None:
        self.moments.point(at)

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
            self.moments.cursor = None
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
        with self.looking():
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
        killed = not runs and killed_at_its_max(it)
        past: Sequence[Sample] = world.samples.get(it.id, ())
        day = self._peaks.get(it.id, NOTHING)
        kept = it.spec.limits if it.passing else None
        now = it.passing or it.spec.limits
        return Subject(it.id, it.name, now, past, runs=runs, killed=killed, day=day, kept=kept)

    @on(Moments.Moved)
    def _moment_moved(self) -> None:
        self._paint()

    @on(Moments.Picked)
    def _moment_picked(self, event: Moments.Picked) -> None:
        event.stop()
        self.dock_screen.post_message(Detail.LogWanted(event.at))

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
        words += Content("\n") + self._marks if self._marks else Content()
        if not words.is_same(self._told):
            self._told = words
            self.query_one("#words Static", Static).update(words)

    def _paint_graphs(self) -> None:
        """CPU and memory stay where they are; another measure that is chosen comes on top."""
        kind, column = self.pane.kind, self.moments
        first = kind.measure or ("cpu" if kind.group == "cpu" else "read")
        room = min(len(COMPANIONS), max(2, column.content_size.height // GRAPH))
        order = COMPANIONS[:room]
        if first not in order:
            order = (first, *order[:-1])
        missing = {each: self._graph(each) for each in order if each not in self._graphs}
        if missing:
            self._graphs |= missing
            column.mount(*missing.values(), before=0 if first in missing else None)
        for measure, graph in self._graphs.items():
            graph.display = measure in order
        if it := self._drawn():
            self._feed_all(it, order, kind)

    def _drawn(self) -> Container | None:
        """The container under the cursor; of several marked ones, the first when it is not one."""
        them = self.containers()
        mine = [it for it in them if self.subject is not None and it.id == self.subject.id]
        return next(iter([*mine, *them]), None)

    def _feed_all(self, it: Container, order: Sequence[str], kind: Kind) -> None:
        """A second to each column, so that the answer to a change is seen in the next one."""
        world, live = self.dock_screen.world, it.status in UP
        seconds = float(max(LEAST_COLUMNS, *(self._graphs[each].columns for each in order)))
        end = it.exit.at if it.exit and not live else self.dock_screen.dock.now()
        known = past(world, it.id, end - seconds, [each for each in order if each in EVERY])
        marks, moments = tuple(happenings(events(world, it.id))), self.moments
        moments.shown = Window(end - seconds, end)
        self._marks = legend(marks, moments.shown)
        for measure in order:
            at, values = told_of(world, it.id, measure, known)
            own = float(max(LEAST_COLUMNS, self._graphs[measure].columns))
            shown = Series(at, values, end, own, None, marks, moments.cursor, live)
            self._feed(it, measure, kind, shown)

    def _feed(self, it: Container, measure: str, kind: Kind, shown: Series) -> None:
        graph, subjects = self._graphs[measure], self.pane.model.subjects
        bounding = kind if kind.measure == measure else self._main(measure)
        limits = next((each.limits for each in subjects if each.id == it.id), it.spec.limits)
        whose = f" of {it.name}" if len(subjects) > 1 else ""
        graph.set_title(TITLES[measure] + whose)
        if bounding is not None:
            wanted = self.pane.model.wanted(bounding)
            graph.set_wanted(wanted if isinstance(wanted, float | int) and wanted > 0 else None)
            shown = shown._replace(limit=limit_of(bounding, limits))
        if (looks := curve(shown)) != self._curves.get(measure):
            self._curves[measure] = looks
            graph.set_series(shown)

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
        updates = (self._update(it, changes[it.id], keep=keep) for it in chosen)
        async with self._turn:
            with self.dock_screen.presented():
                self._outcomes = tuple(await asyncio.gather(*updates))
                self.dock_screen.dock.remember_undo(written(self.pane.model.history))
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


def killed_at_its_max(it: Container) -> bool:
    """Of one that ended: not by a lower max than it has now, as far as its peak is known."""
    end, most = it.exit, it.spec.limits.memory or 0
    return (
        end is not None
        and end.oom_killed
        and (not end.peak_memory or end.peak_memory >= most * CLOSE)
    )


def curve(shown: Series) -> object:
    """All that a graph would paint of a series."""
    columns = int(shown.seconds)
    over = window(shown.end, shown.seconds, columns)
    values = laid_out(shown.at, shown.values, over, columns)
    marks = [(over.column(it.at, columns), it.sign) for it in shown.happenings]
    seen = [mark for mark in marks if mark[0] >= 0]
    return columns, values, shown.values[-1:], shown.limit, seen, shown.cursor, shown.live
