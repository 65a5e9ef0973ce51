"""One thing in a list, as the screens make them for a `ListPane`. A plain value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tuidock.matching import Subject
from tuidock.widgets.paint import Cell

Value = str | float


class Item(NamedTuple):
    """One thing in a list."""

    key: str
    cells: Sequence[Cell]
    text: str
    """What the words of a filter look at."""
    order: Mapping[str, Value]
    """Values to sort by, for each sortable column."""
    style: str = ""
    facts: Mapping[str, str | float] = {}
    """What a filter may ask about by name."""
    labels: Mapping[str, str] = {}

    @property
    def subject(self) -> Subject:
        """What the filter judges."""
        return Subject(self.text, self.facts, self.labels)
