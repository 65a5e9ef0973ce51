"""Times as typed, two filters at once, levels, runs, choosing a line."""

from __future__ import annotations

import pytest
from rich.style import Style

from tests.widgets.stage import lines_of, staged, until
from tests.widgets.test_log_keys import START
from tests.widgets.test_logview import fill, some, status_of
from tuidock.engine.types import LogLine
from tuidock.widgets.log_level import level
from tuidock.widgets.log_paint import Look, drawn
from tuidock.widgets.log_rows import Break
from tuidock.widgets.log_time import Span, moment_typed, span_typed
from tuidock.widgets.logview import LogView

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
