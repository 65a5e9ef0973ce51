"""The tabs about one container: stats, processes, environment, inspect, shell.

Each follows one thing of the engine while it is looked at. Invariant: a feed is a worker of the
tab, so that it ends when the tab goes to sleep.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, ScrollableContainer
from textual.content import Content
from textual.widgets import Static

from tuidock import format as fmt
from tuidock.engine.types import UP, Container, Sample
from tuidock.screens.detail import Tab
from tuidock.screens.facts import vital_signs
from tuidock.screens.json_tab import JsonTab
from tuidock.widgets.graph import Graph
from tuidock.world import World

GLANCE = 2.0
"""Seconds between two looks at the processes."""


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


class InspectTab(JsonTab):
    """Docker's inspect object."""

    async def fetch(self, subject: Container) -> object:
        return await self.dock_screen.engine.containers.inspect(subject.id)
