"""LogView: sticks to the end and lets go, searches, keeps, wraps, copies, and never freezes."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
from textual.pilot import Pilot

from tests.widgets.stage import lines_of, staged, until
from tuidock.engine.types import LogLine
from tuidock.widgets.log_intake import PENDING
from tuidock.widgets.log_words import set_out
from tuidock.widgets.logview import LogView


def some(count: int, text: str = "line {}", first: int = 0) -> list[LogLine]:
    return [
        LogLine(1.8e9 + n, "stdout", text.format(n).encode()) for n in range(first, first + count)
    ]


def status_of(view: LogView) -> str:
    return str(view.query_one("#log-status").render())


async def fill(view: LogView, pilot: Pilot[None], lines: Sequence[LogLine]) -> None:
    """Append, and wait until it shows."""
    wanted = view.lines.excerpt.source.end + len(lines)
    view.append(lines)
    await until(pilot, lambda: view.lines.excerpt.source.end == wanted)
    await pilot.pause()


async def test_the_newest_line_shows() -> None:
    view = LogView()
    async with staged(view) as (_, pilot):
        await fill(view, pilot, some(200))
        assert "line 199" in lines_of(view.lines)[-1]
        await fill(view, pilot, some(5, first=200))
        assert "line 204" in lines_of(view.lines)[-1]
        assert "following" in status_of(view)


async def test_scrolling_up_lets_go_and_the_end_holds_again() -> None:
    view = LogView()
    async with staged(view) as (_, pilot):
        await fill(view, pilot, some(200))
        await pilot.press("k", "k")
        before = lines_of(view.lines)
        await fill(view, pilot, some(50, first=200))
        assert lines_of(view.lines) == before
        assert not view.lines.follow
        await pilot.press("G")
        assert "line 249" in lines_of(view.lines)[-1]
        await fill(view, pilot, some(1, first=250))
        assert "line 250" in lines_of(view.lines)[-1]


async def test_f_toggles_following() -> None:
    view = LogView()
    async with staged(view) as (_, pilot):
        await fill(view, pilot, some(200))
        await pilot.press("g")
        assert "line 0" in lines_of(view.lines)[0]
        await pilot.press("f")
        assert "line 199" in lines_of(view.lines)[-1]
        await pilot.press("f")
        await fill(view, pilot, some(10, first=200))
        assert "line 199" in lines_of(view.lines)[-1]


async def test_a_reader_keeps_the_place_when_old_lines_go() -> None:
    """Fails when the scroll position is not moved with the lines that the ring drops."""
    view = LogView()
    async with staged(view) as (_, pilot):
        view._ring._max_lines = 500
        await fill(view, pilot, some(500))
        await pilot.press("k")
        before = lines_of(view.lines)[0]
        await fill(view, pilot, some(20, first=500))
        assert view.lines.excerpt.source.first > 0
        assert lines_of(view.lines)[0] == before


async def test_searching_counts_and_goes_round() -> None:
    view = LogView()
    async with staged(view) as (_, pilot):
        await fill(view, pilot, some(300))
        await pilot.press("g", "slash", *"line .0$", "enter")
        await until(pilot, lambda: "1 of 9" in status_of(view))
        await pilot.press("n")
        assert "2 of 9" in status_of(view)
        assert view.lines.current == 20
        await pilot.press("N", "N")
        assert "9 of 9" in status_of(view)
        assert any("line 90" in line for line in lines_of(view.lines))


async def test_a_match_at_the_end_stays_when_lines_come() -> None:
    """Fails when the prompt's closing, which makes room, is taken for scrolling to the end."""
    view = LogView()
    async with staged(view) as (_, pilot):
        await fill(view, pilot, some(200))
        await pilot.press("slash", *"198", "enter")
        await until(pilot, lambda: "1 of 1" in status_of(view))
        await pilot.pause()
        assert not view.lines.follow
        await fill(view, pilot, some(100, first=200))
        assert any("line 198" in line for line in lines_of(view.lines))


