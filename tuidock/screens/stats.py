"""The tab about what a container uses: its last day in graphs, and what happened meanwhile.

The black box is read when somebody looks, and then now and again. Invariant: out of sight nothing
is read or drawn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from textual import on, work
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from tuidock import format as fmt
from tuidock.engine.types import UP, Container, History, Sample, Status
from tuidock.screens.detail import Detail, Tab
from tuidock.screens.facts import vital_signs
from tuidock.screens.happenings import happenings, legend, near
from tuidock.screens.past import EVERY, Past, events, past
from tuidock.widgets.timegraph import Happening
from tuidock.widgets.timeline import at_moment
from tuidock.widgets.timelines import Column, Kind, Timelines
from tuidock.world import World

UNRECORDED = "Its past is not kept: no cgroup of yours counts (`tuidock doctor` tells more)."
AGAIN = 240.0
"""Seconds until a black box is read again: what is measured meanwhile is remembered longer."""
KINDS = (
    Kind("cpu", "CPU", fmt.cpu),
    Kind("memory", "Memory", fmt.size, binary=True),
    Kind("traffic", "Network", fmt.rate, binary=True),
    Kind("block", "Block I/O", fmt.rate, binary=True),
    Kind("pressure", "Pressure", fmt.cpu),
    Kind("pids", "Processes", lambda value: f"{value:.0f}"),
)
"""The first ones are seen where there is little room."""


class StatsTab(Tab):
    """CPU, memory and network over a time of your choice, with limits; the rest in words."""

    TITLE = "Stats"
    HOT = "Timelines"

    DEFAULT_CSS = """
    StatsTab > Static { height: auto; padding: 0 1; color: $text-muted; }
    """

    _box: History | None = None
    """The black box that was drawn last."""
    _reach = 0.0
    """Seconds of it that were read."""

    def compose(self) -> ComposeResult:
        yield Timelines(KINDS)
        yield Static(id="legend")
        yield Static(id="signs")

    @property
    def lines(self) -> Timelines:
        return self.query_one(Timelines)

    def show(self, subject: Container | None, before: Container | None) -> None:
        if subject is None or before is None or before.id != subject.id:
            self.lines.cursor = None
        if subject is None:
            self.workers.cancel_node(self)
        elif before is None or _life(subject) != _life(before):
            self.recall(subject)
        if before is None or subject != before:
            self.draw(self.dock_screen.world)

    @work(exclusive=True, group="history", exit_on_error=False)
    async def recall(self, it: Container) -> None:
        """Read as much of its black box as is shown, for as long as it is looked at."""
        with self.looking():
            while True:
                self._reach = self.lines.seconds
                since = self._end(self.dock_screen.world) - self._reach - AGAIN
                await self.dock_screen.dock.feeds.recall(it.id, since)
                if it.status not in UP:
                    return
                await asyncio.sleep(AGAIN)

    def on_resize(self) -> None:
        if self.awake:
            self.draw(self.dock_screen.world)

    def point(self, at: float) -> None:
        """Look at a moment."""
        self.lines.point(at)

    @on(Timelines.Moved)
    def _moved(self) -> None:
        if self.subject is not None and self.lines.seconds > self._reach:
            self.recall(self.subject)
        self.draw(self.dock_screen.world)

    @on(Timelines.Picked)
    def _picked(self, event: Timelines.Picked) -> None:
        event.stop()
        self.dock_screen.post_message(Detail.LogWanted(event.at))

    def tick(self, world: World) -> None:
        box = world.histories.get(self.subject.id) if self.subject else None
        if box is not self._box or self.lines.due(self._end(world)):
            self.draw(world)

    def _is_live(self) -> bool:
        return self.subject is None or self.subject.status in UP

    def _end(self, world: World) -> float:
        """The right edge: now, or the end of its last run."""
        it = self.subject
        if it is not None and not self._is_live() and it.exit is not None:
            return float(it.exit.at)
        return self.dock_screen.dock.now()

    def draw(self, world: World) -> None:
        """Show everything as the World knows it."""
        it = self.subject
        samples = world.samples.get(it.id, ()) if it else ()
        end, lines = self._end(world), self.lines
        self._box = world.histories.get(it.id) if it else None
        named = [graph.id or "" for graph in lines.in_view]
        wanted = EVERY if lines.cursor is not None else named
        found = past(world, it.id, end - lines.seconds - AGAIN, wanted) if it else Past()
        marks = happenings(events(world, it.id)) if it else []
        columns = _columns(found, it, samples)
        lines.show_columns(end, found.at, columns, marks, live=self._is_live())
        told = legend(marks, lines.shown)
        if it is not None and unrecorded(it, self._box, self.dock_screen.dock.now()):
            told += Content.styled(UNRECORDED, "$quiet")
        self.query_one("#legend", Static).update(told)
        self.query_one("#signs", Static).update(self._words(found, marks, samples))

    def _words(self, found: Past, marks: Sequence[Happening], samples: Sequence[Sample]) -> Content:
        if self.lines.cursor is not None:
            return moment(found, marks, self.lines.cursor, self.lines.step)
        if not self._is_live():
            return Content(f"{self.idle(self.subject)} {ending(self.subject)}".rstrip())
        return vital_signs(samples, self.size.width - 2) if samples else Content("measuring …")


def unrecorded(it: Container, box: History | None, now: float) -> bool:
    """Whether its monitor finds nothing to record; a short life it does not record either."""
    return box is not None and not box.at and it.status is Status.RUNNING and now - it.started > 10


def _life(it: Container) -> tuple[object, ...]:
    return it.id, it.started, it.status in UP


def _columns(found: Past, it: Container | None, samples: Sequence[Sample]) -> dict[str, Column]:
    """With the limits that are in force."""
    last = samples[-1] if samples else None
    limits = it.spec.limits if it else None
    bounds = {
        "cpu": last.cpu_limit if last else limits.cpus if limits else None,
        "memory": last.memory_limit if last else limits.memory if limits else None,
        "pids": last.pids_limit if last else limits.pids if limits else None,
    }
    columns = {kind.name: getattr(found, kind.name) for kind in KINDS}
    return {
        name: Column(values, float(bounds.get(name) or 0) or None)
        for name, values in columns.items()
    }


def moment(found: Past, marks: Sequence[Happening], at: float, step: float) -> Content:
    """Everything that is known of a moment."""
    index = at_moment(found.at, at, max(5.0, step))
    parts = [Content.styled(fmt.day_clock(at), "bold $foreground")]
    if index is None:
        parts.append(Content("nothing recorded"))
    else:
        figures = (
            ("cpu", fmt.cpu(found.cpu[index])),
            ("memory", fmt.size(found.memory[index])),
            ("network", fmt.rate(found.traffic[index])),
            ("block", f"r {fmt.rate(found.read[index])} w {fmt.rate(found.write[index])}"),
            ("pids", f"{found.pids[index]:.0f}"),
            ("throttled", f"{found.throttled[index]:.0%}"),
            ("pressure", f"{found.pressure[index]:.0%}"),
        )
        parts += [Content.assemble((w, "$quiet"), " ", (v, "$foreground")) for w, v in figures]
    parts += [Content.styled(mark.words, mark.style) for mark in near(marks, at, step)]
    return Content("   ").join(parts)


def ending(it: Container) -> str:
    """How the container's last run ended, in one sentence; empty for one that never ran."""
    if it.exit is None:
        return ""
    why = "The kernel killed it: out of memory" if it.exit.oom_killed else f"Exit {it.exit.code}"
    peak = f", peak memory {fmt.size(it.exit.peak_memory)}" if it.exit.peak_memory else ""
    return f"{why}, {fmt.moment(it.exit.at)}{peak}."
