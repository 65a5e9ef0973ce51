"""What a container was asked to be: command, ports, mounts, labels, variables; secrets masked.

Invariant: a secret is on the screen, in the filter and in what is copied only once it was asked
for, and never longer than this container is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content

from tuidock import format as fmt
from tuidock.engine.types import Container
from tuidock.masking import is_secret, masked
from tuidock.screens.base import bindings
from tuidock.screens.detail import Tab
from tuidock.screens.listing import Item
from tuidock.screens.tabpane import TabPane, read_whole
from tuidock.widgets.table import Column, LiveTable

COLUMNS = (Column("kind", "", 9), Column("name", "NAME", 28), Column("value", "VALUE"))
Fact = tuple[str, str, str]
"""Kind, name, value."""


class EnvTab(Tab):
    """A fact a line; `u` shows the secrets, and hides them again."""

    TITLE = "Env"
    HOT = "LiveTable"
    SCOPE = "env"
    BINDINGS: ClassVar[list[BindingType]] = bindings("env")

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self._variables: list[str] = []
        self._open = False

    def compose(self) -> ComposeResult:
        yield TabPane(COLUMNS)

    @property
    def listing(self) -> TabPane:
        return self.query_one(TabPane)

    def sleep(self) -> None:
        """Whoever comes back asks again for the secrets."""
        self._open = False
        super().sleep()

    def show(self, subject: Container | None, before: Container | None) -> None:
        if subject is None:
            self.listing.set_items([])
        elif subject != before:
            if before is None or subject.id != before.id:
                self._open, self._variables = False, list(subject.spec.env)
            self._fill()
            self.read(subject)

    @work(exclusive=True, group="env", exit_on_error=False)
    async def read(self, it: Container) -> None:
        """All variables, those of the image too."""
        with self.looking():
            found: Any = await self.dock_screen.engine.containers.inspect(it.id)
            self._variables = list(found["Config"]["Env"])
            self._fill()

    def _fill(self) -> None:
        if self.subject is not None:
            facts = enumerate(facts_of(self.subject, self._variables))
            self.listing.set_items([self._item(str(at), fact) for at, fact in facts])

    def _item(self, key: str, fact: Fact) -> Item:
        kind, name, value = fact
        secret = not self._open and is_secret(name, value)
        shown = masked(name, value) if secret else value
        cell = Content.styled(shown, "$faint") if secret else shown
        cells = (Content.styled(kind, "$quiet"), name, cell)
        return Item(key, cells, f"{kind} {name} {shown}", {}, facts={"kind": kind, "name": name})

    def action_unmask(self) -> None:
        self._open = not self._open
        self._fill()

    @on(LiveTable.Selected)
    def _selected(self, event: LiveTable.Selected) -> None:
        event.stop()
        if copied := self.yankable():
            read_whole(self.app, copied[1][1], copied[0][1])

    def yankable(self) -> list[tuple[str, str]]:
        """What is masked is copied masked."""
        if self.subject is None or self.listing.cursor_key is None:
            return []
        _, name, value = list(facts_of(self.subject, self._variables))[int(self.listing.cursor_key)]
        value = value if self._open else masked(name, value)
        return [("value", value), ("name", name), ("both", f"{name}={value}")]


def facts_of(it: Container, variables: list[str]) -> Iterator[Fact]:
    """Variables last: they are the longest part."""
    spec = it.spec
    yield "command", "", " ".join(it.command)
    yield "image", "", it.image
    yield "user", "", spec.user or "of the image"
    yield "workdir", "", spec.working_dir or "of the image"
    yield "network", spec.network, it.address or "no address"
    for port in it.ports or spec.ports:
        yield "port", f"{port.container_port}/{port.protocol}", fmt.port(port)
    for mount in spec.mounts:
        how = f"{mount.kind}, read-only" if mount.readonly else mount.kind
        yield "mount", mount.target, f"{mount.source} ({how})"
    if spec.runtime:
        yield "runtime", "", spec.runtime
    yield "restart", "", spec.restart.name
    for key, value in it.labels:
        yield "label", key, value
    for variable in sorted(variables):
        name, _, value = variable.partition("=")
        yield "env", name, value
