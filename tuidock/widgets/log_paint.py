"""One log line as it is drawn: stderr's bar, the time, colours, matches, what is cut off.

Knows a line and a `Look`, no widget. Invariant: the work for a line is bounded, however long it
is: `SHOWN` bytes are laid out, the rest waits in the line's own panel.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tuidock import format
from tuidock.engine.types import LogLine
from tuidock.widgets import ansi
from tuidock.widgets.log_search import Pattern

SHOWN = 4096
STAMPS = ("", "%H:%M:%S", "%Y-%m-%d %H:%M:%S")
"""How times are shown; `Look.stamps` chooses."""


class Look(NamedTuple):
    """Styles of the parts, and what is switched on."""

    base: Style
    error: Style
    """Colour of what came on stderr; likewise below: foreground and attributes only."""
    bar: Style
    time: Style
    more: Style
    match: Style
    stamps: int = 0
    pattern: Pattern | None = None


def drawn(line: LogLine, look: Look) -> Strip:
    """The whole strip of a line, not yet cut to the window."""
    error = line.stream == "stderr"
    ink = look.base + look.error if error else look.base
    segments = [Segment("▎" if error else " ", look.base + look.bar)]
    if look.stamps:
        segments.append(Segment(stamp(line.at, look.stamps), look.base + look.time))
    segments += [Segment(text, ink + style) for text, style in pieces(line, look)]
    if len(line.text) > SHOWN or line.partial:
        segments.append(Segment(more(line), look.base + look.more))
    return Strip(segments)


def pieces(line: LogLine, look: Look) -> list[ansi.Run]:
    """The text in its own colours, matches over them."""
    runs = ansi.runs(line.text[:SHOWN].decode("utf-8", "replace"))
    if look.pattern is None:
        return runs
    spans = look.pattern.spans("".join(text for text, _ in runs))
    return ansi.overlay(runs, spans, look.match)


def first_match(line: LogLine, look: Look) -> int | None:
    """Column of the first match in the strip of a line; None when it is not in what is shown."""
    if look.pattern is None:
        return None
    text = ansi.plain(line.text[:SHOWN].decode("utf-8", "replace"))
    spans = look.pattern.spans(text)
    lead = 1 + (len(stamp(line.at, look.stamps)) if look.stamps else 0)
    return lead + Segment(text[: spans[0][0]]).cell_length if spans else None


def stamp(at: float, stamps: int) -> str:
    """A line's local time as `STAMPS[stamps]` wants it, with milliseconds."""
    seconds, milliseconds = divmod(round(at * 1000), 1000)
    return f"{time.strftime(STAMPS[stamps], time.localtime(seconds))}.{milliseconds:03d} "


def more(line: LogLine) -> str:
    """What is said at the end of a line that does not end there."""
    hidden = len(line.text) - SHOWN
    return f" … {format.size(hidden)} more, Enter shows them" if hidden > 0 else " ⤶"
