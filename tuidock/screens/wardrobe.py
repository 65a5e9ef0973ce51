"""The menu of themes: each is worn while the cursor is on it."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.theme import Theme
from textual.widgets import OptionList

from tuidock.themes import TITLES
from tuidock.widgets.dialogs import Choose


class ChooseTheme(Choose):
    """The name of a theme; what is under the cursor shows at once."""

    def __init__(self, worn: str, own: Sequence[Theme]) -> None:
        """`worn` is the theme until now, `own` are the user's."""
        names = [*TITLES, *(it.name for it in own)]
        width = max(len(name) for name in names) + 2
        options = [(name, f"{name:<{width}}{TITLES.get(name, 'your own')}") for name in names]
        super().__init__("Theme", options, first=worn, keys={})
        self._names = names

    @on(OptionList.OptionHighlighted)
    def _try_on(self, event: OptionList.OptionHighlighted) -> None:
        self.app.theme = self._names[event.option_index]
