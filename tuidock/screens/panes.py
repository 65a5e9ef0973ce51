"""The tabs about one container: logs, stats, processes, environment, inspect, shell.

Each follows one thing of the engine while it is looked at. Invariant: a feed is a worker of the
tab, so that it ends when the tab goes to sleep.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, ScrollableContainer
from textual.content import Content
from textual.widgets import Static

from tuidock import format as fmt
from tuidock.engine.types import UP, Container, LogQuery, Process, Sample
from tuidock.screens.detail import Tab
from tuidock.screens.facts import environment, json_text, vital_signs
from tuidock.screens.merged import banner, merged
from tuidock.widgets.graph import Graph
from tuidock.widgets.logview import LogView
from tuidock.widgets.table import Column, LiveTable, Row
from tuidock.world import World

TAIL = 20_000
"""Lines read of a log that has no files to index."""
GLANCE = 2.0
"""Seconds between two looks at the processes."""


class LogsTab(Tab):
    """What the container wrote, and writes."""

    TITLE = "Logs"
    HOT = "LogView"

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self._merged: Sequence[Container] = ()
        """Containers whose logs are shown as one; then the cursor moves nothing."""

    def compose(self) -> ComposeResult:
        yield LogView(now=lambda: self.dock_screen.dock.now())

    def show(self, subject: Container | None, before: Container | None) -> None:
        view = self.query_one(LogView)
        if self._merged:
            if before is None:
                self.follow_all(self._merged, view)
        elif subject is None:
            view.clear()
            self.workers.cancel_node(self)
        elif _new_life(subject, before):
            self.follow(subject, view)

    @work(exclusive=True, group="logs", exit_on_error=False)
    async def follow(self, it: Container, view: LogView) -> None:
        """Show the end of the log, then every line as it comes."""
        view.clear()
        view.title, view.banner = it.name, ""
        with self.dock_screen.presented():
            containers = self.dock_screen.engine.containers
            indexed = await _index(view, await containers.log_files(it.id))
            query = LogQuery(follow=True, tail=0 if indexed else TAIL)
            async for lines in containers.logs(it.id, query):
                if indexed:
                    view.grown()
                else:
                    view.append(lines)
                    await view.drained()

    def tick(self, world: World) -> None:
        """A container that was started again has a stream again."""
        now = [world.containers.get(it.id, it) for it in self._merged]
        if any(_new_life(fresh, it) for fresh, it in zip(now, self._merged, strict=True)):
            self._merged = now
            self.follow_all(now, self.query_one(LogView))

    @on(LogView.MergeWanted)
    def _merge_wanted(self, event: LogView.MergeWanted) -> None:
        """All marked containers, or all of them, in one; or back to one alone."""
        event.stop()
        self._merged = () if self._merged else self.dock_screen.crowd()
        self.show(self.subject, None)

    @work(exclusive=True, group="logs", exit_on_error=False)
    async def follow_all(self, chosen: Sequence[Container], view: LogView) -> None:
        """Show the logs of several containers by time."""
        view.clear()
        view.title, view.banner = "merged", banner(chosen)
        with self.dock_screen.presented():
            lines = merged(self.dock_screen.engine.containers, chosen)
            async with aclosing(lines):
                async for batch in lines:
                    view.append(batch)
                    await view.drained()


async def _index(view: LogView, files: Sequence[str]) -> bool:
    """Let the view read the files itself, however large; False when there are none (any more)."""
    try:
        await view.open(files)
    except OSError:
        return False
    return bool(files)


def _new_life(now: Container, before: Container | None) -> bool:
    """Another container, or the same one started again."""
    return before is None or (now.id, now.started) != (before.id, before.started)


class StatsTab(Tab):
    """CPU and memory over the last minutes, each with its limit; the other measures in words."""

    TITLE = "Stats"

    DEFAULT_CSS = """
    StatsTab {
        & > Horizontal { height: 1fr; }
        & Graph { width: 1fr; background: $background; margin: 0 1; }
        & > #signs { height: auto; padding: 0 1; color: $text-muted; }
    }
    """

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Graph("CPU", show=fmt.cpu, id="cpu")
            yield Graph("Memory", show=fmt.size, binary=True, id="memory")
        yield Static(id="signs")

    def show(self, subject: Container | None, before: Container | None) -> None:
        self.tick(self.dock_screen.world)

    def tick(self, world: World) -> None:
        past = world.samples.get(self.subject.id, ()) if self.subject else ()
        live = self.subject is None or self.subject.status in UP
        draw(past, self.query_one("#cpu", Graph), self.query_one("#memory", Graph), live=live)
        self.query_one("#signs", Static).update(self._signs(past, live=live))

    def _signs(self, past: Sequence[Sample], *, live: bool) -> Content:
        if not live:
            return Content(f"{self.idle(self.subject)} {ending(self.subject)}".rstrip())
        return vital_signs(past) if past else Content("measuring …")


def ending(it: Container) -> str:
    """How the container's last run ended, in one sentence; empty for one that never ran."""
    if it.exit is None:
        return ""
    why = "The kernel killed it: out of memory" if it.exit.oom_killed else f"Exit {it.exit.code}"
    peak = f", peak memory {fmt.size(it.exit.peak_memory)}" if it.exit.peak_memory else ""
    return f"{why}, {fmt.moment(it.exit.at)}{peak}."


