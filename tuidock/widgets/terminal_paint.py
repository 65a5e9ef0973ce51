"""From a line of a terminal to segments of a strip.

Invariant: as many cells come out as were asked for, whatever letters are in the line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from tuidock.widgets.terminal_line import PLAIN, Line, Past, Pen
from tuidock.widgets.terminal_screen import BAR, BLOCK, UNDERLINE

_UNDERLINED = Style(underline=True, bold=True)


class Cursor(NamedTuple):
    """Where the cursor stands in a line, and how it looks."""

    x: int
    style: Style
    shape: str = BLOCK


def segments(
    line: Line | Past,
    columns: int,
    base: Style,
    cursor: Cursor | None = None,
    *,
    inverted: bool = False,
) -> list[Segment]:
    """The line's letters in its styles, cut or filled up to so many columns."""
    found: list[Segment] = []
    at = 0
    for letters, pen in line.runs():
        part = letters[: columns - at]
        style = base if pen == PLAIN and not inverted else base + pen_style(pen, inverted)
        found += _part(part, at, style, cursor)
        at += len(part)
    if at < columns:
        style = base + pen_style(PLAIN, inverted) if inverted else base
        found += _part(" " * (columns - at), at, style, cursor)
    return found


def _part(letters: Sequence[str], at: int, style: Style, cursor: Cursor | None) -> list[Segment]:
    """Letters of one style, the one beneath the cursor by itself."""
    if cursor is None or not at <= cursor.x < at + len(letters):
        return [Segment(_fitted(letters), style)] if letters else []
    here = cursor.x - at
    if not letters[here] and here:
        here -= 1
    end = here + 1
    if end < len(letters) and not letters[end]:
        end += 1
    under = Segment(*_under(_fitted(letters[here:end]), style, cursor))
    sides = [Segment(_fitted(letters[:here]), style), Segment(_fitted(letters[end:]), style)]
    return [each for each in (sides[0], under, sides[1]) if each.text]


def _under(text: str, style: Style, cursor: Cursor) -> tuple[str, Style]:
    """The cell of the cursor; a bar is drawn where there is room for one."""
    if cursor.shape == UNDERLINE:
        return text, style + _UNDERLINED
    if cursor.shape == BAR and text == " ":
        return "▏", style + Style(color=cursor.style.bgcolor)
    return text, style + cursor.style


def _fitted(letters: Sequence[str]) -> str:
    """Text that is as wide as its cells are many, for those who lay it out."""
    text = "".join(letters)
    if text.isascii() or cell_len(text) == len(letters):
        return text
    return "".join(_one_by_one(letters))


def _one_by_one(letters: Sequence[str]) -> Iterator[str]:
    for at, letter in enumerate(letters):
        if letter:
            wide = at + 1 < len(letters) and not letters[at + 1]
            yield _exact(letter, 2 if wide else 1)
        elif not at:
            yield " "


def _exact(letter: str, cells: int) -> str:
    """The letter, or as much of it as fits."""
    for known in (letter, letter[0], "\N{REPLACEMENT CHARACTER}", ""):
        if cell_len(known) <= cells:
            return known + " " * (cells - cell_len(known))
    return " " * cells


@lru_cache(maxsize=4096)
def pen_style(pen: Pen, inverted: bool = False) -> Style:
    """A pen in Rich's words."""
    return Style(
        color=pen.fg or None,
        bgcolor=pen.bg or None,
        bold=pen.bold or None,
        dim=pen.dim or None,
        italic=pen.italic or None,
        underline=pen.underline or None,
        strike=pen.strike or None,
        reverse=(pen.reverse != inverted) or None,
        blink=pen.blink or None,
        conceal=pen.conceal or None,
    )
