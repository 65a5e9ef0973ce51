"""A line of JSON as a line to read: level, message, then everything else as `name=value`.

Pure. Invariant: nothing that the line says is left out, and no control character comes through.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from rich.style import Style

from tuidock.widgets import ansi
from tuidock.widgets.log_level import level_of

LONGEST = 16 * 1024
"""Characters of a line that is still taken apart."""
LEVELS = ("level", "severity", "lvl", "loglevel")
MESSAGES = ("msg", "message", "event")
TIMES = ("time", "ts", "timestamp", "@timestamp", "t", "date", "asctime")
"""Fields that come last: the log has times of its own."""
_ENCODED = json.JSONEncoder(ensure_ascii=False).encode
PLAIN = Style()
STRONG = Style(bold=True)


def worded(text: str, styles: Mapping[str, Style] = {}) -> tuple[list[ansi.Run], str] | None:
    """The runs of a line whose end is a JSON object, and its level; None for any other line.

    styles: of levels by their names, and of the names of fields as `name`.
    """
    start = text.find("{")
    if start < 0 or len(text) > LONGEST or not text.rstrip().endswith("}"):
        return None
    try:
        found = json.loads(text[start:])
    except (ValueError, RecursionError):
        return None
    if not start and not found:
        return None
    runs, kind = _said(found, styles)
    return [*ansi.runs(text[:start]), *runs], kind


def _said(found: dict[str, object], styles: Mapping[str, Style]) -> tuple[list[ansi.Run], str]:
    first = next((name for name in LEVELS if name in found), "")
    message = next((name for name in MESSAGES if name in found), "")
    runs: list[ansi.Run] = []
    kind = ""
    if first:
        word = _text(found[first])
        kind = level_of(word) or _numbered(found[first])
        runs.append((f"{word.upper():<5} ", styles.get(kind, PLAIN)))
    if message:
        runs.append((f"{_text(found[message])} ", STRONG))
    rest = [name for name in found if name not in (first, message)]
    for name in sorted(rest, key=lambda name: name in TIMES):
        runs += [(f" {_text(name)}=", styles.get("name", PLAIN)), (_text(found[name]), PLAIN)]
    return runs, kind


def _numbered(value: object) -> str:
    """The level of a number as pino and bunyan write it: 30 is info."""
    if not isinstance(value, int) or isinstance(value, bool) or not 10 <= value <= 60:
        return ""
    return ("debug", "debug", "info", "warning", "error", "error")[value // 10 - 1]


def _text(value: object) -> str:
    words = value if isinstance(value, str) else _ENCODED(value)
    return ansi.plain(" ".join(words.split()))
