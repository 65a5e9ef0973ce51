"""Detail: a frame of tabs about one thing; only the tab in view does any work.

A tab is a widget with `show(subject)`; `wake` and `sleep` bracket the time it is looked at.
Invariant: a tab that is out of sight holds no feed of the engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import ContentSwitcher

from tuidock.engine.types import Container, Status
from tuidock.world import World

if TYPE_CHECKING:
    from tuidock.screens.base import DockScreen


class Tab(Vertical, can_focus=False):
    """One page of a `Detail`. `subject` is whatever the detail is about, None for nothing."""

    TITLE = ""
    HOT = ""
    """CSS selector of the widget that takes the focus."""

    DEFAULT_CSS = """
    Tab { height: 1fr; background: $background; }
    """

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self.subject: Any = None
        self.awake = False

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

    def idle(self, it: Container) -> str:
        """Why there is nothing to see of a container, and which key changes that."""
        frozen = it.status is Status.PAUSED
        state = {Status.CREATED: "It never ran", Status.PAUSED: "It is paused"}
        key = self.dock_screen.key_of("container.freeze" if frozen else "container.power")
        verb = "unpauses" if frozen else "starts"
        return f"{state.get(it.status, 'It does not run')}: {key} {verb} it."

    def tick(self, world: World) -> None:
        """New samples are here."""

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

    def __init__(self, tabs: Mapping[str, Tab], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._tabs = dict(tabs)
        self._order = list(tabs)
        self._label = ""
        self._framed = ("", "")
        self._whole = False
        self._subject: Any = None

    def compose(self) -> ComposeResult:
        """The first tab alone; the others come once it can be seen, so that it is seen sooner."""
        with ContentSwitcher(initial=self._order[0]):
            yield self._tabs[self._order[0]]

    def on_mount(self) -> None:
        self.active = self._order[0]

    @property
    def tab(self) -> Tab:
        return self._tabs[self.active or self._order[0]]

    def look_at(self, subject: Any, label: str) -> None:
        """Be about another thing, or about the same as it is now."""
        self._subject, self._label = subject, label
        if not self._whole:
            self._whole = True
            self.call_after_refresh(self._mount_others)
        self.tab.look_at(subject)
        self._paint_frame()

    async def _mount_others(self) -> None:
        others = [tab for tab in self._tabs.values() if not tab.is_attached]
        for tab in others:
            tab.display = False
        await self.query_one(ContentSwitcher).mount(*others)

    def step(self, by: int) -> None:
        """Go to a neighbouring tab, round the corner at the ends."""
        index = (self._order.index(self.active) + by) % len(self._order)
        self.open(self._order[index])

    def open(self, name: str) -> None:
        """Bring a tab into view; the focus goes along when it was in here."""
        if not self._tabs[name].is_mounted:
            self.call_later(self.open, name)
            return
        inside = self.has_focus_within
        self.active = name
        if inside:
            self.take_focus()

    def take_focus(self) -> None:
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

    def _paint_frame(self) -> None:
        """A frame is only told what differs: each title it gets paints the whole widget."""
        if self._framed == (self.active, self._label):
            return
        self._framed = (self.active, self._label)
        parts = [self._title(name) for name in self._order]
        self.border_title = Content(" ").join(parts)
        self.border_subtitle = Content(self._label)

    def _title(self, name: str) -> Content:
        title = self._tabs[name].TITLE
        if name == self.active:
            style = "bold $block-cursor-foreground on $block-cursor-background"
            return Content.styled(f" {title} ", style)
        return Content.from_markup(f"[@click=screen.show('{name}')]{title}[/]")


def new_life(now: Container, before: Container | None) -> bool:
    """Another container, or the same one started again."""
    return before is None or (now.id, now.started) != (before.id, before.started)
