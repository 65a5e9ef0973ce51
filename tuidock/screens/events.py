"""What happened: the events of every client of this root, the newest first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import aclosing, suppress
from typing import ClassVar

from textual import work
from textual.binding import BindingType
from textual.content import Content

from tuidock import format as fmt
from tuidock.engine.events import Event
from tuidock.screens.base import bindings
from tuidock.screens.detail import Tab
from tuidock.screens.facts import pairs
from tuidock.screens.later import Later
from tuidock.screens.listing import Item, Value
from tuidock.screens.lists import ListScreen
from tuidock.screens.panes import TextTab
from tuidock.widgets.table import Column
from tuidock.world import World

Attributes = tuple[tuple[str, str], ...]
DAY = 86_400.0
CAUGHT_UP = 0.5
"""Seconds without an event after which the past is told."""
_STYLES = {
    "oom": "$status-failed",
    "die": "$status-exited",
    "kill": "$status-paused",
    "start": "$status-running",
    "create": "$status-created",
}


class EventTab(TextTab):
    """Everything an event says."""

    TITLE = "Event"

    def show(self, subject: Event | None, before: Event | None) -> None:
        if subject is None:
            self.tell(Content())
            return
        rows = [
            ("at", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(subject.at))),
            ("what", f"{subject.kind} {subject.action}"),
            ("name", subject.name),
            ("id", subject.id),
            *subject.attributes,
        ]
        self.tell(pairs(rows))


class EventsScreen(ListScreen):
    """Events."""

    SCOPE = "events"
    BODY = "records"
    BINDINGS: ClassVar[list[BindingType]] = bindings("events", "list")
    TABS: ClassVar[Mapping[str, type[Tab] | Later]] = {"event": EventTab}
    WAYS = (("name", "name"), ("action", "action"), ("kind", "kind"))
    TITLE_TEXT = "Events"
    EMPTY = "Nothing has happened since yesterday."
    COLUMNS: ClassVar[Sequence[Column]] = (
        Column("at", "TIME", 15),
        Column("kind", "KIND", 10),
        Column("action", "ACTION", 24),
        Column("name", "NAME"),
        Column("id", "ID", 12, min_screen=90),
        Column("more", "ATTRIBUTES", min_screen=120),
    )

    def on_mount(self) -> None:
        self.recall()

    @work(exit_on_error=False)
    async def recall(self) -> None:
        """What happened in the day before the interface was opened."""
        found: list[Event] = []
        began = self.dock.now()
        with self.presented(), suppress(TimeoutError):
            async with aclosing(self.engine.events(began - DAY)) as past:  # type: ignore[type-var]
                while not found or found[-1].at < began:
                    async with asyncio.timeout(CAUGHT_UP):
                        found.append(await anext(past))
        self.dock.write(lambda world: world.with_past(found))

    def show(self, world: World, before: World) -> None:
        if world.events is not before.events:
            numbered = enumerate(world.events, world.forgotten)
            items = [_item(str(number), it) for number, it in numbered]
            newest = self._at_newest()
            self.pane.set_items(items[::-1])
            if newest and self.pane.table.rows:
                self.pane.table.cursor_key = self.pane.table.rows[0].key
            self.look()

    def _at_newest(self) -> bool:
        """Whoever looks at the newest follows; whoever went elsewhere stays there."""
        table = self.pane.table
        return not table.rows or table.cursor_key == table.rows[0].key

    def action_go_there(self) -> None:
        """To the container that it happened to."""
        it, _ = self.subject()
        if it is None:
            return
        if it.id in self.world.containers:
            self.dock.go_to(it.id)
        else:
            self.notify(f"{it.name or it.id} is gone", title="Nowhere to go", markup=False)

    def subject(self) -> tuple[Event | None, str]:
        index = int(self.pane.cursor_key or -1) - self.world.forgotten
        if not 0 <= index < len(self.world.events):
            return None, ""
        it = self.world.events[index]
        return it, it.name or fmt.short_id(it.id)

    def yankable(self) -> list[tuple[str, str]]:
        it, _ = self.subject()
        return [("name", it.name), ("id", it.id)] if it else []


def _own_first(attributes: Attributes) -> Attributes:
    """What this event alone says, before labels and image, which all of its container say."""
    names = [name for name, _ in attributes]
    common = names.index("image") + 1 if "image" in names else 0
    return attributes[common:] + attributes[:common]


def _item(key: str, it: Event) -> Item:
    clock = fmt.day_clock(it.at)
    more = " ".join(f"{name}={value}" for name, value in _own_first(it.attributes))
    action = Content.styled(it.action, _STYLES.get(it.action, "$foreground"))
    cells = (clock, it.kind, action, it.name, fmt.short_id(it.id), more)
    order: dict[str, Value] = {"at": it.at, "kind": it.kind, "action": it.action, "name": it.name}
    facts: dict[str, str | float] = {"kind": it.kind, "action": it.action, "name": it.name}
    text = f"{it.kind} {it.action} {it.name} {more}"
    return Item(key, cells, text, order, facts=facts, labels=dict(it.attributes))
