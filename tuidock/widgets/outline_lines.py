"""The lines of an outline's items for a width: one row of columns, or one below the other.

Pure. Invariant: nothing is cut away; what is too long for its column goes on in the next line.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import NamedTuple

from rich.cells import cell_len

from tuidock.anatomy_lines.item import Item
from tuidock.engine.logs.sanitise import plain
from tuidock.widgets.paint import wrapped

WIDE = 100
"""Columns from which container and host stand side by side."""
_AIR = 2
_LEAST = 12

Span = tuple[str, str]
"""Text, and its style."""
Line = tuple[Span, ...]


class Widths(NamedTuple):
    """Columns: label with its indent, container, host (0: below the container's)."""

    label: int
    left: int
    right: int

    @property
    def all(self) -> int:
        return self.label + self.left + self.right + _AIR * (1 + bool(self.right))


def widths(width: int) -> Widths:
    """How a screen of that width is shared out."""
    label = max(_LEAST, min(34, width * 3 // 10))
    if width < WIDE:
        return Widths(label, max(_LEAST, width - label - _AIR), 0)
    left = (width - label - 2 * _AIR) * 11 // 20
    return Widths(label, left, width - label - left - 2 * _AIR)


def lines(item: Item, mark: str, room: Widths, *, words: bool, first: bool) -> list[Line]:
    """What an item looks like. `mark` tells whether it is folded; `first` is the top one."""
    indent = "  " * item.depth + mark
    found = _section(item, indent, room) if item.depth == 0 else _columns(item, indent, room)
    if words and item.words:
        margin = " " * cell_len(indent) + item.rail
        said = _sentences(plain(item.words), room.all - cell_len(margin) - 1)
        found += [((margin, ""), (line, "$quiet italic")) for line in said]
    return found if first or item.depth else [(("", ""),), *found]


def _sentences(words: str, width: int) -> list[str]:
    """In one line, or what follows the last semicolon from a line of its own on."""
    if cell_len(words) <= width:
        return [words]
    what, mark, without = words.rpartition("; ")
    halves = (f"{what};", without) if mark else (words,)
    return [line for half in halves for line in wrapped(half, width)]


def _section(item: Item, indent: str, room: Widths) -> list[Line]:
    taken = cell_len(indent) + cell_len(item.label) + _AIR
    first, *rest = wrapped(item.left, max(_LEAST, room.all - taken)) if item.left else [""]
    head = ((indent, "$faint"), (item.label, "bold $text-primary"))
    margin = " " * taken
    return [(*head, (f"  {first}", "$quiet")), *(((margin, ""), (x, "$quiet")) for x in rest)]


def _columns(item: Item, indent: str, room: Widths) -> list[Line]:
    label = wrapped(plain(item.label), room.label - cell_len(indent)) or [""]
    span = room.left if not room.right or item.right else room.left + _AIR + room.right
    left = _wrapped(item.left, span)
    right = _wrapped(item.right, room.right or room.left)
    if item.right and not room.right:
        right = [("host  " if number == 0 else "      ") + each
                 for number, each in enumerate(_wrapped(item.right, room.left - 6))]  # fmt: skip
        left, below = [*left, *right], len(left)
        return [
            _row(indent, number, (name or "", said or "", ""), room, _style(item, number < below))
            for number, (name, said) in enumerate(zip_longest(label, left))
        ]
    return [
        _row(indent, number, (name or "", said or "", host or ""), room, _style(item, True))
        for number, (name, said, host) in enumerate(zip_longest(label, left, right))
    ]


def _style(item: Item, of_container: bool) -> str:
    if not of_container:
        return "$foreground"
    return "bold $text-warning" if item.changed else item.style


def _wrapped(text: str, width: int) -> list[str]:
    return wrapped(plain(text), width) if text else []


def _row(indent: str, number: int, cells: tuple[str, str, str], room: Widths, style: str) -> Line:
    name, left, right = cells
    margin = indent if number == 0 else " " * cell_len(indent)
    gap = " " * max(0, room.label - cell_len(margin) - cell_len(name) + _AIR)
    air = " " * max(0, room.left - cell_len(left) + _AIR) if right else ""
    return (
        (margin, "$faint"), (name, "$foreground"), (gap, ""), (left, style), (air, ""),
        (right, "$foreground"),
    )  # fmt: skip
