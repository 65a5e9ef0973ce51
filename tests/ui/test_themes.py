"""Themes: readable, fitting the terminal, chosen by looking, and the user's own from files."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest
from textual.color import Color
from textual.theme import Theme

from tests.ui.conftest import Stage, staged
from tests.ui.real_terminal import RealTerminal
from tuidock import state as remembered
from tuidock import theme_files
from tuidock.config import BadConfig, Config
from tuidock.screens.container_row import dot
from tuidock.screens.listing import ListPane
from tuidock.stylesheet import Stylesheet
from tuidock.themes import ANSI, DARK, LIGHT, MONO, THEMES, TITLES, first, fitting
from tuidock.wearing import worn
from tuidock.widgets.dialogs import SOFT, Choose
from tuidock.widgets.reversible import Options

READABLE = 4.5
"""WCAG 2.2, success criterion 1.4.3."""
TEXT = (
    *("foreground", "quiet", "faint", "text-muted", "text-disabled", "secondary"),
    *("accent", "footer-key-foreground"),
    *("text-primary", "text-accent", "text-success", "text-warning", "text-error"),
    *("status-running", "status-paused", "status-created", "status-exited", "status-failed"),
)
BEHIND = ("background", "surface", "panel", "block-cursor-blurred-background")
COLOURED = [theme for theme in THEMES.values() if not theme.ansi]


def luminance(colour: Color) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    parts = [it / 255 for it in (colour.r, colour.g, colour.b)]
    red, green, blue = (
        it / 12.92 if it <= 0.04045 else ((it + 0.055) / 1.055) ** 2.4 for it in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(theme: Theme, text: str, behind: str) -> float:
    """The contrast ratio of two variables of a theme."""
    known = {**theme.to_color_system().generate(), **theme.variables}
    below = Color.parse(known[behind])
    name, _, share = text.removeprefix("$").partition(" ")
    above = Color.parse(known[name])
    above = above.multiply_alpha(float(share.rstrip("%")) / 100) if share else above
    dim, bright = sorted((luminance(below), luminance(below + above)))
    return (bright + 0.05) / (dim + 0.05)


@pytest.mark.parametrize("theme", COLOURED, ids=lambda it: it.name)
def test_text_stands_out(theme: Theme) -> None:
    """Every pair of text and ground, the chosen row's too: the complaint about all such tools."""
    chosen = ("block-cursor-foreground", "footer-key-foreground", SOFT)
    pairs = [*product(TEXT, BEHIND), *product(chosen, ["block-cursor-background"])]
    pairs += [(SOFT, "panel")]
    found = {pair: round(contrast(theme, *pair), 2) for pair in pairs}
    assert {pair: ratio for pair, ratio in found.items() if ratio < READABLE} == {}


def test_the_terminals_own_colours_are_never_put_on_each_other() -> None:
    """Nobody knows a terminal's sixteen colours: what is chosen is reversed instead."""
    for theme in (ANSI, MONO):
        grounds = [theme.background, theme.surface, theme.panel]
        grounds += [
            theme.variables[it] for it in theme.variables if it.endswith("cursor-background")
        ]
        assert set(grounds) == {"ansi_default"}
        assert "reverse" in theme.variables["block-cursor-text-style"]
    assert not [
        it for it in MONO.variables.values() if it.startswith("ansi") and it != "ansi_default"
    ]


def test_every_theme_knows_the_same_variables() -> None:
    textuals = {"input-selection-foreground", "ansi-background", "ansi-foreground"}
    known = [set(theme.variables) - textuals for theme in THEMES.values()]
    assert all(names == known[0] for names in known)
    assert set(TITLES) == set(THEMES)


async def test_no_state_is_told_by_colour_alone(stage: Stage) -> None:
    """Each has a sign of its own, so that whoever sees no red and green sees it too."""
    seen = {
        (it.status, bool(it.exit and it.exit.code)): dot(it).plain
        for it in stage.world.containers.values()
    }
    assert len(set(seen.values())) == len(seen)
    well = stage.container("db")._replace(health="healthy")
    assert dot(well).plain != dot(well._replace(health="unhealthy")).plain


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"TERM": "xterm-256color"}, "tuidock-dark"),
        ({"TERM": "xterm-kitty"}, "tuidock-dark"),
        ({"TERM": "screen", "COLORTERM": "truecolor"}, "tuidock-dark"),
        ({"TERM": "xterm-256color", "COLORFGBG": "0;15"}, "tuidock-light"),
        ({"TERM": "xterm-256color", "COLORFGBG": "15;default;0"}, "tuidock-dark"),
        ({"TERM": "linux"}, "tuidock-ansi"),
        ({"TERM": "screen"}, "tuidock-ansi"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "tuidock-mono"),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, "tuidock-dark"),
        ({}, "tuidock-ansi"),
    ],
)
def test_the_theme_fits_the_terminal(environ: dict[str, str], name: str) -> None:
    assert fitting(environ) == name
    assert first("nord", environ) == ("nord" if name in (DARK.name, LIGHT.name) else name)


