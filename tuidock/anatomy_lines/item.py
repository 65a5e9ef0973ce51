"""One line of an anatomy, before anybody knows how wide the screen is."""

from __future__ import annotations

from typing import NamedTuple


class Item(NamedTuple):
    """One fact; an outline does not paint equal ones again."""

    key: str
    depth: int
    label: str
    left: str = ""
    """The first column: what is said of the container."""
    right: str = ""
    """The second: what is said of the host."""
    words: str = ""
    """A sentence about what it is for."""
    folds: bool = False
    """It has items below it, which can be folded away."""
    closed: bool = False
    """Folded until the user opens it."""
    changed: bool = False
    """Its value is another than when it was last looked at."""

    rail: str = ""
    """Drawn below the label, so that it reaches the next item."""
    style: str = ""
    """Of the first column, such as `$text-success`."""

    @property
    def facts(self) -> str:
        """All of it but the words, for a search."""
        return "\n".join((self.label, self.left, self.right))
