"""The tab about how a container is made, with the kernel's own figures as they move."""

from __future__ import annotations

from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from tuidock.anatomy_lines.sections import Past, Sections, arranged, standing, values
from tuidock.engine.anatomy import Anatomy, Living
from tuidock.engine.types import UP, Container
from tuidock.screens.detail import Tab
from tuidock.widgets.outline import Outline
from tuidock.world import World


class SearchLine(Input):
    """Where it is typed what to look for; it takes effect while typing."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel", show=False)]

    class Cancelled(Message):
        """Escape: forget it."""

    def __init__(self) -> None:
        super().__init__(placeholder="look for …", compact=True)

    def action_cancel(self) -> None:
        self.post_message(self.Cancelled())


class AnatomyTab(Tab):
    """How the container is made: its birth, and what the kernel says of it now."""

    TITLE = "Anatomy"
    HOT = "Outline"

    DEFAULT_CSS = """
    AnatomyTab {
        & > Outline { height: 1fr; }
        & > SearchLine { display: none; height: 1; background: $panel; padding: 0 1; }
        &.-searching > SearchLine { display: block; }
    }
    """

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self._shown: Living | None = None
        self._past: Past = {}
        """Values as they were until the last look."""
        self._known: Anatomy | None = None
        self._standing: Sections = {}
        """Its sections that stay as they are."""

    def compose(self) -> ComposeResult:
        yield Outline(("container", "host"))
        yield SearchLine()

    @property
    def outline(self) -> Outline:
        return self.query_one(Outline)

    # --- facts come down ------------------------------------------------------------------------

    def show(self, subject: Container | None, before: Container | None) -> None:
        if subject is None:
            self.workers.cancel_node(self)
            self.outline.set_items([])
        elif before is None or _life(subject) != _life(before):
            self._shown, self._past = None, {}
            self.look(subject)
        self.tick(self.dock_screen.world)

    @work(exclusive=True, group="anatomy", exit_on_error=False)
    async def look(self, it: Container) -> None:
        """Have the World know it for as long as this can be seen."""
        with self.looking():
            await self.dock_screen.dock.feeds.dissect(it.id, lives=it.status in UP)

    def tick(self, world: World) -> None:
        it = self.subject
        if it is None or world.anatomy is None or world.anatomy.id != it.id:
            self.outline.set_items([])
            return
        if world.anatomy is not self._known:
            self._known, self._standing = world.anatomy, standing(it, world.anatomy)
        living = world.living if world.living and world.living.id == it.id else None
        if living is not self._shown:
            self._past = values(self.outline.items) if self._shown else {}
            self._shown = living
        idle = "" if it.status in UP else self.idle(it)
        self.outline.set_items(arranged(self._standing, living, self._past, idle))

    # --- search ---------------------------------------------------------------------------------

    @on(Outline.SearchWanted)
    def _search_wanted(self, event: Outline.SearchWanted) -> None:
        event.stop()
        self.add_class("-searching")
        self.query_one(SearchLine).focus()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.outline.search(event.value)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self._end_search(keep=bool(event.value))

    @on(SearchLine.Cancelled)
    def _cancelled(self, event: SearchLine.Cancelled) -> None:
        event.stop()
        self._end_search(keep=False)

    def _end_search(self, *, keep: bool) -> None:
        line = self.query_one(SearchLine)
        if not keep:
            line.value = ""
        self.remove_class("-searching")
        self.outline.focus()

    @on(Outline.Leave)
    def _leave(self, event: Outline.Leave) -> None:
        event.stop()
        self.dock_screen.go_back()


def _life(it: Container) -> tuple[object, ...]:
    """What makes another look at everything necessary."""
    return it.id, it.started, it.status, it.spec.limits