async def test_a_theme_is_chosen_by_looking(tmp_path: Path) -> None:
    memory = str(tmp_path / "state.json")
    async with staged(memory=memory) as stage:
        await stage.press("T")
        await stage.until(lambda: isinstance(stage.app.screen, Choose))
        await stage.press("j")
        await stage.until(lambda: stage.app.theme == LIGHT.name)
        await stage.press("escape")
        await stage.until(lambda: stage.app.theme == DARK.name)
        await stage.press("T")
        await stage.until(lambda: isinstance(stage.app.screen, Choose))
        await stage.press("j", "enter")
        await stage.until(lambda: remembered.load(memory).theme == LIGHT.name)
        assert stage.app.theme == LIGHT.name


async def test_a_theme_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "dusk.toml").write_text(
        'base = "tuidock-light"\nprimary = "#123456"\nquiet = "red"\n'
    )
    (tmp_path / "notes.txt").write_text("not a theme")
    [dusk] = theme_files.load(str(tmp_path))
    assert (dusk.name, dusk.primary, dusk.background) == ("dusk", "#123456", LIGHT.background)
    assert (dusk.variables["quiet"], dusk.variables["border"]) == ("red", LIGHT.variables["border"])
    async with staged(config=Config(theme="dusk"), themes=[dusk]) as stage:
        assert stage.app.theme == "dusk"


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("tuidock-dark", "", "clash: tuidock-dark is a theme of tuidock's own"),
        ("a", 'base = "night"', "unknown base 'night'"),
        ("a", "base = 3", "unknown base 3"),
        ("a", 'primry = "red"', "no colour is called 'primry'"),
        ("a", 'primary = "reddish"', "primary: 'reddish' is no colour"),
        ("a", "primary = 7", "primary must be a text"),
        ("a", "primary", "Expected '='"),
    ],
)
def test_mistakes_in_theme_files_are_named(tmp_path: Path, name: str, text: str, told: str) -> None:
    path = tmp_path / f"{name}.toml"
    path.write_text(text)
    with pytest.raises(BadConfig) as caught:
        theme_files.load(str(tmp_path))
    assert str(path) in caught.value.message
    assert told in caught.value.message
    assert "\n" not in caught.value.message


def test_a_theme_that_nobody_knows_is_named() -> None:
    with pytest.raises(BadConfig, match="unknown theme 'tuidock-drak'"):
        worn(Config(theme="tuidock-drak"), [], "")
    assert worn(Config(theme="dusk"), ["dusk"], "").theme == "dusk"


def test_a_name_that_is_nearly_right_is_offered() -> None:
    with pytest.raises(BadConfig) as caught:
        theme_files.parse("a", {"primry": "red"})
    assert caught.value.hint == "there is primary"


def test_no_directory_means_no_themes(tmp_path: Path) -> None:
    assert theme_files.load(str(tmp_path / "none")) == []


async def test_what_is_chosen_is_reversed_where_colours_are_not_ours() -> None:
    """Fails without `Reversible`: Textual leaves `reverse` out of the styles of parts."""
    async with staged(config=Config(theme=ANSI.name)) as stage:
        table = stage.app.screen.query_one("#list", ListPane).table
        assert all(it.style and it.style.reverse for it in table.render_line(1))
        assert not any(it.style and it.style.reverse for it in table.render_line(2))
        await stage.press("o")
        await stage.until(lambda: isinstance(stage.app.screen, Choose))
        lines = stage.app.screen.query_one(Options)
        assert any(it.style and it.style.reverse for it in lines.render_line(0))


PROGRAM = """
import os
os.environ["NO_COLOR"] = "1"
from tuidock.app import TuidockApp
from tuidock.config import Config
from tuidock.engine.fake import FakeEngine
from tuidock.engine.fake.scene import harbour
from tuidock.themes import fitting

class Fake(TuidockApp):
    CSS_PATH = os.path.join(os.path.dirname(__import__("tuidock.app").app.__file__), "tuidock.tcss")
    async def on_load(self):
        await harbour(engine)

engine = FakeEngine()
Fake(engine, Config(theme=fitting(os.environ), confirm=False)).run()
"""


def test_no_color_means_none(tmp_path: Path) -> None:
    """Fails when the app does not say before it runs that colours are the terminal's own."""
    with RealTerminal(PROGRAM, tmp_path) as terminal:
        said = terminal.read_until(b"migrate")
        terminal.type(b"\x11")
        said += terminal.read_to_the_end()
    assert not re.findall(rb"\x1b\[[0-9;]*?\b(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9;]*)?m", said)
    assert re.search(rb"\x1b\[(?:\d+;)*7[;m]", said), "the row under the cursor is reversed"


def test_nothing_is_read_anew_for_the_same_colours() -> None:
    """Textual asks for that twice while it starts. Seen to fail with Textual's own stylesheet."""
    sheet = Stylesheet({"background": "#102030"})
    sheet.add_source("Label { background: $background; }")
    (rule,) = sheet.rules
    sheet.set_variables({"background": "#102030"})
    sheet.reparse()
    assert sheet.rules[0] is rule
    sheet.set_variables({"background": "#405060"})
    sheet.reparse()
    assert sheet.rules[0].styles.background == Color.parse("#405060")


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_a_screen_knows_its_size_before_it_is_drawn(size: tuple[int, int]) -> None:
    """The classes that Textual adds at the first resize are there by then: no style changes."""
    async with staged(size=size) as stage:
        screen = stage.app.screen
        drawn = set(screen.classes)
        assert set(type(screen)().classes) == drawn & {
            "-narrow",
            "-normal",
            "-wide",
            "-short",
            "-tall",
        }
