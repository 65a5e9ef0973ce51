"""The local store: images by tag, their layers, who uses them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content

from tuidock import format as fmt
from tuidock.engine.types import Image
from tuidock.screens import flows
from tuidock.screens.base import bindings
from tuidock.screens.detail import Tab
from tuidock.screens.facts import pairs
from tuidock.screens.json_tab import JsonTab
from tuidock.screens.later import Later
from tuidock.screens.listing import Item, Value
from tuidock.screens.lists import ListScreen
from tuidock.screens.panes import TextTab
from tuidock.widgets.dialogs import Ask, Confirm
from tuidock.widgets.graph import gauge
from tuidock.widgets.table import Column, LiveTable, Row
from tuidock.world import World

UNTAGGED = "<none>"


class LayersTab(Tab):
    """The layers, lowest first, each with its share of the image."""

    TITLE = "Layers"
    HOT = "LiveTable"
    COLUMNS: ClassVar[Sequence[Column]] = (
        Column("number", "#", 3, "right"),
        Column("digest", "DIGEST", 12),
        Column("size", "SIZE", 7, "right"),
        Column("share", "SHARE", 16),
        Column("by", "CREATED BY"),
    )

    def compose(self) -> ComposeResult:
        yield LiveTable(self.COLUMNS, empty="no layers")

    def show(self, subject: Image | None, before: Image | None) -> None:
        layers = subject.layers if subject else ()
        largest = max((it.size for it in layers), default=0) or 1
        rows = [
            Row(
                f"{number}",
                (
                    str(number),
                    fmt.short_id(it.digest),
                    fmt.size(it.size),
                    gauge(it.size / largest, 16, style="$primary"),
                    it.created_by or it.media_type.rpartition(".")[2],
                ),
            )
            for number, it in enumerate(layers, 1)
        ]
        self.query_one(LiveTable).set_rows(rows)


class AboutTab(TextTab):
    """Names, digests, command, labels, and the containers made from it."""

    TITLE = "About"

    def show(self, subject: Image | None, before: Image | None) -> None:
        if subject is None:
            self.tell(Content())
            return
        users = self.dock_screen.world.users(subject.id)
        rows = [("tag", fmt.reference(it)) for it in subject.tags]
        rows += [("digest", fmt.reference(it)) for it in subject.digests]
        rows += [("id", subject.id), ("platform", str(subject.platform))]
        rows += [("created", fmt.moment(subject.created))]
        rows += [("command", " ".join(subject.command))]
        rows += [("label", f"{key}={value}") for key, value in subject.labels.items()]
        rows += [("used by", f"{it.name} ({it.status})") for it in users]
        self.tell(pairs(rows))


class ImageInspectTab(JsonTab):
    """Docker's inspect object."""

    async def fetch(self, subject: Image) -> object:
        return await self.dock_screen.engine.images.inspect(subject.id)


class ImagesScreen(ListScreen):
    """Images. A row's key is the image id and, after a space, the tag."""

    SCOPE = "images"
    BINDINGS: ClassVar[list[BindingType]] = bindings("images", "list")
    TABS: ClassVar[Mapping[str, type[Tab] | Later]] = {
        "layers": LayersTab,
        "about": AboutTab,
        "inspect": ImageInspectTab,
    }
    WAYS = (("name", "repository"), ("platform", "platform"), ("used", "used by a container"))
    TITLE_TEXT = "Images"
    EMPTY = "No images yet.\n\nP  pull one by name      3  look into a registry"
    COLUMNS: ClassVar[Sequence[Column]] = (
        Column("used", "", 1),
        Column("name", "REPOSITORY"),
        Column("tag", "TAG", 16),
        Column("id", "ID", 12, min_screen=100),
        Column("platform", "PLATFORM", 14, min_screen=120),
        Column("layers", "LAYERS", 6, "right", min_screen=90),
        Column("created", "CREATED", 8, "right"),
        Column("size", "SIZE", 8, "right"),
    )

    def show(self, world: World, before: World) -> None:
        if world.images is before.images and world.containers is before.containers:
            return
        items = [
            _item(image, tag, world, self.dock.now())
            for image in world.images
            for tag in image.tags or ("",)
        ]
        self.pane.set_items(items)
        self.look()

    def subject(self) -> tuple[Image | None, str]:
        image_id, tag = self._place()
        image = next((it for it in self.world.images if it.id == image_id), None)
        return image, fmt.reference(tag) or fmt.short_id(image_id)

    def _place(self) -> tuple[str, str]:
        image_id, _, tag = (self.pane.cursor_key or "").partition(" ")
        return image_id, tag

    def yankable(self) -> list[tuple[str, str]]:
        image, name = self.subject()
        if image is None:
            return []
        return [("name", name), ("id", image.id), *(("digest", it) for it in image.digests[:1])]

    async def as_json(self) -> str:
        image, _ = self.subject()
        found = await self.engine.images.inspect(image.id) if image else {}
        return json.dumps(found, indent=2, ensure_ascii=False)

    # --- verbs ------------------------------------------------------------------------------

    @work(group="dialog", exit_on_error=False)
    async def action_run_image(self) -> None:
        image, _ = self.subject()
        if image is not None:
            await flows.run(self, image)

    @work(group="dialog", exit_on_error=False)
    async def action_pull(self) -> None:
        await flows.pull(self)

    @work(group="dialog", exit_on_error=False)
    async def action_tag(self) -> None:
        """A further name for the image."""
        image, name = self.subject()
        if image is None:
            return
        target = await self.app.push_screen_wait(Ask(f"Further name for {name}", name))
        if target:
            with self.presented():
                await self.engine.images.tag(image.id, target.strip())

    def action_remove_image(self) -> None:
        self._remove(force=False)

    def action_force_remove_image(self) -> None:
        self._remove(force=True)

    @work(group="dialog", exit_on_error=False)
    async def _remove(self, *, force: bool) -> None:
        """Remove what is marked, or the row under the cursor, by name where it has one."""
        places = [key.partition(" ") for key in self.pane.keys]
        names = [fmt.reference(tag) or fmt.short_id(key) for key, _, tag in places]
        what = names[0] if len(names) == 1 else f"{len(names)} images"
        question = Confirm(f"Remove {what}?", ", ".join(names[:20]), dangerous=True)
        if not names or (
            self.dock.config.confirm and not await self.app.push_screen_wait(question)
        ):
            return
        for key, _, tag in places:
            with self.presented():
                await self.engine.images.remove(tag or key, force=force)
                self.unmark([f"{key} {tag}"])


def _item(image: Image, tag: str, world: World, now: float) -> Item:
    name, _, label = fmt.reference(tag).rpartition(":") if tag else (UNTAGGED, "", UNTAGGED)
    users = world.users(image.id)
    used = Content.styled("●", "$status-running") if users else Content.styled("·", "$quiet")
    cells = (
        used,
        name,
        label,
        fmt.short_id(image.id),
        str(image.platform),
        str(len(image.layers)),
        fmt.age(now - image.created) if image.created > 0 else "",
        fmt.size(image.size),
    )
    order: dict[str, Value] = {
        "name": name,
        "tag": label,
        "layers": float(len(image.layers)),
        "created": image.created,
        "size": float(image.size),
    }
    facts: dict[str, str | float] = {
        "name": name,
        "tag": label,
        "id": image.id.removeprefix("sha256:"),
        "platform": str(image.platform),
        "used": "yes" if users else "no",
        "layers": len(image.layers),
        "size": image.size,
    }
    text = f"{tag} {image.id[7:19]}"
    return Item(f"{image.id} {tag}", cells, text, order, facts=facts, labels=image.labels)