async def test_escape_forgets_the_search_then_the_filter_then_is_not_ours() -> None:
    view = LogView()
    async with staged(view) as (_, pilot):
        await fill(view, pilot, some(30))
        await pilot.press("ampersand", "1", "enter", "slash", "2", "enter")
        assert view.lines.excerpt.search is not None
        await pilot.press("escape")
        assert view.lines.excerpt.search is None
        assert view.lines.excerpt.filter is not None
        await pilot.press("escape")
        assert view.lines.excerpt.filter is None
        assert view.check_action("back", ()) is False


async def test_keeping_lines_that_match() -> None:
    view = LogView()
    async with staged(view) as (_, pilot):
        await fill(view, pilot, some(300))
        await pilot.press("ampersand", *"7$", "enter")
        await until(pilot, lambda: "30 kept" in status_of(view))
        assert [line.strip() for line in lines_of(view.lines)[-2:]] == ["line 287", "line 297"]
        await fill(view, pilot, some(20, first=300))
        assert "32 kept" in status_of(view)
        assert "line 317" in lines_of(view.lines)[-1]


async def test_keeping_lines_that_do_not_match() -> None:
    view = LogView()
    async with staged(view) as (_, pilot):
        await fill(view, pilot, some(20))
        await pilot.press("ampersand", *"!1", "enter")
        await until(pilot, lambda: "9 kept" in status_of(view))


async def test_a_broken_expression_is_told_and_works() -> None:
    view = LogView()
    async with staged(view) as (_, pilot):
        await fill(view, pilot, [LogLine(0.0, "stdout", b"call(x")])
        await pilot.press("slash", *"call(", "enter")
        await until(pilot, lambda: "as plain text" in status_of(view))
        assert "1 of 1" in status_of(view)


