"""Values made when somebody looks: cells and figures of rows that nobody sees cost nothing.

Invariant: what is made once stays; two rows are equal when what they would be made from looks
the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar, overload

from tuidock.widgets.paint import Cell

V = TypeVar("V")


class Cells(Sequence[Cell]):
    """The cells of a row, made at first use."""

    __slots__ = ("_look", "_looks", "_made", "_make")

    def __init__(
        self, make: Callable[[], tuple[Cell, ...]], looks: Callable[[], tuple[object, ...]]
    ) -> None:
        """`looks` is everything that `make` shows, as values that are cheap to compare."""
        self._make, self._look = make, looks
        self._made: tuple[Cell, ...] | None = None
        self._looks: tuple[object, ...] | None = None

    @property
    def made(self) -> tuple[Cell, ...]:
        if self._made is None:
            self._made = self._make()
        return self._made

    @property
    def looks(self) -> tuple[object, ...]:
        if self._looks is None:
            self._looks = self._look()
        return self._looks

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Cells) and self.looks == other.looks)

    def __hash__(self) -> int:
        return hash(self.looks)

    def __len__(self) -> int:
        return len(self.made)

    @overload
    def __getitem__(self, place: int) -> Cell: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Cell]: ...
    def __getitem__(self, place: int | slice) -> Cell | Sequence[Cell]:
        return self.made[place]


class Figures(Mapping[str, V]):
    """Named values, made at first use."""

    __slots__ = ("_made", "_make")

    def __init__(self, make: Callable[[], Mapping[str, V]]) -> None:
        self._make = make
        self._made: Mapping[str, V] | None = None

    @property
    def made(self) -> Mapping[str, V]:
        if self._made is None:
            self._made = self._make()
        return self._made

    def __getitem__(self, name: str) -> V:
        return self.made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.made)

    def __len__(self) -> int:
        return len(self.made)
