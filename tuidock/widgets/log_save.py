"""A log as a file: what is shown, without colours, with times when they are shown.

Invariant: a file that is there already is never written over.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from functools import partial

from tuidock.engine.types import LogLine
from tuidock.widgets import ansi
from tuidock.widgets.log_excerpt import Excerpt
from tuidock.widgets.log_paint import stamp
from tuidock.widgets.log_search import Pattern
from tuidock.widgets.log_source import LogSource, aside

BATCH = 2000
"""Lines that are written at once."""


def suggested(name: str, now: float) -> str:
    """A path nobody has used yet, in the home directory."""
    moment = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    return f"~/{name or 'container'}-{moment}.log"


def problem(path: str) -> str:
    """What is wrong with a path to save to; nothing when it will do."""
    path = os.path.expanduser(path)
    if os.path.exists(path):
        return "that file is there already"
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        return f"there is no directory {folder}"
    return ""


async def save(excerpt: Excerpt, path: str, stamps: int) -> int:
    """Write the lines that the filter lets through as of now; how many. Raises OSError."""
    source, count = excerpt.source, 0
    patterns = excerpt.filter.patterns if excerpt.filter else ()
    at, end = source.first, source.end
    with open(os.path.expanduser(path), "x", encoding="utf-8") as file:  # noqa: ASYNC230  # a local file
        while at < end:
            stop = min(end, at + BATCH)
            said = await aside(source, partial(_said, source, (at, stop), patterns, stamps))
            count += len(said)
            file.write("".join(said))
            at = stop
    return count


def _said(
    source: LogSource, span: tuple[int, int], patterns: Sequence[Pattern], stamps: int
) -> list[str]:
    """The lines of a span that all patterns accept, as they are written."""
    said = []
    for line in source.lines(*span):
        text = ansi.plain(line.text.decode("utf-8", "replace"))
        if all(it.accepts(text) for it in patterns):
            said.append(_written(line, text, stamps))
    return said


def _written(line: LogLine, text: str, stamps: int) -> str:
    return (stamp(line.at, stamps) if stamps else "") + text + ("" if line.partial else "\n")
