"""Detail: a frame of tabs about one thing; only the tab in view does any work.

A tab is a widget with `show(subject)`; `wake` and `sleep` bracket the time it is looked at.
Invariant: a tab that is out of sight holds no feed of the engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import ContentSwitcher

from tuidock.engine.errors import ContainerNotFound, WrongStatus
from tuidock.engine.types import Container, Status
from tuidock.screens.later import Later
from tuidock.turns import OPENING
from tuidock.verbs import in_scope
from tuidock.widgets.paint import chosen
from tuidock.world import World

if TYPE_CHECKING:
    from tuidock.screens.base import DockScreen
    from tuidock.screens.listing import ListPane
    from tuidock.screens.lists import ListScreen


class Tab(Vertical, can_focus=False):
    """One page of a `Detail`. `subject` is whatever the detail is about, None for nothing."""

    TITLE = ""
    HOT = ""
    """CSS selector of the widget that takes the focus."""
    SCOPE = ""
    """Of verbs that are heard in here alone."""
    FOLDS = False
    """There are branches to fold."""

    DEFAULT_CSS = """
    Tab { height: 1fr; background: $background; }
    """

    class Retitled(Message):
        """`about` is different."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self.subject: Any = None
        self.awake = False
        self.about = ""
        """What it shows when that is not its subject, for the frame."""

    def entitle(self, about: str) -> None:
        """Say in the frame what is shown; nothing: the subject."""
        if about != self.about:
            self.about = about
            self.post_message(self.Retitled())

    @property
    def dock_screen(self) -> DockScreen:
        return cast("DockScreen", self.screen)

    def look_at(self, subject: Any) -> None:
        """Take the subject; show it when awake."""
        before, self.subject = self.subject, subject
        if self.awake:
            self.show(subject, before)

    def wake(self) -> None:
        if not self.awake:
            self.awake = True
            self.show(self.subject, None)

    def sleep(self) -> None:
        self.awake = False
        self.workers.cancel_node(self)

    def show(self, subject: Any, before: Any) -> None:
        """Show the subject; `before` is the one shown until now, None after waking up."""

    @contextmanager
    def looking(self) -> Iterator[None]:
        """For what a tab reads by itself: a container that ends or goes meanwhile is no error,
        and the World tells of it.
        """
        with self.dock_screen.presented(), suppress(ContainerNotFound, WrongStatus):
            yield

    def idle(self, it: Container) -> str:
        """Why there is nothing to see of a container, and which key changes that."""
        frozen = it.status is Status.PAUSED
        state = {Status.CREATED: "It never ran", Status.PAUSED: "It is paused"}
        key = self.dock_screen.key_of("container.freeze" if frozen else "container.power")
        verb = "unpauses" if frozen else "starts"
        return f"{state.get(it.status, 'It does not run')}: {key} {verb} it."

    def tick(self, world: World) -> None:
        """New samples are here."""

    def point(self, at: float) -> None:
        """Look at a moment, where one has its place; seconds since the epoch."""

    @property
    def listing(self) -> ListPane | None:
        """The list in here, for the keys that every list has."""
        return None

    def step_back(self) -> bool:
        """One level back in here; False when there is none."""
        return self.listing is not None and self.listing.clear_filter()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey what changes something where nothing may change."""
        here = (verb for verb in in_scope(self.SCOPE) if verb.action == action)
        changes = any(verb.alters for verb in here)
        return None if changes and self.dock_screen.dock.read_only else True

    def yankable(self) -> list[tuple[str, str]]:
        """(word, text) of what can be copied in here; none: what its container has."""
        return []

    def fold_all(self) -> None:
        """Fold all branches, or unfold them."""

    def take_focus(self) -> None:
        """Put the focus where keys make sense."""
        hot = self.query(self.HOT).first() if self.HOT and self.query(self.HOT) else None
        (hot or self).focus()


class Detail(Vertical):
    """Tabs in the frame's title; a click or `[` and `]` change them."""

    DEFAULT_CSS = """
    Detail {
        border: round $border-blurred;
        border-title-color: $quiet;
        border-subtitle-color: $quiet;
        link-color: $quiet; link-style: none; link-style-hover: none;
        background: $background;
        &:focus-within { border: round $border; }
        & > ContentSwitcher { height: 1fr; }
    }
    """
    active: reactive[str] = reactive("", init=False)

    class Changed(Message):
        """Another tab is in view."""

    class LogWanted(Message):
        """Somebody wants to read what was written at a moment."""

        def __init__(self, at: float) -> None:
            super().__init__()
            self.at = at

    def __init__(
        self,
        kinds: Mapping[str, type[Tab] | Later],
        *,
        id: str | None = None,
        first: str = "",
        hint: str = "",
    ) -> None:
        """`first` is the tab that it opens with; `hint` a label for a frame without its own."""
        super().__init__(id=id)
        self._kinds, self.hint = kinds, hint
        self._tabs: dict[str, Tab] = {}
        self._order = list(kinds)
        self._first = first or self._order[0]
        self._label = ""
        self._framed: tuple[str, ...] = ()
        self._opening = ""
        """The tab that is being made."""
        self._focus_asked = False
        """The tab that is being made gets the focus."""
        self._subject: Any = None

    def compose(self) -> ComposeResult:
        """The first tab alone; each of the others comes when it is first opened."""
        self._tabs[self._first] = self._kinds[self._first](self._first)
        with ContentSwitcher(initial=self._first):
            yield self._tabs[self._first]

    def on_mount(self) -> None:
        self.active = self._first

    def on_resize(self) -> None:
        self._paint_frame()

    @property
    def tab(self) -> Tab:
        return self._tabs[self.active or self._first]

    def look_at(self, subject: Any, label: str) -> None:
        """Be about another thing, or about the same as it is now."""
        self._subject, self._label = subject, label
        if self._tabs:
            self.tab.look_at(subject)
            self._paint_frame()

    def step(self, by: int) -> None:
        """Go to a neighbouring tab, round the corner at the ends."""
        index = (self._order.index(self._opening or self.active) + by) % len(self._order)
        self.open(self._order[index])

    def open(self, name: str) -> None:
        """Bring a tab into view; the focus goes along when it was in here."""
        self._opening = name
        if name in self._tabs and self._tabs[name].is_mounted:
            self._show_opened()
        else:
            self.run_worker(self._make(name), group=OPENING)

    async def bring(self, name: str) -> Tab:
        """Bring a tab into view, and wait until it is there."""
        self._opening = name
        await self._make(name)
        return self._tabs[name]

    async def _make(self, name: str) -> None:
        if name not in self._tabs:
            tab = self._tabs[name] = self._kinds[name](name)
            tab.display = False
            await self.query_one(ContentSwitcher).mount(tab)
        if name == self._opening:
            self._show_opened()

    def _show_opened(self) -> None:
        inside = self.has_focus_within or self._focus_asked
        self.active, self._opening, self._focus_asked = self._opening, "", False
        if inside:
            self.take_focus()

    def take_focus(self) -> None:
        """Give the keys to the tab in view, or to the one that will be in a moment."""
        if self._opening:
            self._focus_asked = True
        else:
            self.tab.take_focus()

    def watch_active(self, before: str, now: str) -> None:
        if before:
            self._tabs[before].sleep()
        self.query_one(ContentSwitcher).current = now
        self.tab.subject = self._subject
        self.tab.wake()
        self._paint_frame()
        self.post_message(self.Changed())

    def pause(self) -> None:
        """The screen went out of sight."""
        self.tab.sleep()

    def resume(self) -> None:
        self.tab.wake()

    def action_show(self, name: str) -> None:
        """A click on a title."""
        self.dock_screen.show_in(self, name)

    @property
    def dock_screen(self) -> ListScreen:
        return cast("ListScreen", self.screen)

    @on(Tab.Retitled)
    def _paint_frame(self) -> None:
        """A frame is only told what differs: each title it gets paints the whole widget."""
        names, label = self._fitting(), self.tab.about or self._label
        framed = (self.active, label, *names)
        if self._framed == framed:
            return
        self._framed = framed
        self.border_title = Content(" ").join(self._title(name) for name in names)
        self.border_subtitle = Content(label)

    def _fitting(self) -> list[str]:
        """The tabs that have room in the title: from the first on, but always the one in view."""
        names, room = list(self._order), self.outer_size.width - 6
        while len(names) > 1 and sum(self._title(it).cell_length + 1 for it in names) > room:
            del names[0 if names[-1] == self.active else -1]
        return names

    def tab_places(self) -> list[tuple[str, int]]:
        """Name of each tab in the title, and the column where it begins."""
        found, x = [], 3
        for name in self._fitting():
            title = self._title(name)
            inset = title.cell_length - len(title.plain.lstrip())
            found.append((name, x + inset))
            x += title.cell_length + 1
        return found

    def _title(self, name: str) -> Content:
        title = self._kinds[name].TITLE
        if name == self.active:
            style = chosen(self.app.theme_variables)
            return Content.styled(f" {title} ", style)
        return Content.from_markup(f"[@click=show('{name}')]{title}[/]")


def new_life(now: Container, before: Container | None) -> bool:
    """Another container, or the same one started again."""
    return before is None or (now.id, now.started) != (before.id, before.started)
