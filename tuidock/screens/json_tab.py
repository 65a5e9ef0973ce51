"""JSON as a tree that folds, is searched by key and value, and copied by path.

Invariant: variables that sound secret are masked until somebody asks, as in the tab of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from tuidock.masking import masked
from tuidock.screens.base import bindings
from tuidock.screens.detail import Tab
from tuidock.screens.listing import Item
from tuidock.screens.tabpane import TabPane, read_whole
from tuidock.widgets.table import Column, LiveTable

COLUMNS = (Column("text", "KEY AND VALUE"),)
_DEEP = 2
"""Levels that are open at first."""


class Node(NamedTuple):
    """A key and its value, and where they are."""

    path: str
    """As jq writes it: `.State.Health.Log[0]`."""
    key: str
    value: Any
    depth: int

    @property
    def branch(self) -> bool:
        return isinstance(self.value, dict | list) and bool(self.value)


class JsonTab(Tab):
    """A tree of whatever `fetch` gives about the subject."""

    TITLE = "Inspect"
    HOT = "LiveTable"
    SCOPE = "inspect"
    FOLDS = True
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("inspect"),
        Binding("right,l", "unfold", "Unfold", show=False, id="tree.unfold"),
        Binding("left,h", "fold", "Fold", show=False, id="tree.fold"),
    ]

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self._found: list[Node] = []
        self._shut: set[str] = set()
        self._open = False
        """Whether secrets show."""
        self._value: Any = None

    def compose(self) -> ComposeResult:
        yield TabPane(COLUMNS, sorted_anew=self._fill)

    @property
    def listing(self) -> TabPane:
        return self.query_one(TabPane)

    async def fetch(self, subject: Any) -> object:
        """What to show. Raises EngineError."""
        raise NotImplementedError

    def sleep(self) -> None:
        """Whoever comes back asks again for the secrets."""
        self._open = False
        super().sleep()

    def show(self, subject: Any, before: Any) -> None:
        if subject is None:
            self._take(None)
        elif subject != before:
            if before is None or subject.id != before.id:
                self._open = False
            self.read(subject)

    @work(exclusive=True, group="inspect", exit_on_error=False)
    async def read(self, subject: Any) -> None:
        with self.looking():
            self._take(await self.fetch(subject))

    def _take(self, value: Any) -> None:
        fresh = not self._found
        self._value = value
        self._found = list(nodes(value if self._open else hidden(value)))
        if fresh:
            self._shut = {it.path for it in self._found if it.branch and it.depth >= _DEEP}
        self._fill()

    def _fill(self) -> None:
        """With a filter every node can be found, wherever it is folded away."""
        searching = bool(self.listing.query_text)
        found = self._found if searching else list(visible(self._found, self._shut))
        self.listing.set_items([item(it, it.path in self._shut, flat=searching) for it in found])

    # --- folding --------------------------------------------------------------------------------

    @property
    def chosen(self) -> Node | None:
        key = self.listing.cursor_key
        return next((it for it in self._found if it.path == key), None)

    @on(LiveTable.Selected)
    def _selected(self, event: LiveTable.Selected) -> None:
        event.stop()
        it = self.chosen
        if it is not None and it.branch:
            self._shut ^= {it.path}
            self._fill()
        elif it is not None:
            read_whole(self.app, it.path, _shown(it)[0])

    def action_unfold(self) -> None:
        it = self.chosen
        if it is not None:
            self._shut.discard(it.path)
            self._fill()

    def action_fold(self) -> None:
        """Fold what is open, else go to what it is in; at the top, back to the list."""
        it = self.chosen
        if it is not None and it.branch and it.path not in self._shut:
            self._shut.add(it.path)
            self._fill()
        elif it is not None and it.depth:
            self.listing.table.cursor_key = above(self._found, it).path
        else:
            self.dock_screen.go_back()

    def fold_all(self) -> None:
        """Everything shut, or, when it is, everything open."""
        branches = {it.path for it in self._found if it.branch}
        self._shut = set() if self._shut >= branches else branches
        self._fill()

    def action_unmask(self) -> None:
        self._open = not self._open
        self._take(self._value)

    def yankable(self) -> list[tuple[str, str]]:
        it = self.chosen
        if it is None:
            return []
        text = it.value if isinstance(it.value, str) else json.dumps(it.value)
        tree = json.dumps(it.value, indent=2, ensure_ascii=False)
        return [("path", it.path), ("value", text), ("tree", tree)]


def nodes(value: Any, path: str = "", depth: int = 0) -> Iterator[Node]:
    """All below a value, parents first."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value or ())
    for key, inner in pairs:
        here = f"{path}[{key}]" if isinstance(value, list) else f"{path}.{key}"
        node = Node(here, str(key), inner, depth)
        yield node
        if node.branch:
            yield from nodes(inner, here, depth + 1)


def visible(found: list[Node], shut: set[str]) -> Iterator[Node]:
    """Those that no shut one hides."""
    hides = -1
    for it in found:
        if 0 <= hides < it.depth:
            continue
        hides = it.depth if it.path in shut else -1
        yield it


def above(found: list[Node], it: Node) -> Node:
    """The node that this one is in."""
    place = found.index(it)
    return next(each for each in found[place::-1] if each.depth < it.depth)


def hidden(value: Any) -> Any:
    """The same, with the secrets among the variables masked."""
    if isinstance(value, dict):
        return {
            key: [_hidden(each) for each in inner] if key == "Env" and inner else hidden(inner)
            for key, inner in value.items()
        }
    return [hidden(each) for each in value] if isinstance(value, list) else value


def _hidden(variable: str) -> str:
    name, _, value = variable.partition("=")
    return f"{name}={masked(name, value)}"


def item(it: Node, shut: bool, *, flat: bool) -> Item:
    """A row: a branch says how much is in it, a leaf its value."""
    indent = "" if flat else "  " * it.depth
    sign = ("▸ " if shut else "▾ ") if it.branch and not flat else "  "
    key = Content.styled(it.path if flat else it.key, "$text-primary")
    text, style = _shown(it)
    cell = Content.assemble((indent + sign, "$quiet"), key, "  ", (text, style))
    value = "" if it.branch else text
    facts: dict[str, str | float] = {"key": it.key, "value": value}
    return Item(it.path, (cell,), f"{it.path} {value}", {}, facts=facts)


def _shown(it: Node) -> tuple[str, str]:
    if isinstance(it.value, dict):
        return f"{{{len(it.value)}}}", "$faint"
    if isinstance(it.value, list):
        return f"[{len(it.value)}]", "$faint"
    if isinstance(it.value, str):
        return it.value or '""', "$text-success"
    text = json.dumps(it.value)
    return text, "$text-accent" if text in ("true", "false", "null") else "$text-warning"
