"""The limits of a running container: ask the pane, call the engine, watch the graphs answer."""

from __future__ import annotations

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll

from tuidock import format as fmt
from tuidock.engine.errors import EngineError
from tuidock.engine.types import UP, Container, Limits
from tuidock.screens.detail import Tab
from tuidock.screens.panes import draw
from tuidock.widgets.graph import Graph
from tuidock.widgets.limits import LimitsPane
from tuidock.world import World


class LimitsTab(Tab):
    """Limits on the left; what they do to CPU and memory on the right."""

    TITLE = "Limits"
    HOT = "LimitsPane"

    DEFAULT_CSS = """
    LimitsTab {
        & VerticalScroll { width: 1fr; }
        & Vertical { width: 1fr; }
        & LimitsPane { background: $background; }
        & Graph { background: $background; margin: 0 1; }
    }
    """

    def compose(self) -> ComposeResult:
        with Horizontal():
            with VerticalScroll(can_focus=False):
                yield LimitsPane()
            with Vertical():
                yield Graph("CPU", show=fmt.cpu, id="cpu")
                yield Graph("Memory", show=fmt.size, binary=True, id="memory")

    @property
    def pane(self) -> LimitsPane:
        return self.query_one(LimitsPane)

    def show(self, subject: Container | None, before: Container | None) -> None:
        """Limits in force are told only when they differ: telling ends what is being typed."""
        if subject is None or before is None or subject.id != before.id:
            self.pane.clear()
            before = None
            if subject is not None:
                self.pane.set_samples(self.dock_screen.world.samples.get(subject.id, ()))
        if subject is not None and (before is None or subject.spec.limits != before.spec.limits):
            self.pane.set_limits(subject.spec.limits)
        self.tick(self.dock_screen.world)

    def tick(self, world: World) -> None:
        past = world.samples.get(self.subject.id, ()) if self.subject else ()
        live = self.subject is None or self.subject.status in UP
        draw(past, self.query_one("#cpu", Graph), self.query_one("#memory", Graph), live=live)
        if past and live:
            self.pane.set_sample(past[-1])

    @on(LimitsPane.Changed)
    def _limits_changed(self, event: LimitsPane.Changed) -> None:
        event.stop()
        if isinstance(self.subject, Container):
            self.apply(self.subject, event.limits)

    @work(group="limits", exit_on_error=False)
    async def apply(self, it: Container, limits: Limits) -> None:
        """Change the limits; a refusal stands beside the limit it is about."""
        try:
            with self.dock_screen.bugs_presented():
                await self.dock_screen.engine.containers.update(it.id, limits)
        except EngineError as error:
            self.pane.refuse(it.spec.limits, error.message)
            self.dock_screen.present(error)
