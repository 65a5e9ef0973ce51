"""The limits of a running container: ask the pane, call the engine, undo."""

from __future__ import annotations

from textual import on, work
from textual.app import ComposeResult

from tuidock.engine.types import Container, Limits
from tuidock.screens.detail import Tab
from tuidock.widgets.limits import LimitsPane


class LimitsTab(Tab):
    """Limits that can be changed while it runs, with its present use beside them."""

    TITLE = "Limits"
    HOT = "LimitsPane"

    def compose(self) -> ComposeResult:
        yield LimitsPane()

    def show(self, subject: Container | None, before: Container | None) -> None:
        pane = self.query_one(LimitsPane)
        if subject is None:
            return
        if before is None or (subject.id, subject.spec.limits) != (before.id, before.spec.limits):
            pane.set_limits(subject.spec.limits)

    @on(LimitsPane.Changed)
    def _limits_changed(self, event: LimitsPane.Changed) -> None:
        event.stop()
        if isinstance(self.subject, Container):
            self.apply(self.subject, event.limits)

    @work(group="limits", exit_on_error=False)
    async def apply(self, it: Container, limits: Limits) -> None:
        """Change the limits; when the kernel refuses, show again what is in force."""
        with self.dock_screen.presented():
            await self.dock_screen.engine.containers.update(it.id, limits)
            return
        self.query_one(LimitsPane).set_limits(it.spec.limits)
