"""Panes, themes, keys, palette, help, images and registries."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.command import CommandPalette

from tests.ui.conftest import Stage, staged
from tests.ui.real_terminal import RealTerminal
from tuidock import config as settings
from tuidock.app import widget_keys
from tuidock.config import Config
from tuidock.engine.errors import Cancelled, EngineError, MonitorGone
from tuidock.engine.fake import FakeEngine
from tuidock.engine.types import RemoteImage, Status
from tuidock.feeds import Feeds
from tuidock.screens.base import bindings
from tuidock.screens.detail import Detail
from tuidock.screens.help import HelpScreen
from tuidock.screens.listing import ListPane
from tuidock.screens.pulling import PullScreen
from tuidock.screens.registry import RegistryScreen
from tuidock.verbs import SCOPES, VERBS
from tuidock.widgets.dialogs import Ask, Confirm
from tuidock.widgets.run_form import RunForm

MAILER = "localhost:5000/acme/mailer:1.0"


async def to_registry(stage: Stage) -> RegistryScreen:
    """The registry pane with the tag of acme/mailer chosen."""
    await stage.press("3")
    screen = stage.app.screen
    assert isinstance(screen, RegistryScreen)
    await stage.until(lambda: screen.repositories.cursor_key)
    await stage.press("j")
    await stage.until(lambda: screen.reference == MAILER)
    await stage.until(lambda: getattr(screen.described, "reference", "") == MAILER)
    return screen


async def test_panes_by_number(stage: Stage) -> None:
    for key, mode in (("2", "images"), ("3", "registry"), ("7", "events"), ("1", "containers")):
        await stage.press(key)
        assert stage.app.current_mode == mode


async def test_a_hidden_pane_does_nothing(stage: Stage) -> None:
    """Its rows stay as they were, and no worker of its tabs is left."""
    screen, before = stage.app.screen, stage.rows()
    await stage.press("2")
    groups = {worker.group for worker in stage.app.workers if not worker.is_finished}
    assert groups <= {"events", "stats"}
    await stage.turn(5)
    table = screen.query_one("#list", ListPane).table
    assert [tuple(str(cell) for cell in row.cells) for row in table.rows] == before
    await stage.press("1")
    await stage.until(lambda: stage.rows() != before)


async def test_keys_are_remapped() -> None:
    config = Config(keys={"container.power": "f8", "pane.images": "f2"})
    async with staged(config=config) as stage:
        await stage.press("s", "2")
        assert stage.calls == []
        assert stage.app.current_mode == "containers"
        await stage.press("f8")
        await stage.until(lambda: stage.container("web").status is Status.EXITED)
        await stage.press("f2")
        assert stage.app.current_mode == "images"


async def test_keys_of_widgets_are_remapped(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[keys]\n"table.down" = "ctrl+n"\n')
    config = settings.load(str(path), widget_keys)
    async with staged(config=config) as stage:
        await stage.press("ctrl+n")
        assert stage.cursor() == "api"
        await stage.press("j")
        assert stage.cursor() == "api"


@pytest.mark.parametrize("scope", SCOPES)
def test_every_key_has_an_id_and_a_word(scope: str) -> None:
    for binding in bindings(scope):
        assert not isinstance(binding, tuple)
        assert binding.id in VERBS
        assert binding.description
        assert binding.tooltip


async def test_help_tells_the_keys_as_they_are() -> None:
    async with staged(config=Config(keys={"container.power": "f8"})) as stage:
        await stage.press("question_mark")
        screen = stage.app.screen
        assert isinstance(screen, HelpScreen)
        lines = screen.text().plain.splitlines()
        assert any("f8" in line and "container.power" in line for line in lines)
        assert any("log.search" in line for line in lines)
        await stage.press("q")
        assert stage.app.current_mode == "containers"
        assert not isinstance(stage.app.screen, HelpScreen)


async def test_the_palette_does_a_verb(stage: Stage) -> None:
    await stage.press("colon")
    await stage.until(lambda: isinstance(stage.app.screen, CommandPalette))
    await stage.type("stop web")
    await stage.until(lambda: stage.shows("Ask it to end"))
    await stage.press("enter")
    await stage.until(lambda: not isinstance(stage.app.screen, CommandPalette))
    await stage.until(lambda: stage.container("web").status is Status.EXITED)


async def test_the_palette_goes_to_a_container(stage: Stage) -> None:
    await stage.press("2", "ctrl+p")
    await stage.until(lambda: isinstance(stage.app.screen, CommandPalette))
    await stage.type("go to crunch")
    await stage.until(lambda: stage.shows("debian:12, running"))
    await stage.press("enter")
    await stage.until(lambda: stage.app.current_mode == "containers")
    await stage.until(lambda: stage.cursor() == "crunch")


async def test_leaving_is_asked(stage: Stage) -> None:
    await stage.press("q")
    await stage.until(lambda: isinstance(stage.app.screen, Confirm))
    await stage.press("escape")
    assert stage.app.is_running
    await stage.press("enter", "q")
    assert not isinstance(stage.app.screen, Confirm), "q only goes back to the list"
    await stage.press("q")
    await stage.until(lambda: isinstance(stage.app.screen, Confirm))
    await stage.press("y")
    assert stage.app.return_value == 0


async def test_the_mouse_goes_where_it_points(stage: Stage) -> None:
    detail = stage.app.screen.query_one("#detail")
    title = "╭─  Logs  Stats"
    await stage.pilot.click(detail, offset=(title.index("Stats") + 1, 0))
    await stage.until(lambda: stage.app.screen.query_one(Detail).active == "stats")
    row = stage.names().index("db")
    await stage.pilot.click("#list LiveTable", offset=(8, 1 + row))
    assert stage.cursor() == "db"
    await stage.pilot.click("TitleBar", offset=(28, 0))
    await stage.until(lambda: stage.app.current_mode == "images")


async def test_a_feed_that_stays_broken_is_told_of_once() -> None:
    told: list[EngineError] = []
    feeds = Feeds(FakeEngine(), lambda change: None, told.append)
    for _ in range(3):
        feeds._report(MonitorGone("no answer"))
    assert len(told) == 1


BROKEN = """
from tuidock.app import TuidockApp, _stay
from tuidock.engine.fake import FakeEngine
import asyncio, sys

