"""A stage for widgets: an application that shows them and remembers what they said."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from textual.app import App, ComposeResult
from textual.message import Message
from textual.pilot import Pilot
from textual.widget import Widget

from tuidock import themes

Said = TypeVar("Said", bound=Message)


class Stage(App[None]):
    """Shows widgets under each other."""

    def __init__(self, *widgets: Widget) -> None:
        super().__init__()
        self._widgets = widgets
        self.said: list[Message] = []
        self.register_theme(themes.DARK)
        self.theme = themes.DARK.name

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return themes.defaults(themes.DARK)

    def compose(self) -> ComposeResult:
        yield from self._widgets

    def heard(self, kind: type[Said]) -> list[Said]:
        """Messages of one kind, in order; each once, however many widgets it passed."""
        found = {id(message): message for message in self.said if isinstance(message, kind)}
        return list(found.values())


@asynccontextmanager
async def staged(
    *widgets: Widget, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[Stage, Pilot[None]]]:
    """The widgets on a screen of a size, the first one focused."""
    stage = Stage(*widgets)
    async with stage.run_test(size=size, message_hook=stage.said.append) as pilot:
        if widgets:
            widgets[0].focus()
        await pilot.pause()
        yield stage, pilot


async def until(pilot: Pilot[None], true: Callable[[], bool], seconds: float = 60.0) -> None:
    """Let the application work until something holds; fail when it does not in time."""
    for _ in range(int(seconds / 0.01)):
        if true():
            return
        await pilot.pause(0.01)
    raise AssertionError("it did not happen in time")


def lines_of(widget: Widget) -> list[str]:
    """What a line-API widget shows, line by line."""
    return [widget.render_line(y).text.rstrip() for y in range(widget.size.height)]
