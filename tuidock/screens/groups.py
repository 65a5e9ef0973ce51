"""Rows in groups: by a label, or by a fact that a filter could ask about.

Pure functions from items to rows. Invariant: groups stand in the order of their names, the one
without a name last; within a group the items keep the order in which they came.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence, Set
from typing import NamedTuple

from tuidock.screens.item import Item
from tuidock.widgets.paint import Cell
from tuidock.widgets.table import Column, Row

HEAD = "group "
"""What the key of a group's row begins with; no key of an item has a blank there."""
LABEL = "label="
"""What a way to group begins with when it is by a label; the label's name follows."""
SIGNS = {True: "▸", False: "▾"}
"""Folded or not."""
STYLE = "bold on $panel"

Heads = Callable[["Group"], Sequence[Cell]]
"""From a group to the cells of its row, one for each column."""


class Group(NamedTuple):
    """Some items that have a value in common."""

    name: str
    """The value; empty for the items without one."""
    by: str
    items: tuple[Item, ...]
    folded: bool = False

    @property
    def key(self) -> str:
        return HEAD + self.name

    @property
    def title(self) -> str:
        return self.name or f"no {self.by.removeprefix(LABEL).rpartition('.')[2]}"


def value_of(item: Item, by: str) -> str:
    """The name of the group that an item belongs to."""
    if by.startswith(LABEL):
        return item.labels.get(by.removeprefix(LABEL), "")
    return str(item.facts.get(by, ""))


def grouped(items: Iterable[Item], by: str, folded: Set[str]) -> list[Group]:
    """Items by what they have in common; `folded` are names of groups."""
    found: dict[str, list[Item]] = {}
    for item in items:
        found.setdefault(value_of(item, by), []).append(item)
    names = sorted(found, key=lambda name: (not name, name.lower()))
    return [Group(name, by, tuple(found[name]), name in folded) for name in names]


def rows(groups: Iterable[Group], head: Heads) -> list[Row]:
    """A row for each group, its items below it unless it is folded."""
    made = []
    for group in groups:
        made.append(Row(group.key, head(group), STYLE, heading=True))
        if not group.folded:
            made += [Row(it.key, it.cells, it.style) for it in group.items]
    return made


def plain_head(columns: Sequence[Column]) -> Heads:
    """Rows of groups for a list without totals: a sign, the name, how many."""
    place = next((i for i, it in enumerate(columns) if not it.width), 0)

    def head(group: Group) -> tuple[Cell, ...]:
        cells: list[Cell] = [""] * len(columns)
        cells[0] = SIGNS[group.folded]
        sign = "" if place else f"{SIGNS[group.folded]} "
        cells[place] = f"{sign}{group.title}  {len(group.items)}"
        return tuple(cells)

    return head


def ways(items: Iterable[Item], facts: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """(way, title) of what these items can be grouped by: the facts, then labels by use."""
    seen = Counter(label for it in items for label in it.labels)
    labels = [(LABEL + name, f"{name}  ({count})") for name, count in seen.most_common(20)]
    named = {way for way, _ in facts}
    return [*facts, *(way for way in labels if way[0] not in named)]
