"""One log line as it is drawn: stderr's bar, the time, colours, matches, what is cut off.

Knows a line and a `Look`, no widget. Invariant: the work for a line is bounded, however long it
is: `SHOWN` bytes are laid out, the rest waits in the line's own panel.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tuidock import format
from tuidock.engine.types import LogLine
from tuidock.widgets import ansi
from tuidock.widgets.log_json import LONGEST, worded
from tuidock.widgets.log_level import level
from tuidock.widgets.log_search import Pattern

SHOWN = 4096
SIGN = "◆"
PARTS = (
    "stderr", "stderr-bar", "timestamp", "mark", "more", "match", "current", "current-match",
    "error", "warning", "info", "debug", "name", "break",
    "name-1", "name-2", "name-3", "name-4", "name-5",
)  # fmt: skip
"""Parts of a log that have a style of their own."""
NAMES = ("name-1", "name-2", "name-3", "name-4", "name-5")
"""Parts that are names of logs, one after the other."""
LEVELLED = ("error", "warning", "info", "debug", "name")
"""Parts that are words within a line."""
STAMPS = ("", "%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")
"""How times are shown; `Look.stamps` chooses."""
UTC = 3
"""The one that is not local."""


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
    sign: str = ""
    """What stands left of a line that the reader marked."""
    worded: bool = False
    """JSON as words."""
    levels: Mapping[str, Style] = {}
    """Ink of a word by what it is: a level's name, or `name` for that of a JSON field."""
    dark: bool | None = None
    """What the background is; None for the terminal's own."""
    names: Mapping[str, Style] = {}
    """Ink of the names of several logs that are shown as one."""


def drawn(line: LogLine, look: Look) -> Strip:
    """The whole strip of a line, not yet cut to the window."""
    error = line.stream == "stderr"
    runs, level = ink(line, look)
    # Many programs write everything to stderr: what has a level of its own is judged by that.
    colour = look.base + look.error if error and not level else look.base
    bar = look.time if look.sign else look.levels.get(level, look.bar)
    barred = error or level in ("error", "warning")
    segments = [Segment(look.sign or ("▎" if barred else " "), look.base + bar)]
    if look.stamps:
        segments.append(Segment(stamp(line.at, look.stamps), look.base + look.time))
    segments += [Segment(text, colour + style) for text, style in matched(runs, look)]
    if len(line.text) > SHOWN or line.partial:
        segments.append(Segment(more(line), look.base + look.more))
    return Strip(segments)


def matched(runs: list[ansi.Run], look: Look) -> list[ansi.Run]:
    """The runs with matches laid over them."""
    if look.pattern is None:
        return runs
    spans = look.pattern.spans("".join(text for text, _ in runs))
    return ansi.overlay(runs, spans, look.match)


def ink(line: LogLine, look: Look) -> tuple[list[ansi.Run], str]:
    """What is written of the line, in its own colours, and its level."""
    runs, kind = _said(line, look)
    return ([(line.name, look.names.get(line.name, look.time)), *runs] if line.name else runs), kind


def _said(line: LogLine, look: Look) -> tuple[list[ansi.Run], str]:
    if look.worded:
        found = worded(line.text[:LONGEST].decode("utf-8", "replace"), look.levels)
        if found is not None:
            return found
    runs = ansi.runs(line.text[:SHOWN].decode("utf-8", "replace"))
    if look.dark is not None:
        runs = [(text, ansi.legible(style, dark=look.dark)) for text, style in runs]
    text = runs[0][0] if len(runs) == 1 else "".join(text for text, _ in runs)
    kind, start, end = level(text)
    # A line with colours of its own has said what it wants to.
    if kind in look.levels and len(runs) == 1 and runs[0][1] == ansi.PLAIN:
        runs = ansi.overlay(runs, [(start, end)], look.levels[kind])
    return runs, kind


def first_match(line: LogLine, look: Look) -> int | None:
    """Column of the first match in the strip of a line; None when it is not in what is shown."""
    if look.pattern is None:
        return None
    text = "".join(text for text, _ in ink(line, look)[0])
    spans = look.pattern.spans(text)
    lead = 1 + (len(stamp(line.at, look.stamps)) if look.stamps else 0)
    return lead + Segment(text[: spans[0][0]]).cell_length if spans else None


def stamp(at: float, stamps: int) -> str:
    """A line's time as `STAMPS[stamps]` wants it, with milliseconds."""
    seconds, milliseconds = divmod(round(at * 1000), 1000)
    date = time.gmtime(seconds) if stamps == UTC else time.localtime(seconds)
    zone = "Z" if stamps == UTC else ""
    return f"{time.strftime(STAMPS[stamps], date)}.{milliseconds:03d}{zone} "


def more(line: LogLine) -> str:
    """What is said at the end of a line that does not end there."""
    hidden = len(line.text) - SHOWN
    return f" … {format.size(hidden)} more, Enter shows them" if hidden > 0 else " ⤶"


class Looks:
    """How lines look that are current, marked, both or neither; each found out once."""

    def __init__(self, part: Callable[[str], Style], base: Callable[[], Style]) -> None:
        """`part` finds the style of a part of the log by its name, `base` that of the rest."""
        self._part = part
        self._base = base
        self._known: dict[tuple[bool, bool], Look] = {}
        self.stamps = 0
        """Index into `STAMPS`."""
        self.worded = True
        self.pattern: Pattern | None = None
        self.dark: bool | None = None
        self.names: Sequence[str] = ()
        """Names of logs that are shown as one."""

    def forget(self) -> None:
        """Styles or switches are different now."""
        self._known.clear()

    def of(self, *, current: bool, marked: bool) -> Look:
        if (current, marked) not in self._known:
            self._known[current, marked] = Look(
                base=self._part("current") if current else self._base(),
                error=self._ink("stderr"),
                bar=self._ink("stderr-bar"),
                time=self._ink("mark" if marked else "timestamp"),
                more=self._ink("more"),
                match=self._part("current-match" if current else "match"),
                stamps=self.stamps,
                pattern=self.pattern,
                sign=SIGN if marked else "",
                worded=self.worded,
                levels={name: self._ink(name) for name in LEVELLED},
                dark=self.dark,
                names={
                    name: self._ink(part)
                    for name, part in zip(self.names, cycle(NAMES), strict=False)
                },
            )
        return self._known[current, marked]

    def _ink(self, name: str) -> Style:
        """A part's colour and attributes without its background."""
        part = self._part(name)
        return Style(color=part.color, bold=part.bold, italic=part.italic, dim=part.dim)
