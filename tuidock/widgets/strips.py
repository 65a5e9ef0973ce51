"""Selected text on lines that a widget draws itself.

Textual asks such widgets for two things: offsets in their strips, and the text of a selection.
"""

from __future__ import annotations

from collections.abc import Iterable

from rich.style import Style
from textual.selection import Selection
from textual.strip import Strip


def selected(strip: Strip, y: int, selection: Selection | None, style: Style) -> Strip:
    """The strip of row `y` with offsets, and its part of the selection laid over with `style`."""
    span = selection.get_span(y) if selection is not None else None
    if span is not None:
        start, end = span[0], strip.cell_length if span[1] == -1 else span[1]
        inside = strip.crop(start, end).apply_style(style)
        strip = Strip.join([strip.crop(0, start), inside, strip.crop(end)])
    return strip.apply_offsets(0, y)


def extracted(strips: Iterable[Strip], selection: Selection) -> tuple[str, str]:
    """The selected text of a screenful, as `Widget.get_selection` returns it."""
    rows = [strip.text.rstrip() for strip in strips]
    return selection.extract("\n".join(rows)), "\n"
