"""Ranges, minutes, marks, JSON as words, saving: what readers of logs do besides searching."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style
from textual.pilot import Pilot
from textual.widgets import Input

from tests.widgets.stage import Stage, lines_of, staged, until
from tests.widgets.test_logview import fill, some, status_of
from tuidock.engine.types import LogLine
from tuidock.widgets.dialogs import Ask
from tuidock.widgets.log_excerpt import Excerpt
from tuidock.widgets.log_json import LONGEST, worded
from tuidock.widgets.log_level import level
from tuidock.widgets.log_paint import Look, drawn
from tuidock.widgets.log_rows import Break
from tuidock.widgets.log_save import problem, suggested
from tuidock.widgets.log_source import Between, Ring
from tuidock.widgets.log_time import Span, first_at, moment_typed, neighbour_minute, span_typed
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
    number = first_at(source, at)
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


# --- looking for times, and for two things at once ----------------------------------------------

NOON = 1_800_014_400.0
"""2027-01-15, 12:00:00 UTC."""


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [
        ("11:58", -120),
        ("11:58:30", -90),
        ("12:00:00.5", 0.5),
        ("2027-01-15 11:00", -3600),
        ("2027-01-15", -12 * 3600),
        ("2027-01-15T12:00:01Z", 1),
        ("5m", 3600 - 300),
        ("1h30m", 3600 - 5400),
        ("+30s", 30),
        ("-2m", -120),
    ],
)
def test_times_as_people_type_them(typed: str, seconds: float) -> None:
    """Those without a date are on the day of the line where the reader is."""
    found = moment_typed(typed, now=NOON + 3600, here=NOON, utc=True)
    assert found == NOON + seconds


@pytest.mark.parametrize("typed", ["", "Z", "25:00", "11:61", "x", "5", "2027-13-01", "5m.."])
def test_what_is_no_time(typed: str) -> None:
    assert moment_typed(typed, now=NOON, here=NOON, utc=True) is None


def test_spans_have_one_end_or_two() -> None:
    def span(typed: str) -> Span | None:
        return span_typed(typed, now=NOON, here=NOON, utc=True)

    assert span("11:00..11:30") == (NOON - 3600, NOON - 1800)
    assert span("5m..") == (NOON - 300, None)
    assert span("..5m") == (None, NOON - 300)
    assert span("..") is None
    assert span("5m") is None
    assert span("11:00..x") is None


async def test_going_to_a_time_and_keeping_a_span() -> None:
    view = LogView(now=lambda: START + 300)
    async with staged(view, size=(100, 24)) as (_, pilot):
        await fill(view, pilot, some(300))
        await pilot.press("at", *"3m", "enter")
        await until(pilot, lambda: view.moment == START + 120)
        await pilot.press("at", "minus", *"20s", "enter")
        await until(pilot, lambda: view.moment == START + 100)
        await pilot.press("at", *"nonsense", "enter")
        assert view.prompt.has_class("-open"), "it can be mended"
        view.prompt.input.value = "4m..3m"
        await pilot.press("enter")
        await until(pilot, lambda: view.lines.window == "4m..3m")
        assert view.lines.excerpt.count == 60
        assert "4m..3m" in status_of(view)
        await pilot.press("escape")
        assert view.lines.excerpt.count == 300


async def test_keeping_some_and_leaving_others_out() -> None:
    """Fails when the second filter takes the place of the first."""
    view = LogView()
    async with staged(view, size=(100, 24)) as (_, pilot):
        await fill(view, pilot, some(100))
        await pilot.press("ampersand", "7", "enter", "exclamation_mark", *"7$", "enter")
        await until(pilot, lambda: view.lines.excerpt.count == 9)
        assert "& 7  ! 7$  9 kept" in status_of(view)
        await pilot.press("slash", *"72", "enter")
        await until(pilot, lambda: "1 of 1" in status_of(view))
        await pilot.press("escape", "escape")
        await until(pilot, lambda: view.lines.excerpt.count == 19)
        await pilot.press("escape")
        assert view.lines.excerpt.filter is None


async def test_the_case_is_turned_while_typing() -> None:
    view = LogView()
    async with staged(view) as (_, pilot):
        await fill(view, pilot, [LogLine(START, "stdout", t) for t in (b"Ax", b"ax", b"a.x")])
        await pilot.press("ampersand", *"a.?x")
        await until(pilot, lambda: view.lines.excerpt.count == 3)
        await pilot.press("alt+c")
        await until(pilot, lambda: view.lines.excerpt.count == 2)
        await pilot.press("alt+r")
        await until(pilot, lambda: view.lines.excerpt.count == 0)
        view.prompt.input.value = "a.x"
        await until(pilot, lambda: view.lines.excerpt.count == 1)


# --- levels -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "word"),
    [
        ("2026-01-01 10:00:00 ERROR no", "error", "ERROR"),
        ("[warn] slow", "warning", "warn"),
        ('level=info msg="x"', "info", "info"),
        ('ts=1 lvl="Debug" x', "debug", "Debug"),
        ('{"a":1,"severity":"CRITICAL"}', "error", "CRITICAL"),
        ("error: no such file", "error", "error"),
        ("E0102 10:11:12.131415 1 main.go:1] x", "error", "E"),
        ("WRN it is late", "warning", "WRN"),
        ("no error here", "", ""),
        ("GET /ERROR/x", "", ""),
        ("INFORMATION desk", "info", "INFORMATION"),
        ("x" * 200 + " ERROR", "", ""),
    ],
)
def test_levels_as_programs_write_them(text: str, kind: str, word: str) -> None:
    found, start, end = level(text)
    assert (found, text[start:end]) == (kind, word)


def test_a_level_colours_its_word_and_not_what_has_colours() -> None:
    ink = {"error": Style(color="red"), "info": Style(color="green")}
    base = Look(Style(), Style(color="blue"), Style(), Style(), Style(), Style())
    base = base._replace(levels=ink, worded=True)

    def colours(text: str, stream: str = "stdout") -> list[tuple[str, str]]:
        strip = drawn(LogLine(0.0, stream, text.encode()), base)
        return [(it.text, it.style.color.name) for it in strip if it.style and it.style.color]

    assert colours("an ERROR here") == [("▎", "red"), ("ERROR", "red")]
    assert colours("\x1b[32mERROR\x1b[0m") == [("▎", "red"), ("ERROR", "color(2)")]
    assert colours("INFO fine", "stderr") == [("▎", "green"), ("INFO", "green")]
    assert colours("bare", "stderr") == [("bare", "blue")]
    assert colours('{"level":50,"msg":"x"}') == [("▎", "red"), ("50    ", "red")]


# --- runs, and choosing a line ------------------------------------------------------------------


@pytest.mark.parametrize("wrap", [False, True])
async def test_where_a_run_ended_a_rule_is_drawn_and_the_last_line_still_shows(
    *, wrap: bool
) -> None:
    """Fails when the rule pushes the newest line off the screen."""
    view = LogView()
    async with staged(view) as (_, pilot):
        await fill(view, pilot, some(100))
        if wrap:
            await pilot.press("w")
        view.lines.set_breaks([Break(START + 39.5, "exit 3"), Break(START + 94.5, "exit 1")])
        view.lines.settle()
        await pilot.pause()
        shown = lines_of(view.lines)
        place = next(n for n, line in enumerate(shown) if "── exit 1 ──" in line)
        assert shown[place - 1].strip() == "line 94"
        assert shown[place + 1].strip() == "line 95"
        assert shown[-1].strip() == "line 99"
        await pilot.press("g")
        await pilot.press("pagedown")
        assert sum("exit 3" in line for line in lines_of(view.lines)) == 1


async def test_a_line_is_chosen_with_shift() -> None:
    view = LogView()
    async with staged(view) as (_, pilot):
        await fill(view, pilot, some(100))
        await pilot.press("shift+up", "shift+up")
        assert view.lines.current == 98
        assert not view.lines.follow
        await pilot.press("m", "shift+up", "m")
        assert view.lines.marks == {98, 97}
        await pilot.press("enter")
        assert "line 98 ·" in str(view.query_one("#log-panel").border_title)
        await pilot.press("shift+down")
        await until(pilot, lambda: "line 99 ·" in str(view.query_one("#log-panel").border_title))
        await pilot.press("enter")
        assert not view.query_one("#log-panel").has_class("-open")
        await pilot.press("g", *["shift+down"] * 40)
        assert view.lines.current in view.lines.on_screen()
        assert view.lines.current == 22 + 39
