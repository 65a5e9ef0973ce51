"""An anatomy as plain text: a line for each fact, its sentence below.

Pure. Invariant: nothing is cut away, and nothing in it can command a terminal.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from tuidock.anatomy_lines.item import Item
from tuidock.engine.logs.sanitise import plain

_LABEL = 34
"""Columns of the name with its indent."""


def lines(items: Iterable[Item], width: int, *, sentences: bool = True) -> Iterator[str]:
    """Sentences are wrapped at `width` columns; facts are as long as they are."""
    said = ""
    for number, item in enumerate(items):
        if number and item.depth == 0:
            yield ""
        yield _fact(item) if item.depth else f"{item.label}: {plain(item.left)}"
        if sentences and item.words != said:
            margin = " " * (2 * item.depth + 2)
            yield from textwrap.wrap(
                item.words, max(width, 40), initial_indent=margin, subsequent_indent=margin
            )
        said = item.words


def _fact(item: Item) -> str:
    label = f"{'  ' * item.depth}{plain(item.label)}"
    host = f"  host: {plain(item.right)}" if item.right else ""
    return f"{label:<{_LABEL}}  {plain(item.left)}{host}".rstrip()