async def test_a_pattern_that_takes_for_ever_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails when a job has no end, or when it is tried again and again."""
    monkeypatch.setattr("tuidock.widgets.log_excerpt.PATIENCE", 0.2)
    view = LogView()
    async with staged(view) as (_, pilot):
        await fill(view, pilot, [*some(100), *some(1, "a" * 60 + "b")])
        await pilot.press("slash", *"(a|aa)+$", "enter")
        await until(pilot, lambda: "(takes too long, given up)" in status_of(view))
        await pilot.press("n", "slash", "ctrl+u", *"line 7$", "enter")
        await until(pilot, lambda: "1 of 1" in status_of(view))


async def test_wrapping_shows_the_whole_of_a_line() -> None:
    view = LogView()
    async with staged(view) as (_, pilot):
        await fill(view, pilot, [*some(50), LogLine(0.0, "stdout", b"x" * 200 + b"end")])
        assert not any("end" in line for line in lines_of(view.lines))
        await pilot.press("w")
        shown = lines_of(view.lines)
        assert "end" in "".join(shown)
        assert sum("x" in line for line in shown) == 3
        assert "line 49" in "".join(shown)
        assert "".join(shown).count("x") == 200, "no cell is under the scroll bar"
        room = view.lines.scrollable_content_region.width
        assert all(len(line) <= room for line in shown)


async def test_going_sideways_is_not_reset_by_new_lines() -> None:
    view = LogView()
    async with staged(view) as (_, pilot):
        await fill(view, pilot, [LogLine(0.0, "stdout", b"0123456789" * 30)] * 50)
        await pilot.press("right")
        assert lines_of(view.lines)[0].startswith("789")
        await fill(view, pilot, some(3))
        assert view.lines.scroll_offset.x == 8
        assert view.lines.follow


async def test_a_match_far_to_the_right_comes_into_view() -> None:
    view = LogView()
    async with staged(view) as (_, pilot):
        await fill(view, pilot, [LogLine(0.0, "stdout", b"x" * 500 + b"needle" + b"y" * 500)])
        await pilot.press("slash", *"needle", "enter")
        await until(pilot, lambda: any("needle" in line for line in lines_of(view.lines)))


async def test_times_on_and_off() -> None:
    view = LogView()
    async with staged(view) as (_, pilot):
        await fill(view, pilot, some(3))
        plain = lines_of(view.lines)
        await pilot.press("t")
        assert lines_of(view.lines)[0].count(":") == 2
        await pilot.press("t")
        assert "2027-01-1" in lines_of(view.lines)[0]
        await pilot.press("t")
        assert "2027-01-15T08:00:00.000Z line 0" in lines_of(view.lines)[0]
        await pilot.press("t")
        assert lines_of(view.lines) == plain


async def test_a_line_is_copied_without_its_escapes() -> None:
    view = LogView()
    async with staged(view) as (stage, pilot):
        await fill(view, pilot, [*some(3), LogLine(0.0, "stdout", b"\x1b[31mlast\x1b[0m")])
        await pilot.press("y")
        assert stage.clipboard == "last"
        await pilot.press("ctrl+y")
        assert stage.clipboard == "line 0\nline 1\nline 2\nlast"


async def test_selected_text_is_the_text_on_screen() -> None:
    view = LogView()
    async with staged(view) as (stage, pilot):
        await fill(view, pilot, some(3))
        await pilot.mouse_down(view.lines, offset=(1, 0))
        await pilot.hover(view.lines, offset=(5, 1))
        await pilot.mouse_up(view.lines, offset=(5, 1))
        await pilot.pause()
        selected = stage.screen.get_selected_text() or ""
        assert selected.startswith("line 0\n")


async def test_the_panel_shows_the_whole_line_set_out() -> None:
    view = LogView()
    async with staged(view, size=(80, 40)) as (_, pilot):
        text = b'{"level": "warn", "took": 1.5}'
        await fill(view, pilot, [LogLine(0.0, "stdout", text)])
        await pilot.press("enter")
        panel = str(view.query_one("#log-text").render())
        assert '"took": 1.5' in panel.splitlines()[2]
        await pilot.press("escape")
        assert not view.query_one("#log-panel").has_class("-open")


def test_json_is_set_out_and_the_rest_left_alone() -> None:
    assert set_out("no {json").plain.splitlines() == ["no {json"]
    assert set_out('at {"a": [1]}').plain.splitlines()[0] == "at {"


async def test_a_million_bytes_in_one_line_freeze_nothing() -> None:
    view = LogView()
    async with staged(view) as (_, pilot):
        begin = time.process_time()
        await fill(view, pilot, [LogLine(0.0, "stdout", b"x" * 1_000_000)] * 20)
        await pilot.press("w", "w", "right", "right", "enter")
        assert time.process_time() - begin < 5


async def test_a_flood_is_bounded_in_lines_and_told() -> None:
    """Fails when `append` keeps everything that a writer who does not wait pours in."""
    view = LogView()
    async with staged(view) as (_, pilot):
        for number in range(13):
            view.append(some(PENDING, first=number * PENDING))
        assert len(view._pending) <= 10 * PENDING
        await until(pilot, lambda: "skipped" in status_of(view))
        source = view.lines.excerpt.source
        assert source.end - source.first <= 100_000


async def test_a_writer_who_waits_loses_nothing() -> None:
    view = LogView()
    async with staged(view) as (_, pilot):
        for number in range(10):
            view.append(some(PENDING + 1, "x", first=number))
            await view.drained()
        await pilot.pause()
        assert view.dropped == 0
        assert view.lines.excerpt.source.end == 10 * (PENDING + 1)


async def test_clearing_forgets_everything() -> None:
    view = LogView()
    async with staged(view) as (_, pilot):
        await fill(view, pilot, some(100))
        view.append(some(5))
        view.clear()
        await fill(view, pilot, some(1, "other"))
        assert [line for line in lines_of(view.lines) if line] == [" other"]
