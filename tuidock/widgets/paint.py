"""Words to segments: what a cell's text looks like on a line of a given width.

Knows styled text (plain `str`, Rich `Text`, Textual `Content`) and cell widths, nothing of
any widget. Invariant: `fitted` returns segments that fill exactly the width asked for, and no
control character of the text reaches the terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from textwrap import wrap

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style as RichStyle
from rich.text import Text
from textual.content import Content
from textual.strip import Strip
from textual.style import Style

from tuidock.engine.logs import sanitise

Cell = str | Text | Content
"""What a table cell may hold. Style strings in it may name theme variables (`$text-success`)."""

Resolve = Callable[[object], RichStyle]
"""From a span's style (a string, a Rich or a Textual style) to what the segment gets."""


def resolver(base: Style) -> Resolve:
    """Styles laid over `base`, looked up once each; theme variables come from the running app."""
    known: dict[object, RichStyle] = {}

    def resolve(style: object) -> RichStyle:
        try:
            return known[style]
        except KeyError:
            known[style] = laid = laid_over(base, style)
            return laid

    return resolve


def colourless(base: Style) -> Resolve:
    """Everything in one style: under a cursor, readable on any palette."""
    style = base.rich_style
    return lambda _: style


def laid_over(base: Style, style: object) -> RichStyle:
    """One style over another, as Rich wants it."""
    if isinstance(style, RichStyle):
        return base.rich_style + style
    if isinstance(style, Style):
        return (base + style).rich_style
    if not style:
        return base.rich_style
    return (base + Style.parse(str(style))).rich_style


def fitted(cell: Cell, width: int, align: str, resolve: Resolve) -> list[Segment]:
    """The cell in exactly `width` columns: cut with an ellipsis, or padded on the other side."""
    if width <= 0:
        return []
    said = cell if isinstance(cell, str) else cell.plain
    runs = [Segment(sanitise.plain(s.text), s.style) for s in _runs(cell, said, resolve)]
    length = sum(cell_len(text) for text, _, _ in runs)
    if length > width:
        return _cut(runs, width)
    return _padded(runs, width - length, align, resolve(""))


def _padded(runs: list[Segment], room: int, align: str, blank: RichStyle) -> list[Segment]:
    if not room:
        return runs
    left = {"right": room, "center": room // 2}.get(align, 0)
    before = [Segment(" " * left, blank)] if left else []
    after = [Segment(" " * (room - left), blank)] if room > left else []
    return [*before, *runs, *after]


def _cut(runs: Iterable[Segment], width: int) -> list[Segment]:
    """The first `width - 1` columns and an ellipsis in the style of what was cut."""
    room, kept = width - 1, []
    for text, style, _ in runs:
        length = cell_len(text)
        if length > room:
            kept.append(Segment(set_cell_size(text, room) + "…", style))
            break
        kept.append(Segment(text, style))
        room -= length
    return kept


def _runs(cell: Cell, text: str, resolve: Resolve) -> list[Segment]:
    """The text split where its style changes; spans later in the list win."""
    if isinstance(cell, str) or not text:
        return [Segment(text, resolve(""))] if text else []
    base = cell.style if isinstance(cell, Text) else ""
    if not cell.spans:
        return [Segment(text, resolve(base))]
    return _split(text, [(s.start, s.end, s.style) for s in cell.spans], base, resolve)


def _split(
    text: str, spans: list[tuple[int, int, object]], base: object, resolve: Resolve
) -> list[Segment]:
    ends = {0, len(text)}
    for start, end, _ in spans:
        ends.update((min(start, len(text)), min(end, len(text))))
    edges = sorted(ends)
    segments = []
    for left, right in pairwise(edges):
        style = resolve(base)
        for start, end, over in spans:
            if start <= left and right <= end:
                style = style + _difference(over, resolve)
        segments.append(Segment(text[left:right], style))
    return segments


def _difference(over: object, resolve: Resolve) -> RichStyle:
    return over if isinstance(over, RichStyle) else resolve(over)


def first_fitting(texts: Sequence[str], width: int) -> str:
    """The first of several wordings that fits, or else the last."""
    return next((text for text in texts if cell_len(text) <= width), texts[-1])


def joined(
    cells: Sequence[Sequence[Segment]], starts: Sequence[int], width: int, fill: RichStyle
) -> Strip:
    """Cells side by side, each at its column, with air between them."""
    segments: list[Segment] = []
    at = 0
    for start, cell in zip(starts, cells, strict=True):
        segments += [Segment(" " * (start - at), fill), *cell]
        at = start + sum(segment.cell_length for segment in cell)
    return Strip(segments).adjust_cell_length(width, fill).simplify()


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` columns, broken between words; its own breaks stay."""
    return [line for each in text.split("\n") for line in wrap(each, max(1, width)) or [""]]


def chosen(variables: Mapping[str, str]) -> str:
    """The style of the one thing of several that is chosen, in a theme with these variables."""
    style = variables.get("block-cursor-text-style", "bold").removesuffix(" underline")
    return f"{style} $block-cursor-foreground on $block-cursor-background"
