"""Jump: a letter on every place that can be gone to; pressing it goes there.

Invariant: no letter stands for two places, and any other key only takes the letters away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from textual import events
from textual.app import ComposeResult
from textual.geometry import Offset
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from tuidock.screens.chrome import TitleBar
from tuidock.screens.detail import Detail
from tuidock.widgets.modal import Modal

LETTERS = "asdfghjklqwertyuiopzxcvbnm"


class Place(NamedTuple):
    """Somewhere to go."""

    at: Offset
    go: Callable[[], object]
    name: str = ""
    """The first of its letters that is free is pressed for it, else the next free one."""


class JumpScreen(Modal[None]):
    """The letters, over the screen as it is."""

    DEFAULT_CSS = """
    JumpScreen {
        background: transparent;
        & > Static {
            position: absolute; width: 1; height: 1;
            background: $accent; color: $background; text-style: bold;
        }
    }
    """

    def __init__(self, places: list[Place]) -> None:
        super().__init__()
        self._places: dict[str, Place] = {}
        for place in places:
            free = (it for it in place.name.lower() + LETTERS if it not in self._places)
            if letter := next(free, ""):
                self._places[letter] = place

    def compose(self) -> ComposeResult:
        for letter, place in self._places.items():
            label = Static(letter)
            label.styles.offset = (place.at.x, place.at.y)
            yield label

    def on_key(self, event: events.Key) -> None:
        event.stop()
        self.dismiss()
        if event.key in self._places:
            self.app.call_later(self._places[event.key].go)

    def on_click(self) -> None:
        self.dismiss()


def places(screen: Screen[object]) -> list[Place]:
    """Panes by their numbers, tabs, and whatever takes the focus, from the top down."""
    found = [place for bar in screen.query(TitleBar) for place in _panes(bar)]
    for detail in screen.query(Detail):
        if detail.display and detail.region:
            found += [
                Place(detail.region.offset + Offset(x, 0), _opening(detail, name), name)
                for name, x in detail.tab_places()
            ]
    found += [Place(it.region.offset, it.focus) for it in _focusable(screen)]
    return found


def _panes(bar: TitleBar) -> Iterator[Place]:
    for name, key, x in bar.pane_places():
        action = partial(bar.app.run_action, f"pane({name!r})")
        yield Place(Offset(x, bar.region.y), action, key)


def _opening(detail: Detail, name: str) -> Callable[[], object]:
    def go() -> None:
        detail.open(name)
        detail.take_focus()

    return go


def _focusable(screen: Screen[object]) -> list[Widget]:
    seen = [it for it in screen.focus_chain if it.region and it.is_on_screen]
    return sorted(seen, key=lambda it: (it.region.y, it.region.x))
