"""What each part of a container is for, and what would happen without it, in one sentence.

The table that the anatomy view reads, by the `kind` of `engine.anatomy`'s nouns. Written for
people who learn what a container is. Invariant: there are words for every kind that the engine
can tell of (a test asks real containers of all sorts).
"""

from __future__ import annotations

from typing import NamedTuple

from tuidock.anatomy_words import births, calls, capabilities, files, parts, paths


class Words(NamedTuple):
    """What is said of one kind of line."""

    purpose: str
    without: str

    def __str__(self) -> str:
        """As one sentence."""
        return f"{self.purpose.removesuffix('.')}; {self.without[0].lower()}{self.without[1:]}"


_ALL = {
    kind: Words(*said)
    for table in (births, calls, capabilities, files, parts, paths)
    for kind, said in table.WORDS.items()
}


def words(*kinds: str) -> Words:
    """Of the first kind that there are words for: the closest one is named first.

    Raises KeyError when there are none for any.
    """
    return next((_ALL[kind] for kind in kinds if kind in _ALL), None) or _ALL[kinds[-1]]


def known(kind: str) -> bool:
    """Whether there are words for it."""
    return kind in _ALL
