"""Outline: facts in sections that fold, in one column or two, each with its sentence.

It is given all its items again and again, and paints what differs. Invariant: the cursor belongs
to a key, so facts may come, go and change below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tuidock.anatomy_lines.item import Item
from tuidock.widgets.outline_lines import Line, Widths, lines, widths
from tuidock.widgets.outline_model import OutlineModel
from tuidock.widgets.paint import Resolve, colourless, resolver

__all__ = ["Item", "Outline"]

_HEAD = 1
"""Lines above the first item: the names of the columns."""


class Outline(ScrollView, can_focus=True):
    """Facts that fold."""

    DEFAULT_CSS = """
    Outline {
        background: $background; color: $foreground;
        overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1;
        & > .outline--header { color: $text-muted; text-style: bold; background: $panel; }
        & > .outline--cursor { background: $block-cursor-blurred-background; }
        & > .outline--cursor-focused { background: $block-cursor-background; }
        & > .outline--found { background: $block-cursor-blurred-background; text-style: bold; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "outline--header",
        "outline--cursor",
        "outline--cursor-focused",
        "outline--found",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", "Down", show=False, id="outline.down"),
        Binding("k,up", "move(-1)", "Up", show=False, id="outline.up"),
        Binding("g,home", "end(0)", "First", show=False, id="outline.first"),
        Binding("G,end", "end(1)", "Last", show=False, id="outline.last"),
        Binding("ctrl+f,pagedown", "page(1.0)", "Page down", show=False, id="outline.page_down"),
        Binding("ctrl+b,pageup", "page(-1.0)", "Page up", show=False, id="outline.page_up"),
        Binding("ctrl+d", "page(0.5)", "Half page down", show=False, id="outline.half_down"),
        Binding("ctrl+u", "page(-0.5)", "Half page up", show=False, id="outline.half_up"),
        Binding("enter,space", "fold", "Fold", tooltip="Open or close", id="outline.toggle"),
        Binding("l,right", "open", "Open", show=False, id="outline.open"),
        Binding("h,left", "close", "Close", show=False, id="outline.close"),
        Binding("right_curly_bracket", "section(1)", "Next section", show=False,
                id="outline.next_section"),
        Binding("left_curly_bracket", "section(-1)", "Previous section", show=False,
                id="outline.previous_section"),
        Binding("asterisk", "fold_all(False)", "Open all", show=False, id="outline.open_all"),
        Binding("minus", "fold_all(True)", "Close all", show=False, id="outline.close_all"),
        Binding("w", "words", "Words", tooltip="What each line is for, on all lines or only on "
                "the chosen one", id="outline.words"),
        Binding("slash", "search", "Search", tooltip="In values and sentences",
                id="outline.search"),
        Binding("n", "match(1)", "Next match", show=False, id="outline.next"),
        Binding("N", "match(-1)", "Previous match", show=False, id="outline.previous"),
    ]  # fmt: skip

    class SearchWanted(Message):
        """Somebody wants to type what to look for."""

    class Leave(Message):
        """Left of everything: out of here."""

    def __init__(self, columns: tuple[str, str] = ("", ""), *, id: str | None = None) -> None:
        """`columns` are the names of the two columns."""
        super().__init__(id=id)
        self._names = columns
        self._model = OutlineModel()
        self._all_words = True
        self._matches: list[str] = []
        self._room = Widths(0, 0, 0)
        self._laid: dict[str, tuple[object, list[Line]]] = {}
        self._starts: list[int] = []
        """The first line of each shown item; one more, the end."""
        self._owners: list[int] = []
        """Of each line, the shown item."""
        self._resolvers: dict[str, Resolve] = {}

    # --- what it shows ------------------------------------------------------------------------

    @property
    def current(self) -> Item | None:
        """The item that the cursor is on."""
        return self._model.current

    @property
    def items(self) -> tuple[Item, ...]:
        """All of them, as last given."""
        return self._model.items

    @property
    def shown(self) -> tuple[Item, ...]:
        """The items that no fold hides."""
        return self._model.shown

    @property
    def matches(self) -> tuple[int, int]:
        """Which of how many matches the cursor is on, from 1; 0 for none of them."""
        key = self.current.key if self.current else ""
        at = self._matches.index(key) + 1 if key in self._matches else 0
        return at, len(self._matches)

    def set_items(self, items: Sequence[Item]) -> None:
        """Replace all items; only lines that look different are painted again."""
        if tuple(items) == self._model.items:
            return
        before = self._every_line()
        self._model.replace(items)
        if self._model.searched:
            self._matches = self._model.search(self._model.searched)
            self.refresh(Region(0, 0, self.size.width, _HEAD))
        self._lay_out()
        self._refresh_changed(before)

    def _every_line(self) -> list[tuple[int, Line]]:
        return [(self._owners[y], self._line(y)) for y in range(*self._visible())]

    def _visible(self) -> tuple[int, int]:
        top = self.scroll_offset.y
        return top, min(len(self._owners), top + max(0, self.size.height - _HEAD))

    def _refresh_changed(self, before: list[tuple[int, Line]]) -> None:
        now = self._every_line()
        if len(now) != len(before):
            self.refresh()
            return
        for y, (was, is_now) in enumerate(zip(before, now, strict=True)):
            if was != is_now:
                self.refresh(Region(0, y + _HEAD, self.size.width, 1))

    # --- layout -------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        """Where the lines of the shown items are; text is broken anew only where it differs."""
        self._starts, self._owners = [], []
        laid: dict[str, tuple[object, list[Line]]] = {}
        bearers = self._model.bearers() if self._all_words else {self._model.cursor}
        for index, item in enumerate(self._model.shown):
            words = index in bearers
            state = (item, self._mark(item), self._room, words, index == 0)
            kept = self._laid.get(item.key)
            if kept is None or kept[0] != state:
                kept = state, lines(item, state[1], self._room, words=words, first=index == 0)
            laid[item.key] = kept
            self._starts.append(len(self._owners))
            self._owners += [index] * len(kept[1])
        self._starts.append(len(self._owners))
        self._laid = laid
        size = Size(self.size.width, len(self._owners) + _HEAD)
        if size != self.virtual_size:
            self.virtual_size = size

    def _mark(self, item: Item) -> str:
        if not item.folds:
            return "  "
        return "▸ " if self._model.is_closed(item) else "▾ "

    def _line(self, y: int) -> Line:
        index = self._owners[y]
        return self._laid[self._model.shown[index].key][1][y - self._starts[index]]

    # --- cursor and folds -----------------------------------------------------------------------

    def _changed(self) -> None:
        """The cursor moved, or something was folded."""
        self._lay_out()
        self._show_cursor()
        self.refresh()

    def _show_cursor(self) -> None:
        if not self._model.shown:
            return
        first, end = self._starts[self._model.cursor : self._model.cursor + 2]
        top, height = self.scroll_offset.y, max(1, self.size.height - _HEAD)
        if first < top or self._model.cursor == 0:
            self.scroll_to(y=first if self._model.cursor else 0, animate=False, force=True)
        elif end > top + height:
            self.scroll_to(y=min(first, end - height), animate=False, force=True)

    def action_move(self, items: int) -> None:
        self._model.move_to(self._model.cursor + items)
        self._changed()

    def action_end(self, end: int) -> None:
        self._model.move_to(end * len(self._model.shown))
        self._changed()

    def action_page(self, pages: float) -> None:
        """By what fits on the screen, whatever its items' heights."""
        if not self._starts:
            return
        y = self._starts[self._model.cursor] + int(pages * max(1, self.size.height - _HEAD - 1))
        self._model.move_to(self._owners[max(0, min(y, len(self._owners) - 1))])
        self._changed()

    def action_section(self, by: int) -> None:
        tops = [i for i, each in enumerate(self._model.shown) if each.depth == 0]
        cursor = self._model.cursor
        beyond = [i for i in tops if (i > cursor if by > 0 else i < cursor)]
        if beyond:
            self._model.move_to(beyond[0] if by > 0 else beyond[-1])
            self._changed()
            self.scroll_to(y=self._starts[self._model.cursor], animate=False, force=True)

    def action_fold(self) -> None:
        if self.current is not None:
            closed = self._model.is_closed(self.current)
            self._model.fold(self.current.key, closed=not closed)
            self._changed()

    def action_open(self) -> None:
        if self.current is not None and self._model.fold(self.current.key, closed=False):
            self._changed()

    def action_close(self) -> None:
        """Close it, or go to what it belongs to, or leave."""
        if self.current is None or (self.current.depth == 0 and not self._is_open()):
            self.post_message(self.Leave())
        elif self._model.fold(self.current.key, closed=True):
            self._changed()
        else:
            self._model.move_to(self._model.parent(self._model.cursor))
            self._changed()

    def _is_open(self) -> bool:
        it = self.current
        return it is not None and it.folds and not self._model.is_closed(it)

    def action_fold_all(self, closed: bool) -> None:
        self._model.fold_all(closed=closed)
        self._changed()

    def action_words(self) -> None:
        self._all_words = not self._all_words
        self._changed()

    # --- search ---------------------------------------------------------------------------------

    def action_search(self) -> None:
        self.post_message(self.SearchWanted())

    def search(self, text: str) -> None:
        """Mark what holds a text, and go to the first of it; empty: forget the search."""
        self._matches = self._model.search(text)
        if self._matches:
            self._model.reveal(self._matches[0])
        self._changed()

    def action_match(self, by: int) -> None:
        """The next match below the cursor, or above it, round the corner at the ends."""
        if not self._matches:
            return
        order = {each.key: number for number, each in enumerate(self._model.items)}
        here = order[self.current.key] if self.current else 0
        places = [order[key] for key in self._matches]
        beyond = [at for at in places if (at > here if by > 0 else at < here)]
        ends = (places[0], places[-1]) if not beyond else (beyond[0], beyond[-1])
        self._model.reveal(self._model.items[ends[0] if by > 0 else ends[1]].key)
        self._changed()

    # --- paint ----------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        if y < _HEAD:
            return self._header()
        at = y - _HEAD + self.scroll_offset.y
        if at >= len(self._owners):
            return Strip.blank(self.size.width, self.visual_style.rich_style)
        index, line = self._owners[at], self._line(at)
        air = not any(text for text, _ in line)
        return self._painted(line, "" if air else self._part(self._model.shown[index], index))

    def _part(self, item: Item, index: int) -> str:
        if index == self._model.cursor:
            return "cursor-focused" if self.has_focus else "cursor"
        return "found" if item.key in self._matches else ""

    def _painted(self, line: Line, part: str) -> Strip:
        resolve = self._look(part)
        segments = [Segment(text, resolve(style)) for text, style in line if text]
        return Strip(segments).adjust_cell_length(self.size.width, resolve(""))

    def _look(self, part: str) -> Resolve:
        if part not in self._resolvers:
            base = self.get_visual_style(f"outline--{part}") if part else self.visual_style
            look = colourless(base) if part == "header" else resolver(base)
            self._resolvers[part] = look
        return self._resolvers[part]

    def _header(self) -> Strip:
        room, (left, right) = self._room, self._names
        text = f"{left:<{room.left + 2}}{right}" if room.right else f"{left}, {right} below"
        text = " " * (room.label + 2) + text
        if self._model.searched:
            at, of = self.matches
            said = f"{at} of {of} " if of else "found nowhere "
            text = f"{text:<{room.all - len(said)}}{said}"
        return self._painted(((text, ""),), "header")

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._resolvers.clear()

    # --- events -----------------------------------------------------------------------------------

    def on_resize(self) -> None:
        self._room = widths(self.size.width - 1)
        self._lay_out()
        self._show_cursor()
        self.refresh()

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None or offset.y < _HEAD:
            return
        at = offset.y - _HEAD + self.scroll_offset.y
        if at >= len(self._owners):
            return
        self._model.move_to(self._owners[at])
        if self.current is not None and self.current.folds:
            self.action_fold()
        else:
            self._changed()
