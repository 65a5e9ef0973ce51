"""What an outline holds: items by key at some depth, what is folded, a cursor, a search.

Pure state, no screen. Invariant: folds and cursor belong to keys, so that items given again and
again stay as the user left them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from tuidock.anatomy_lines.item import Item


class OutlineModel:
    """Items in the order given, each after the one that it belongs to."""

    def __init__(self) -> None:
        self.items: tuple[Item, ...] = ()
        self.shown: tuple[Item, ...] = ()
        """Those that no fold hides."""
        self.cursor = 0
        """Index among the shown ones."""
        self.searched = ""
        self._toggled: set[str] = set()
        """Keys of items that are not as they were given: opened, or closed."""

    def replace(self, items: Sequence[Item]) -> None:
        """Take other items; the cursor stays on its key, or on its line."""
        self.items = tuple(items)
        self._show()

    @property
    def current(self) -> Item | None:
        return self.shown[self.cursor] if self.shown else None

    def bearers(self) -> set[int]:
        """Of shown items with equal words in a row, the one that tells them: where the cursor is,
        or else the first.
        """
        found: set[int] = set()
        for words, row in groupby(enumerate(self.shown), key=lambda each: each[1].words):
            places = [index for index, _ in row]
            if words:
                found.add(self.cursor if self.cursor in places else places[0])
        return found

    def is_closed(self, item: Item) -> bool:
        return item.folds and item.closed != (item.key in self._toggled)

    def move_to(self, index: int) -> None:
        """The nearest item there is."""
        self.cursor = max(0, min(index, len(self.shown) - 1))

    def fold(self, key: str, *, closed: bool) -> bool:
        """Close or open an item; False when it was so already, or has nothing to fold."""
        item = next((each for each in self.items if each.key == key), None)
        if item is None or not item.folds or self.is_closed(item) == closed:
            return False
        self._toggled ^= {key}
        self._show()
        return True

    def fold_all(self, *, closed: bool) -> None:
        """Close every section, or open everything but what is deepest."""
        folding = [each for each in self.items if each.folds]
        wanted = {each.key: closed or each.depth > 1 for each in folding}
        self._toggled = {each.key for each in folding if each.closed != wanted[each.key]}
        self._show()

    def parent(self, index: int) -> int:
        """Index among the shown of the item that this one belongs to; itself at the top."""
        depth = self.shown[index].depth
        above = (i for i in range(index, -1, -1) if self.shown[i].depth < depth)
        return next(above, index)

    def search(self, text: str) -> list[str]:
        """Keys of the items with a text in their facts, or else in their words, whatever its
        case; folded ones too.
        """
        self.searched = text.casefold()
        if not self.searched:
            return []
        found = [each.key for each in self.items if self.searched in each.facts.casefold()]
        return found or [it.key for it in self.items if self.searched in it.words.casefold()]

    def reveal(self, key: str) -> None:
        """Open what hides an item, and put the cursor on it."""
        for each in self._above(key):
            self.fold(each.key, closed=False)
        self._seek(key)

    def _above(self, key: str) -> Iterable[Item]:
        path: list[Item] = []
        for each in self.items:
            del path[each.depth :]
            if each.key == key:
                return path
            path.append(each)
        return []

    def _show(self) -> None:
        key = self.current.key if self.current else ""
        shown, hidden_below = [], -1
        for each in self.items:
            if 0 <= hidden_below < each.depth:
                continue
            hidden_below = each.depth if self.is_closed(each) else -1
            shown.append(each)
        self.shown = tuple(shown)
        self._seek(key)

    def _seek(self, key: str) -> None:
        found = next((i for i, each in enumerate(self.shown) if each.key == key), self.cursor)
        self.move_to(found)
