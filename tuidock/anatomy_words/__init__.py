"""What each part of a container is for, and what would happen without it: a sentence each.

The table that the anatomy view reads, by the `kind` of `engine.anatomy`'s nouns. Written for
people who learn what a container is. Invariant: there are words for every kind that the engine
can tell of (a test asks real containers of all sorts).
"""

from __future__ import annotations

from typing import NamedTuple

from tuidock.anatomy_words import births, capabilities, files, parts


class Words(NamedTuple):
    """What is said of one kind of line."""

    purpose: str
    without: str

    def __str__(self) -> str:
        return f"{self.purpose} {self.without}"


_ALL = {
    kind: Words(*said)
    for table in (births.WORDS, parts.WORDS, files.WORDS, capabilities.WORDS)
    for kind, said in table.items()
}


def words(kind: str) -> Words:
    """Raises KeyError for a kind that there are no words for."""
    return _ALL[kind]


def known(kind: str) -> bool:
    """Whether there are words for it."""
    return kind in _ALL
