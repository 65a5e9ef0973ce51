"""A log as a file: what is shown, without colours, with times when they are shown.

Invariant: a file that is there already is never written over.
"""

from __future__ import annotations

import asyncio
import os
import time

from tuidock.engine.types import LogLine
from tuidock.widgets import ansi
from tuidock.widgets.log_excerpt import Excerpt
from tuidock.widgets.log_paint import stamp

BATCH = 2000
"""Lines written before the screen gets its turn."""


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
    source, kept, count = excerpt.source, excerpt.filter, 0
    end = source.end
    with open(os.path.expanduser(path), "x", encoding="utf-8") as file:  # noqa: ASYNC230  # a local file
        for start in range(source.first, end, BATCH):
            for line in source.lines(start, min(end, start + BATCH)):
                text = ansi.plain(line.text.decode("utf-8", "replace"))
                if kept is None or all(it.accepts(text) for it in kept.patterns):
                    file.write(_written(line, text, stamps))
                    count += 1
            await asyncio.sleep(0)
    return count


def _written(line: LogLine, text: str, stamps: int) -> str:
    return (stamp(line.at, stamps) if stamps else "") + text + ("" if line.partial else "\n")