def broken(self):
    raise ZeroDivisionError("in a handler")

TuidockApp.action_help = broken
sys.exit(asyncio.run(_stay(TuidockApp(FakeEngine()))))
"""


def test_a_bug_in_a_handler_ends_with_a_sentence(tmp_path: Path) -> None:
    """On a real terminal; fails when Textual's own traceback is what a person sees."""
    with RealTerminal(BROKEN, tmp_path) as terminal:
        terminal.read_until(b"No containers yet")
        terminal.type(b"?")
        said = terminal.read_until(b"live on")
        terminal.read_to_the_end()
    said = re.sub(rb"\x1b\[[0-9;]*m", b"", said)  # Rich may colour the quoted part
    assert b"ZeroDivisionError('in a handler')" in said
    assert b"Traceback" not in said
    assert terminal.code == 1
    assert [path for path in tmp_path.rglob("bug-*.txt") if "in a handler" in path.read_text()]


# --- images ---------------------------------------------------------------------------------


async def test_images_by_tag(stage: Stage) -> None:
    await stage.press("2")
    assert [row[1] for row in stage.rows()][:2] == ["ghcr.io/acme/api", "redis"]
    await stage.until(lambda: stage.shows("1bc9fbc0cc4f"))


async def test_an_image_gets_a_further_name(stage: Stage) -> None:
    await stage.press("2", "t")
    await stage.until(lambda: isinstance(stage.app.screen, Ask))
    await stage.press("ctrl+u")
    await stage.type("mine:1")
    await stage.press("enter")
    await stage.until(lambda: ("mine", "1") in [row[1:3] for row in stage.rows()])


async def test_an_image_in_use_stays(stage: Stage) -> None:
    await stage.press("2", "d")
    await stage.until(lambda: isinstance(stage.app.screen, Confirm))
    await stage.press("y")
    await stage.until(lambda: stage.shows("conflict: unable to remove"))
    assert len(stage.rows()) == 6


async def test_an_image_is_run(stage: Stage) -> None:
    await stage.press("2", "r")
    await stage.until(lambda: isinstance(stage.app.screen, RunForm))
    await stage.type("second")
    await stage.press("ctrl+s")
    await stage.until(lambda: stage.app.current_mode == "containers")
    await stage.until(lambda: stage.cursor() == "second")
    assert stage.container("second").status is Status.RUNNING


