"""Ranges, minutes, marks, JSON as words, saving: what readers of logs do besides searching."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.pilot import Pilot
from textual.widgets import Input

from tests.widgets.stage import Stage, lines_of, staged, until
from tests.widgets.test_logview import fill, some, status_of
from tuidock.engine.types import LogLine
from tuidock.widgets.dialogs import Ask
from tuidock.widgets.log_excerpt import Excerpt
from tuidock.widgets.log_json import LONGEST, worded
from tuidock.widgets.log_save import problem, suggested
from tuidock.widgets.log_source import Between, Ring
from tuidock.widgets.log_time import neighbour_minute
from tuidock.widgets.logview import LogView

START = 1.8e9
"""When `some` begins, on the full minute; one line a second."""


def ring(*moments: float) -> Ring:
    it = Ring()
    it.extend([LogLine(at, "stdout", str(at).encode()) for at in sorted(moments)])
    return it


# --- time -------------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 1e6), max_size=50), st.floats(0, 1e6))
def test_the_first_line_of_a_moment(moments: list[float], at: float) -> None:
    source = ring(*moments)
    number = source.first_at(at)
    assert number == sum(moment < at for moment in moments)
    assert Between(source, number).first == number


def test_minutes_that_have_lines() -> None:
    excerpt = Excerpt(ring(10, 20, 70, 71, 300, 301))
    assert neighbour_minute(excerpt, 0, 1) == 2
    assert neighbour_minute(excerpt, 2, 1) == 4
    assert neighbour_minute(excerpt, 4, 1) is None
    assert neighbour_minute(excerpt, 5, -1) == 4, "the minute's own beginning first"
    assert neighbour_minute(excerpt, 4, -1) == 2
    assert neighbour_minute(excerpt, 0, -1) is None
    assert neighbour_minute(Excerpt(Ring()), 0, 1) is None


@pytest.mark.parametrize(("key", "count"), [("2", 60), ("3", 300), ("4", 900), ("5", 1800)])
async def test_ranges_show_what_is_new(key: str, count: int) -> None:
    view = LogView(now=lambda: START + 3600)
    async with staged(view) as (_, pilot):
        await fill(view, pilot, some(3600))
        await pilot.press(key)
        await until(pilot, lambda: bool(view.lines.window))
        assert view.lines.excerpt.count == count
        assert "last" in status_of(view)
        await pilot.press("g")
        assert f"line {3600 - count}" in lines_of(view.lines)[0]


async def test_a_range_grows_and_is_left() -> None:
    view = LogView(now=lambda: START + 200)
    async with staged(view) as (_, pilot):
        await fill(view, pilot, some(200))
        await pilot.press("2")
        await until(pilot, lambda: view.lines.window == "last 1m")
        await fill(view, pilot, some(10, first=200))
        assert view.lines.excerpt.count == 70
        await pilot.press("escape")
        assert view.lines.excerpt.count == 210
        assert not view.check_action("back", ())


async def test_head_and_tail() -> None:
    view = LogView()
    async with staged(view) as (_, pilot):
        await fill(view, pilot, some(200))
        await pilot.press("1")
        await until(pilot, lambda: "line 0" in lines_of(view.lines)[0])
        await pilot.press("0")
        await until(pilot, lambda: "line 199" in lines_of(view.lines)[-1])
        assert view.lines.follow


async def test_an_empty_range_is_no_error() -> None:
    view = LogView(now=lambda: START + 1e6)
    async with staged(view) as (_, pilot):
        await fill(view, pilot, some(20))
        await pilot.press("2", "right_curly_bracket", "m", "y", "n")
        await until(pilot, lambda: view.lines.window == "last 1m")
        assert view.lines.excerpt.count == 0


async def test_a_range_digs_as_far_as_it_reaches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails when only what was counted at opening is looked at."""
    monkeypatch.setattr("tuidock.engine.logs.index.AT_ONCE", 1)
    monkeypatch.setattr("tuidock.widgets.log_lines.DIG", 1)
    path = tmp_path / "log"
    body = "".join(
        f"2027-01-15T{8 + n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}.000000000Z stdout F "
        f"{'x' * 50} line {n}\n"
        for n in range(7200)
    )
    path.write_text(body)
    view = LogView(now=lambda: START + 7200)
    async with staged(view) as (_, pilot):
        await view.open([str(path)])
        await pilot.press("6")
        await until(pilot, lambda: view.lines.window == "last 1h")
        assert view.lines.excerpt.count == 3600


async def test_jumping_by_minutes() -> None:
    view = LogView()
    async with staged(view) as (_, pilot):
        await fill(view, pilot, some(600))
        await pilot.press("g", "right_curly_bracket")
        assert view.lines.current == 60
        await pilot.press("right_curly_bracket")
        assert view.lines.current == 120
        await pilot.press("left_curly_bracket")
        assert view.lines.current == 60
        assert any("line 60" in line for line in lines_of(view.lines))


