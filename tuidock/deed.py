"""A deed: one change that was made from the interface. Who notes them is deeds.py."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import NamedTuple

KEPT = 500
"""Deeds that are kept, on disk and in memory."""


class Deed(NamedTuple):
    """One thing that was done, or tried."""

    at: float
    words: tuple[str, ...]
    """The command line that does the same."""
    seconds: float = 0.0
    """How long it took."""
    problem: str = ""
    """Why it failed; empty when it did not."""

    @property
    def line(self) -> str:
        return shlex.join(self.words)


def tail(deeds: Sequence[Deed]) -> tuple[Deed, ...]:
    """As many as are kept."""
    return tuple(deeds[-KEPT:])
