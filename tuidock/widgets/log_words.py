"""What is said about a log: the status line, one whole line set out. Pure functions."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from textual.content import Content, Span

from tuidock.engine.types import LogLine
from tuidock.widgets import ansi
from tuidock.widgets.log_lines import LogLines
from tuidock.widgets.log_search import Pattern
from tuidock.widgets.log_sieve import Sieve
from tuidock.widgets.log_source import Beginning

PANEL = 64 * 1024
"""Bytes of one line that its panel shows and a copy takes."""


_STRING = r'"(?:[^"\\]|\\.)*"'
_TOKEN = re.compile(
    rf"(?P<name>{_STRING})(?=: )|(?P<text>{_STRING})"
    r"|(?P<value>-?\b\d[\d.eE+-]*|\b(?:true|false|null)\b)"
)
COLOURED = 16 * 1024
"""Characters of set out JSON that have colours."""
_INK = {"name": "$text-accent", "text": "$text-success", "value": "$text-warning"}


def plain_of(line: LogLine) -> str:
    """A line's text without escapes, under its name; of a monster the beginning."""
    return ansi.plain(line.name + line.text[:PANEL].decode("utf-8", "replace"))


def lined(numbers: Sequence[int]) -> str:
    """How many lines, with the noun."""
    return f"{len(numbers):,} line{'s' * (len(numbers) != 1)}"


def set_out(text: str) -> Content:
    """JSON on several lines, in colours; anything else as it is."""
    start = text.find("{")
    if start < 0:
        return Content(text)
    try:
        laid = json.dumps(json.loads(text[start:]), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return Content(text)
    spans = [
        Span(start + found.start(), start + found.end(), _INK[found.lastgroup or ""])
        for found in _TOKEN.finditer(laid[:COLOURED])
    ]
    return Content(text[:start] + laid, spans)


def status(lines: LogLines, dropped: int, banner: str = "") -> Content:
    """The status line: where the reader is, what is searched and kept, what is switched on."""
    excerpt = lines.excerpt
    parts = [_place(lines)]
    if banner:
        parts.append((banner, "$text-accent"))
    if excerpt.filter is not None:
        kept = f"{excerpt.count:,} kept"
        parts.append((f"{_typed(excerpt.filter)}  {kept}", "$text-accent"))
    if excerpt.search is not None:
        parts.append(
            (
                f"/ {_pattern(excerpt.search.patterns[0])}  {_hits(lines, excerpt.search)}",
                "$text-primary",
            )
        )
    if lines.excerpt.looked < 1:
        parts.append((f"searching {lines.excerpt.looked:.0%}", "$text-warning"))
    if lines.busy:
        parts.append((lines.busy, "$text-warning"))
    if lines.window:
        parts.append((lines.window, "$text-accent"))
    if lines.marks:
        parts.append((f"{len(lines.marks):,} marked", "$text-accent"))
    if not lines.worded:
        parts.append(("JSON as written", ""))
    if lines.wrap:
        parts.append(("wrap", ""))
    if lines.scroll_offset.x:
        parts.append((f"→{lines.scroll_offset.x}", ""))
    if dropped:
        parts.append((f"{dropped:,} skipped", "$text-warning"))
    return Content("   ").join([Content.styled(text, style) for text, style in parts])


def _place(lines: LogLines) -> tuple[str, str]:
    excerpt = lines.excerpt
    source, count = excerpt.source, excerpt.count
    # Lines that are not counted are taken to be as long as those that are.
    known = source.end - source.first
    guess = 0 if source.complete else round(known / max(1e-6, 1 - source.uncounted)) - known
    about = "≈ " if guess else ""
    if lines.follow:
        lines_in_all = known + guess
        noun = "line" if lines_in_all == 1 else "lines"
        return f"● following  {about}{lines_in_all:,} {noun}", "$text-success"
    if excerpt.filter is not None:
        guess = 0
    before = 0 if isinstance(source, Beginning) else guess
    at = min(count, lines.scroll_offset.y + 1) + before
    return (
        f"◌ line {'≈ ' if before else ''}{at:,} of {'≈ ' if guess else ''}{count + guess:,}"
        "  f follows",
        "$text-warning",
    )


def _typed(sieve: Sieve) -> str:
    """The patterns of a filter, each with its key."""
    return "  ".join(f"{'!' if it.inverse else '&'} {_pattern(it)}" for it in sieve.patterns)


def _pattern(pattern: Pattern) -> str:
    text = pattern.text.removeprefix("!") if pattern.inverse else pattern.text
    if pattern.slow:
        return f"{text} (takes too long, given up)"
    return f"{text} (as plain text)" if pattern.literal else text


def _hits(lines: LogLines, search: Sieve) -> str:
    rank = search.rank(lines.current) if lines.current is not None else 0
    found = f"{search.count:,}"
    return f"{rank:,} of {found}" if rank else f"{found} found"
