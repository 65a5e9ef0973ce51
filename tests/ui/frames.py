"""A screen as text that can be kept and compared: what it says, and in which colours.

Ours, because a picture in SVG tells a reader nothing of what differs, and changes with each
version of what renders it. Invariant: two screens that look the same give the same text.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from rich.segment import Segment
from rich.style import Style
from textual.app import App
from textual.strip import Strip

KEPT = Path(__file__).parent / "snapshots"
REWRITE = "TUIDOCK_SNAPSHOTS"
"""Set by `make snapshots`: what is seen is kept, not compared."""


def frame(app: App[object]) -> str:
    """The words, line by line, and below them the runs of colour of each line."""
    strips = app.screen._compositor.render_strips()
    words = [strip.text.rstrip() for strip in strips]
    looks = [" ".join(_runs(strip)) for strip in strips]
    said = ["=" if index and looks[index - 1] == look else look for index, look in enumerate(looks)]
    return "\n".join([*words, "", *(f"{line:>2} {look}" for line, look in enumerate(said))]) + "\n"


def _runs(strip: Strip) -> Iterator[str]:
    """Cells and their look, such as `12:#e6edf3/#0f1419+bold`; of blanks the background only."""
    looks = (
        look
        for segment in strip
        if not segment.control
        for look in [_look(segment)] * _cells(segment)
    )
    for look, cells in groupby(looks):
        yield f"{len(list(cells))}:{look}"


def _cells(segment: Segment) -> int:
    return segment.cell_length


def _look(segment: Segment) -> str:
    style = segment.style or Style()
    back = _colour(style.bgcolor)
    if not segment.text.strip() and not (style.underline or style.reverse):
        return f"/{back}"
    names = ("bold", "dim", "italic", "underline", "reverse", "strike")
    return "+".join([f"{_colour(style.color)}/{back}", *(it for it in names if getattr(style, it))])


def _colour(colour: object) -> str:
    name = getattr(colour, "name", "")
    return str(name) if name != "default" else "-"


def kept(name: str) -> str:
    """The frame kept under this name; empty when there is none, or it is to be kept anew."""
    path = KEPT / f"{name}.txt"
    return path.read_text("utf-8") if path.exists() and not os.environ.get(REWRITE) else ""


def compare(name: str, seen: str) -> None:
    """Hold a frame against the one kept under this name. Raises AssertionError with both."""
    if os.environ.get(REWRITE):
        KEPT.mkdir(exist_ok=True)
        (KEPT / f"{name}.txt").write_text(seen, "utf-8")
        return
    before = kept(name)
    if before != seen:
        lines = difflib.unified_diff(
            before.splitlines(), seen.splitlines(), "as kept", "as it is now", lineterm="", n=1
        )
        raise AssertionError("\n".join([f"{name}: `make snapshots` keeps it as it is now", *lines]))
