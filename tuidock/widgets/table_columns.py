"""Which columns of a table fit, and where: a pure function of widths.

Invariant: the placed columns and their gaps never need more than the width given, unless
a single column is all that is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

GUTTER = 2
"""Cells left of the first column: the mark, and air."""
FLEXIBLE_MINIMUM = 12
"""Columns a flexible column wants before others are dropped for it."""


class Column(NamedTuple):
    """One column of a `LiveTable`."""

    key: str
    title: str
    width: int = 0
    """Cells; 0 is flexible: it shares what the others leave."""
    align: str = "left"
    """`left`, `right` or `center`; the title follows."""
    min_screen: int = 0
    """Shown only on screens at least this wide; the highest go first when it is tight."""


class Placed(NamedTuple):
    """A column that shows: where it starts and how wide it is."""

    column: Column
    cell: int
    """Its place in every row."""
    x: int
    width: int


ASKED = 10_000
"""A `min_screen` that no screen has: shown only when somebody chose it."""


def place(
    columns: Sequence[Column],
    width: int,
    screen: int,
    gap: int = 1,
    chosen: Sequence[str] = (),
) -> list[Placed]:
    """The columns that fit into `width` cells on a screen `screen` cells wide, left to right.

    `chosen` keys replace the columns' own choice and order; what does not fit is their end.
    After a colon a key may have a width of its own, `image:30`.
    """
    shown = [(i, c) for i, c in enumerate(columns) if c.min_screen <= screen]
    places = {column.key: (i, column) for i, column in enumerate(columns)}
    asked = [_sized(*places[key], width) for key, width in map(wish, chosen) if key in places]
    shown = asked or shown
    while len(shown) > 1 and _wanted(shown, gap) > width:
        last = max(shown, key=lambda pair: (pair[1].min_screen, pair[0]))
        shown.remove(shown[-1] if asked else last)
    return _laid_out(shown, width, gap)


def wish(chosen: str) -> tuple[str, int]:
    """Key and width of a chosen column; 0 for the width it has anyway."""
    key, _, width = chosen.partition(":")
    return key, int(width) if width.isdecimal() else 0


def _sized(place: int, column: Column, width: int) -> tuple[int, Column]:
    return place, column._replace(width=width) if width else column


def _wanted(shown: list[tuple[int, Column]], gap: int) -> int:
    return sum(c.width or FLEXIBLE_MINIMUM for _, c in shown) + gap * (len(shown) - 1)


def _laid_out(shown: list[tuple[int, Column]], width: int, gap: int) -> list[Placed]:
    flexible = sum(not column.width for _, column in shown)
    fixed = sum(column.width for _, column in shown) + gap * max(0, len(shown) - 1)
    share, extra = divmod(max(0, width - fixed), flexible) if flexible else (0, 0)
    placed, x = [], 0
    for index, column in shown:
        cells = column.width or share + (1 if extra > 0 else 0)
        extra -= not column.width
        placed.append(Placed(column, index, x, cells))
        x += cells + gap
    return placed
