"""A line of JSON as a line to read: level, message, then everything else as `name=value`.

Pure. Invariant: nothing that the line says is left out, and no control character comes through.
"""

from __future__ import annotations

import json

from rich.style import Style

from tuidock.widgets import ansi

LONGEST = 16 * 1024
"""Characters of a line that is still taken apart."""
LEVELS = ("level", "severity", "lvl", "loglevel")
MESSAGES = ("msg", "message", "event")
NAME = Style(dim=True)
PLAIN = Style()
STRONG = Style(bold=True)
COLOURS = {
    "d": Style(dim=True),
    "t": Style(dim=True),
    "i": Style(color="green"),
    "w": Style(color="yellow", bold=True),
    "e": Style(color="red", bold=True),
    "f": Style(color="red", bold=True),
    "c": Style(color="red", bold=True),
}
"""By a level's first letter: debug, trace, info, warning, error, fatal, critical."""


def worded(text: str) -> list[ansi.Run] | None:
    """The runs of a line whose end is a JSON object; None for any other line."""
    start = text.find("{")
    if start < 0 or len(text) > LONGEST or not text.rstrip().endswith("}"):
        return None
    try:
        found = json.loads(text[start:])
    except (ValueError, RecursionError):
        return None
    return [*ansi.runs(text[:start]), *_said(found)] if start or found else None


def _said(found: dict[str, object]) -> list[ansi.Run]:
    level = next((name for name in LEVELS if name in found), "")
    message = next((name for name in MESSAGES if name in found), "")
    runs: list[ansi.Run] = []
    if level:
        word = _text(found[level])
        runs.append((f"{word.upper():<5} ", COLOURS.get(word[:1].lower(), PLAIN)))
    if message:
        runs.append((f"{_text(found[message])} ", STRONG))
    for name, value in found.items():
        if name not in (level, message):
            runs += [(f" {_text(name)}=", NAME), (_text(value), PLAIN)]
    return runs


def _text(value: object) -> str:
    words = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return ansi.plain(" ".join(words.split()))