# --- marks ------------------------------------------------------------------------------------


async def test_marked_lines_are_seen_and_copied() -> None:
    view = LogView()
    async with staged(view) as (stage, pilot):
        await fill(view, pilot, some(10))
        await pilot.press("m")
        await fill(view, pilot, some(2, first=10))
        await pilot.press("m")
        shown = lines_of(view.lines)
        assert shown[9].startswith("◆line 9")
        assert shown[11].startswith("◆line 11")
        assert "2 marked" in status_of(view)
        await pilot.press("y")
        assert stage.clipboard == "line 9\nline 11"
        await pilot.press("backslash", "y")
        assert stage.clipboard == "line 11"
        assert "◆" not in "".join(lines_of(view.lines))


# --- JSON -------------------------------------------------------------------------------------


def plain_words(text: str) -> str:
    found = worded(text)
    return "".join(piece for piece, _ in found[0]) if found else ""


def test_json_reads_like_a_line() -> None:
    text = '{"time": 3, "level": "warn", "msg": "disk full", "at": {"path": "/a"}}'
    assert plain_words(text) == 'WARN  disk full  at={"path": "/a"} time=3'
    assert plain_words('web {"msg": "up"}').rstrip() == "web up"


@pytest.mark.parametrize(
    "text", ["", "plain", "{", "{}", "{a: 1}", '{"a": 1} and more', "[1]", '{"a":' * 5000 + "}"]
)
def test_what_is_no_json_stays_as_it_is(text: str) -> None:
    assert worded(text) is None


@given(st.dictionaries(st.text(), st.text(st.characters(categories=["Cc", "Cs", "Lu"]))))
def test_words_never_carry_control_characters(found: dict[str, str]) -> None:
    text = plain_words(json.dumps(found))
    assert not {"Cc", "Cs"} & {unicodedata.category(char) for char in text}
    assert worded(json.dumps({"a": "x" * LONGEST})) is None


async def test_json_is_switched() -> None:
    view = LogView()
    async with staged(view) as (_, pilot):
        await fill(view, pilot, [LogLine(START, "stdout", b'{"level":"info","msg":"ready"}')])
        assert lines_of(view.lines)[0].strip() == "INFO  ready"
        await pilot.press("J")
        assert "level" in lines_of(view.lines)[0]
        await pilot.press("J")
        assert lines_of(view.lines)[0].strip() == "INFO  ready"


# --- saving -----------------------------------------------------------------------------------


async def save(stage: Stage, pilot: Pilot[None], path: Path) -> None:
    await pilot.press("ctrl+s")
    await until(pilot, lambda: isinstance(stage.screen, Ask))
    stage.screen.query_one(Input).value = str(path)
    await pilot.press("enter")


async def test_what_is_shown_is_saved(tmp_path: Path) -> None:
    view, path = LogView(), tmp_path / "out.log"
    async with staged(view) as (stage, pilot):
        await fill(view, pilot, some(3000, "\x1b[31mline\x1b[0m {}"))
        await pilot.press("ampersand", "9", "9", "enter")
        await save(stage, pilot, path)
        await until(pilot, lambda: path.exists() and path.read_text().endswith("line 2999\n"))
        kept = [f"line {n}" for n in range(3000) if "99" in str(n)]
        assert path.read_text().splitlines() == kept
        await save(stage, pilot, path)
        await pilot.pause()
        assert isinstance(stage.screen, Ask), "it is there already"
        await pilot.press("escape", "m", "k", "shift+up", "shift+up", "shift+up", "ctrl+@", "m")
        assert "3 marked" in status_of(view)
        await save(stage, pilot, marked := tmp_path / "marked.log")
        await until(pilot, lambda: marked.exists() and marked.read_text().count("\n") == 3)
        assert marked.read_text().splitlines() == kept[-3:]


def test_problems_with_a_path(tmp_path: Path) -> None:
    assert problem(str(tmp_path / "new.log")) == ""
    assert "already" in problem(str(tmp_path))
    assert "no directory" in problem(str(tmp_path / "a" / "b"))
    assert suggested("web", START).startswith("~/web-20")


async def test_a_moment_is_found_whatever_hides_it() -> None:
    """Fails when the filter or the range stays and hides the line that was asked for."""
    view = LogView(now=lambda: START + 300)
    async with staged(view) as (_, pilot):
        await fill(view, pilot, some(300))
        await pilot.press("2", "ampersand", *"299", "enter")
        await until(pilot, lambda: view.lines.excerpt.count == 1)
        view.seek(START + 99.5)
        await until(pilot, lambda: view.moment == START + 100)
        assert any("line 100" in line for line in lines_of(view.lines))
        assert view.lines.excerpt.filter is None
        assert not view.lines.follow
