"""What happened to a container, as letters on its graphs and as words.

Pure functions from events to marks. Invariant: what has no letter here is not drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.content import Content

from tuidock import format as fmt
from tuidock.engine.events import Event
from tuidock.widgets.timegraph import Happening
from tuidock.widgets.timeline import Window

_SIGNS = {
    "start": ("S", "start", "bold $status-running"),
    "die": ("X", "end", "bold $text-warning"),
    "oom": ("O", "out of memory", "bold $text-error"),
    "update": ("L", "limits changed", "bold $text-accent"),
    "pause": ("P", "paused", "bold $text-warning"),
    "unpause": ("C", "continued", "bold $status-running"),
    "health_status: unhealthy": ("U", "unhealthy", "bold $text-error"),
    "health_status: healthy": ("H", "healthy", "bold $status-running"),
}
"""Letter, word and style of what is drawn; letters, so that no colour needs to be told apart."""
_ORDER = ("", "die", "oom")
"""What is to be seen of things that happened in the same moment: the last one here."""
_LATE = 1.0
"""Seconds after an end in which it may have been told of."""
_SIZES = ("memory", "memory_swap", "memory_reservation")


def happenings(events: Iterable[Event]) -> list[Happening]:
    """Those that are drawn, in their order."""
    return [_happening(event) for event in events if event.action in _SIGNS]


def _happening(event: Event) -> Happening:
    sign, word, style = _SIGNS[event.action]
    weight = _ORDER.index(event.action) if event.action in _ORDER else 0
    return Happening(event.at, sign, _words(event, word), style, weight)


def _words(event: Event, word: str) -> str:
    """`exit 137`, `limits changed: memory 256M`."""
    facts = dict(event.attributes)
    if event.action == "die":
        return f"exit {facts.get('exitCode', '?')}"
    if event.action != "update":
        return word
    changes = [f"{key} {_value(key, text)}" for key, text in facts.items() if key != "image"]
    return f"{word}: {', '.join(changes)}" if changes else word


def _value(key: str, text: str) -> str:
    is_size = key in _SIZES and text.isdecimal()
    return fmt.size(int(text)) if is_size else text


def legend(marks: Sequence[Happening], shown: Window) -> Content:
    """What the letters in view mean."""
    seen = {mark.sign for mark in marks if shown.begin <= mark.at <= shown.end + _LATE}
    parts = [
        Content.assemble((sign, style), f" {word}   ")
        for sign, word, style in _SIGNS.values()
        if sign in seen
    ]
    return Content("").join(parts)


def near(marks: Sequence[Happening], at: float, within: float) -> list[Happening]:
    """What happened at a moment, give or take."""
    return [mark for mark in marks if abs(mark.at - at) <= within]