def draw(past: Sequence[Sample], cpu: Graph, memory: Graph, *, live: bool = True) -> None:
    """Samples, oldest first, as two graphs with the limits of the newest."""
    last = past[-1] if past else None
    cpu.set_data([it.cpu for it in past], last.cpu_limit if last else None, live=live)
    limit = float(last.memory_limit) if last and last.memory_limit else None
    memory.set_data([float(it.memory) for it in past], limit, live=live)


class TopTab(Tab):
    """The processes, as the host sees them."""

    TITLE = "Processes"
    HOT = "LiveTable"
    COLUMNS: ClassVar[Sequence[Column]] = (
        Column("pid", "PID", 8, "right"),
        Column("parent", "PPID", 8, "right", 100),
        Column("user", "USER", 8),
        Column("state", "S", 2),
        Column("cpu", "TIME", 9, "right"),
        Column("memory", "MEM", 8, "right"),
        Column("command", "COMMAND"),
    )

    def compose(self) -> ComposeResult:
        yield LiveTable(self.COLUMNS, empty="")

    def show(self, subject: Container | None, before: Container | None) -> None:
        if subject is None or subject.status not in UP:
            self.workers.cancel_node(self)
            table = self.query_one(LiveTable)
            table.set_empty(f"No processes. {self.idle(subject)}" if subject else "")
            table.set_rows([])
        elif _new_life(subject, before):
            self.follow(subject)

    @work(exclusive=True, group="top", exit_on_error=False)
    async def follow(self, it: Container) -> None:
        """Look at the processes again and again."""
        table = self.query_one(LiveTable)
        with self.dock_screen.presented():
            while True:
                found = await self.dock_screen.engine.containers.top(it.id)
                table.set_rows([_process(process) for process in found])
                await asyncio.sleep(GLANCE)


def _process(it: Process) -> Row:
    minutes, seconds = divmod(it.cpu_seconds, 60)
    cells = (
        str(it.pid),
        str(it.parent),
        it.user,
        it.state,
        f"{int(minutes)}:{seconds:05.2f}",
        fmt.size(it.memory),
        it.command,
    )
    return Row(str(it.pid), cells)


class TextTab(Tab):
    """Text that scrolls."""

    HOT = "ScrollableContainer"

    DEFAULT_CSS = """
    TextTab > ScrollableContainer {
        height: 1fr; padding: 0 1; background: $background; scrollbar-size: 1 1;
    }
    TextTab Static { width: auto; height: auto; }
    """

    def compose(self) -> ComposeResult:
        with ScrollableContainer(can_focus=True):
            yield Static()

    def tell(self, content: Content) -> None:
        self.query_one(Static).update(content)


class EnvTab(TextTab):
    """What it was asked to be: command, environment, ports, mounts, labels."""

    TITLE = "Env"

    def show(self, subject: Container | None, before: Container | None) -> None:
        if subject != before:
            self.tell(environment(subject) if subject else Content())


class InspectTab(TextTab):
    """Docker's inspect object."""

    TITLE = "Inspect"

    def show(self, subject: Container | None, before: Container | None) -> None:
        if subject is None:
            self.tell(Content())
        elif subject != before:
            self.read(subject)

    @work(exclusive=True, group="inspect", exit_on_error=False)
    async def read(self, it: Container) -> None:
        with self.dock_screen.presented():
            self.tell(json_text(await self.dock_screen.engine.containers.inspect(it.id)))