# --- registries and pulls ---------------------------------------------------------------------


async def test_a_registry_is_read_without_pulling(stage: Stage) -> None:
    screen = await to_registry(stage)
    assert [row[0] for row in stage.rows()] == ["acme/api", "acme/mailer", "busybox", "debian"]
    assert stage.rows("#tags") == [("1.0",)]
    await stage.until(lambda: stage.shows("linux/arm64/v8"))
    assert isinstance(screen.described, RemoteImage)
    assert [layer.present for layer in screen.described.layers] == [True, False, False, False]


async def test_a_registry_that_is_down_says_so(stage: Stage) -> None:
    await stage.press("3", "a")
    await stage.until(lambda: isinstance(stage.app.screen, Ask))
    await stage.type("nowhere:5000")
    await stage.press("enter")
    await stage.until(lambda: stage.shows("connection refused"))


async def test_a_pull_shows_a_bar_for_each_layer(stage: Stage) -> None:
    await to_registry(stage)
    await stage.press("P")
    await stage.until(lambda: isinstance(stage.app.screen, PullScreen))
    await stage.turn(0.5)
    await stage.until(lambda: len(stage.world.pulls[MAILER].layers) == 4)
    await stage.until(lambda: stage.shows("downloading"))
    await stage.turn(5)
    await stage.until(lambda: stage.world.pulls[MAILER].pulled)
    await stage.press("escape")
    await stage.until(lambda: any(MAILER in it.tags for it in stage.world.images))


async def test_a_pull_outlives_its_dialog_and_its_pane(stage: Stage) -> None:
    await to_registry(stage)
    await stage.press("P")
    await stage.until(lambda: isinstance(stage.app.screen, PullScreen))
    await stage.press("escape", "1")
    await stage.until(lambda: stage.shows("pulling"))
    await stage.turn(5)
    await stage.until(lambda: stage.world.pulls[MAILER].pulled)
    await stage.until(lambda: any(MAILER in it.tags for it in stage.world.images))


async def test_a_cancelled_pull_leaves_no_image(stage: Stage) -> None:
    await to_registry(stage)
    await stage.press("P")
    await stage.until(lambda: isinstance(stage.app.screen, PullScreen))
    await stage.turn(0.3)
    await stage.until(lambda: stage.shows("downloading"))
    await stage.press("c")
    await stage.until(lambda: isinstance(stage.world.pulls[MAILER].error, Cancelled))
    await stage.turn(10)
    assert not any(MAILER in it.tags for it in stage.world.images)
    await stage.press("escape", "P")
    await stage.turn(5)
    await stage.until(lambda: stage.world.pulls[MAILER].pulled)


async def test_a_failed_pull_says_why(stage: Stage) -> None:
    await stage.press("2", "P")
    await stage.until(lambda: isinstance(stage.app.screen, Ask))
    await stage.type("nothing")
    await stage.press("enter")
    await stage.until(lambda: stage.shows("manifest unknown"))


# --- events, sizes ----------------------------------------------------------------------------


async def test_events_newest_first(stage: Stage) -> None:
    await stage.press("s")
    await stage.until(lambda: "stop" in [event.action for event in stage.world.events])
    await stage.press("7")
    actions = [row[2] for row in stage.rows() if not row[2].startswith("health")]
    assert actions[:3] == ["stop", "die", "kill"]


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60), (60, 16)])
@pytest.mark.parametrize("theme", ["tuidock-dark", "tuidock-light", "tuidock-ansi"])
async def test_every_size_and_theme(size: tuple[int, int], theme: str) -> None:
    async with staged(size=size, config=Config(theme=theme)) as stage:
        assert stage.shows("web")
        assert stage.shows("Stop")
        for key in ("S", "L", "t", "i", "2", "3", "7", "question_mark", "escape", "1"):
            await stage.press(key)
        assert stage.app.screen.query_one("#list").region.width <= size[0]


@pytest.mark.parametrize("keys", [(), ("enter",), ("L",), ("2",), ("3",), ("7",)])
async def test_help_is_always_offered(keys: tuple[str, ...]) -> None:
    """Fails when the keys of a part push it off a small screen."""
    async with staged(size=(80, 24)) as stage:
        await stage.press(*keys)
        await stage.until(lambda: "? Help" in stage.text().splitlines()[-1])
