"""A stage for screen tests: the app on a fake harbour, time that only the test turns."""

from __future__ import annotations

import html
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from textual import events
from textual.pilot import Pilot
from textual.theme import Theme
from textual.widget import Widget

from tuidock.app import TuidockApp
from tuidock.config import Config
from tuidock.engine.fake import FakeEngine, StoppedClock
from tuidock.engine.fake.scene import harbour
from tuidock.engine.types import Container
from tuidock.screens.listing import ListPane
from tuidock.world import World

CHARACTERS = {"slash": "/", "enter": "\r", "space": " "}
_RUN = re.compile(r'<text class="[^"]*-r\d+" x="[^"]*" y="([^"]*)"[^>]*>([^<]*)</text>')
"""One run of text of one style in Textual's SVG."""
DEADLINE = 60.0
"""Seconds until a condition that should come at once counts as never."""


class Stage:
    """The app in a test: press keys, turn the clock, look."""

    def __init__(
        self, app: TuidockApp, engine: FakeEngine, pilot: Pilot[int], clock: StoppedClock
    ) -> None:
        self.app = app
        self.engine = engine
        self.pilot = pilot
        self.clock = clock

    @property
    def world(self) -> World:
        return self.app.world

    @property
    def calls(self) -> list[tuple[str, ...]]:
        return self.engine.containers.calls

    def container(self, name: str) -> Container:
        return next(it for it in self.world.containers.values() if it.name == name)

    async def press(self, *keys: str) -> None:
        """Press keys, and wait until all of them were heard."""
        await self.pilot.press(*keys)
        await self.until(lambda: self.app.all_heard)
        await self.pilot.pause()

    async def burst(self, *keys: str) -> None:
        """Press keys faster than anything can answer, as a person does who knows the way."""
        for key in keys:
            character = key if len(key) == 1 else CHARACTERS.get(key)
            self.app.post_message(events.Key(key, character))
        await self.press()

    async def type(self, text: str) -> None:
        names = {
            " ": "space",
            "/": "slash",
            ":": "colon",
            ".": "full_stop",
            "!": "exclamation_mark",
        }
        await self.press(*(names.get(letter, letter) for letter in text))

    async def turn(self, seconds: float) -> None:
        await self.clock.advance(seconds)
        await self.pilot.pause()

    async def until(self, true: Callable[[], object]) -> None:
        """Wait for something that needs no more than the event loop to happen."""
        end = time.monotonic() + DEADLINE
        while not true():
            assert time.monotonic() < end, f"never came true, the screen was:\n{self.text()}"
            await self.pilot.pause(0.01)

    def rows(self, pane: str = "#list") -> list[tuple[str, ...]]:
        """The rows of a list as plain words."""
        table = self.app.screen.query_one(pane, ListPane).table
        return [tuple(str(cell) for cell in row.cells) for row in table.rows]

    def names(self) -> list[str]:
        return [row[1] for row in self.rows()]

    def cursor(self) -> str:
        """The name in the row under the cursor."""
        table = self.app.screen.query_one("#list", ListPane).table
        return next((str(row.cells[1]) for row in table.rows if row.key == table.cursor_key), "")

    def text(self) -> str:
        """What is on the screen, line by line."""
        lines: dict[float, list[str]] = {}
        for y, text in _RUN.findall(self.app.export_screenshot()):
            lines.setdefault(float(y), []).append(html.unescape(text).replace("\xa0", " "))
        return "\n".join("".join(lines[y]).strip("\n") for y in sorted(lines))

    def shows(self, words: str) -> bool:
        return words in self.text()

    @property
    def focused(self) -> Widget | None:
        return self.app.screen.focused


@asynccontextmanager
async def staged(
    *,
    size: tuple[int, int] = (120, 40),
    config: Config | None = None,
    scene: bool = True,
    memory: str = "",
    read_only: bool = False,
    themes: Sequence[Theme] = (),
    greet: bool = False,
) -> AsyncIterator[Stage]:
    """The app on a harbour (or on an engine with nothing in it), loaded and at rest."""
    clock = StoppedClock()
    engine = FakeEngine(clock)
    if scene:
        await harbour(engine)
    app = TuidockApp(
        engine, config, clock.time, memory, read_only=read_only, themes=themes, greet=greet
    )
    async with app.run_test(size=size, notifications=True) as pilot:
        stage = Stage(app, engine, pilot, clock)
        await stage.until(lambda: app.world.loaded)
        await stage.turn(2)
        yield stage
    await engine.close()


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged() as it:
        yield it
