"""A log as a file: what is shown or marked, without colours, with times when they are shown.

Invariant: a file that is there already is never written over.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from tuidock.engine.types import LogLine
from tuidock.widgets import ansi
from tuidock.widgets.log_excerpt import PATIENCE
from tuidock.widgets.log_expression import Patience
from tuidock.widgets.log_paint import stamp
from tuidock.widgets.log_search import Pattern, accepted
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


async def save(
    source: LogSource,
    path: str,
    stamps: int,
    patterns: Sequence[Pattern] = (),
    marked: Sequence[int] = (),
) -> int:
    """Write the marked lines, in order, or else all that the patterns accept; how many.

    Raises OSError, TooSlow.
    """
    count = 0
    spans = _neighbours(marked) if marked else [(source.first, source.end)]
    with open(os.path.expanduser(path), "x", encoding="utf-8") as file:  # noqa: ASYNC230  # a local file
        for span in _batches(spans):
            said = await aside(source, partial(_said, source, span, patterns, stamps))
            count += len(said)
            file.write("".join(said))
    return count


def _neighbours(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Runs of numbers that follow each other, as (first, last + 1)."""
    start = stop = numbers[0]
    for number in numbers:
        if number != stop:
            yield start, stop
            start = number
        stop = number + 1
    yield start, stop


def _batches(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    for start, stop in spans:
        yield from ((at, min(at + BATCH, stop)) for at in range(start, stop, BATCH))


def _said(
    source: LogSource, span: tuple[int, int], patterns: Sequence[Pattern], stamps: int
) -> list[str]:
    """The lines of a span that all patterns accept, as they are written."""
    lines = source.lines(*span)
    kept = accepted(
        [line.name.encode() + line.text for line in lines], patterns, Patience(PATIENCE)
    )
    return [_written(lines[place], stamps) for place in kept]


def _written(line: LogLine, stamps: int) -> str:
    text = ansi.plain(line.name + line.text.decode("utf-8", "replace"))
    return (stamp(line.at, stamps) if stamps else "") + text + ("" if line.partial else "\n")
