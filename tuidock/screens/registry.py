"""A registry, read without pulling: repositories, their tags, and what a pull would fetch.

Invariant: each of the three parts shows what belongs to the row chosen in the part before; an
answer that comes too late is dropped with its worker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container as Box
from textual.content import Content

from tuidock import format as fmt
from tuidock.engine.errors import EngineError, ImageNotFound
from tuidock.engine.types import RemoteImage
from tuidock.screens import flows
from tuidock.screens.base import bindings
from tuidock.screens.detail import Tab
from tuidock.screens.details import Details
from tuidock.screens.facts import pairs
from tuidock.screens.later import Later
from tuidock.screens.listing import Item, ListPane
from tuidock.screens.lists import ListScreen
from tuidock.screens.panes import TextTab
from tuidock.widgets.dialogs import Ask
from tuidock.widgets.graph import gauge
from tuidock.widgets.table import Column, LiveTable
from tuidock.world import World

SETTLE = 0.15
"""Seconds the cursor must rest before the registry is asked."""
HUB = "docker.io"
Described = RemoteImage | EngineError | None


def address(text: str) -> tuple[str, str]:
    """(host, repository) of what was typed; one of them may be missing."""
    first, slash, rest = text.strip().strip("/").partition("/")
    is_host = first == "localhost" or "." in first or ":" in first
    if is_host:
        return first, rest
    return HUB, f"{first}/{rest}" if slash else f"library/{first}"


class DescribeTab(TextTab):
    """What a pull of the tag would fetch."""

    TITLE = "Description"

    def show(self, subject: Described, before: Described) -> None:
        if isinstance(subject, EngineError):
            self.tell(pairs([("error", subject.message), ("", subject.hint)]))
        else:
            self.tell(_description(subject) if subject else Content())


class RegistryScreen(ListScreen):
    """Repositories, tags, description."""

    SCOPE = "registry"
    BINDINGS: ClassVar[list[BindingType]] = bindings("registry", "list")
    TABS: ClassVar[Mapping[str, type[Tab] | Later]] = {"describe": DescribeTab}
    host = ""
    described: Described = None
    """What the tag is, or why nobody can tell."""

    def compose_body(self) -> ComposeResult:
        with Box(id="body", classes="registry"):
            names = (Column("name", "REPOSITORY"),)
            yield ListPane("Repositories", names, empty="", id="list")
            yield ListPane("Tags", (Column("tag", "TAG"),), empty="", id="tags")
            yield Details(self.TABS, id="details")

    def on_mount(self) -> None:
        first = self.dock.config.registries[:1]
        self.go(first[0] if first else HUB)

    @property
    def repositories(self) -> ListPane:
        return self.query_one("#list", ListPane)

    @property
    def tags(self) -> ListPane:
        return self.query_one("#tags", ListPane)

    @property
    def pane(self) -> ListPane:
        """The list that list keys mean."""
        return self.tags if self.tags.has_focus_within else self.repositories

    @property
    def repository(self) -> str:
        return f"{self.host}/{self.repositories.cursor_key}"

    @property
    def reference(self) -> str:
        """The chosen tag in full, empty without one."""
        tag = self.tags.cursor_key
        return f"{self.repository}:{tag}" if tag and self.repositories.cursor_key else ""

    def show(self, world: World, before: World) -> None:
        """A finished pull changes what is here already."""
        if world.images is not before.images and self.reference and before.loaded:
            self.read_description()

    def _make_room(self) -> None:
        """Its three parts stand side by side."""

    def subject(self) -> tuple[Described, str]:
        return self.described, fmt.reference(self.reference)

    def yankable(self) -> list[tuple[str, str]]:
        found = [("name", self.reference)] if self.reference else []
        if isinstance(self.described, RemoteImage):
            found.append(("digest", self.described.digest))
        return found

    # --- asking -----------------------------------------------------------------------------

    def go(self, text: str) -> None:
        """Look into a registry, or at one repository."""
        self.host, repository = address(text)
        self.repositories.title = self.host
        self.tags.set_items([])
        self._describe(None)
        if repository:
            self._list_repositories([repository])
        else:
            self.read_catalog()

    @work(exclusive=True, group="catalog", exit_on_error=False)
    async def read_catalog(self) -> None:
        pane = self.repositories
        pane.set_items([])
        pane.say("asking …")
        try:
            with self.bugs_presented():
                self._list_repositories(await self.engine.registry.catalog(self.host))
        except EngineError as error:
            self._complain(pane, error)

    def _list_repositories(self, names: list[str]) -> None:
        pane = self.repositories
        pane.say("no repositories")
        pane.set_items([Item(it, (it,), it, {"name": it}) for it in names])
        self.read_tags()

    @work(exclusive=True, group="tags", exit_on_error=False)
    async def read_tags(self) -> None:
        pane = self.tags
        pane.set_items([])
        if not self.repositories.cursor_key:
            return
        self._describe(None)
        pane.say("asking …")
        await asyncio.sleep(SETTLE)
        try:
            with self.bugs_presented():
                names = await self.engine.registry.tags(self.repository)
                pane.say("no tags")
                pane.set_items([Item(it, (it,), it, {"tag": it}) for it in names])
        except EngineError as error:
            self._complain(pane, error)
            return
        self.read_description()

    def _complain(self, pane: ListPane, error: EngineError) -> None:
        """In the list that stays empty, and with room for all words beside it."""
        pane.say("no answer")
        self._describe(error)

    @work(exclusive=True, group="describe", exit_on_error=False)
    async def read_description(self) -> None:
        if not self.reference:
            return
        await asyncio.sleep(SETTLE)
        try:
            with self.bugs_presented():
                self._describe(await self.engine.registry.describe(self.reference))
        except EngineError as error:
            self._describe(error)

    def _describe(self, it: Described) -> None:
        self.described = it
        self.look()

    # --- moving -----------------------------------------------------------------------------

    @on(LiveTable.Highlighted, "#list LiveTable")
    def _repository_highlighted(self) -> None:
        self.read_tags()

    @on(LiveTable.Highlighted, "#tags LiveTable")
    def _tag_highlighted(self) -> None:
        self.read_description()

    @on(LiveTable.Selected, "#tags LiveTable")
    def _tag_selected(self) -> None:
        self.action_drill()

    def action_drill(self) -> None:
        """Repositories, tags, description."""
        if self.repositories.has_focus_within:
            self.tags.table.focus()
        elif self.tags.has_focus_within:
            self.detail.take_focus()

    def go_back(self) -> bool:
        if self.pane.clear_filter():
            return True
        if self.detail.has_focus_within:
            self.tags.table.focus()
            return True
        if self.tags.has_focus_within:
            self.repositories.table.focus()
            return True
        return False

    # --- verbs ------------------------------------------------------------------------------

    @work(group="dialog", exit_on_error=False)
    async def action_address(self) -> None:
        """Another registry, or a repository by name."""
        answer = await self.app.push_screen_wait(
            Ask("Registry or repository", placeholder="localhost:5000   ghcr.io/team/app   debian")
        )
        if answer and answer.strip():
            self.go(answer)

    @work(group="dialog", exit_on_error=False)
    async def action_pull(self) -> None:
        if self.reference:
            await flows.pull(self, self.reference)

    @work(group="dialog", exit_on_error=False)
    async def action_run_image(self) -> None:
        """Pull when it is not here, then ask how to run it."""
        reference = self.reference
        if not reference:
            return
        with self.presented():
            try:
                image = await self.engine.images.get(reference)
            except ImageNotFound:
                await flows.pull(self, reference)
                image = await self.engine.images.get(reference)
            await flows.run(self, image)


def _description(it: RemoteImage) -> Content:
    total = sum(layer.size for layer in it.layers)
    missing = sum(layer.size for layer in it.layers if not layer.present)
    fetch = "nothing, all layers are here" if not missing else fmt.size(missing)
    rows = [
        ("digest", it.digest),
        ("created", fmt.moment(it.created)),
        ("platforms", "  ".join(str(platform) for platform in it.platforms)),
        ("size", fmt.size(total)),
        ("a pull gets", fetch),
    ]
    largest = max((layer.size for layer in it.layers), default=0) or 1
    lines = [
        Content.assemble(
            ("● here " if layer.present else "○      ", "$status-running"),
            f"{fmt.short_id(layer.digest)} {fmt.size(layer.size):>7} ",
            gauge(layer.size / largest, 16, style="$primary"),
        )
        for layer in it.layers
    ]
    return Content("\n").join([pairs(rows), Content(""), *lines])
