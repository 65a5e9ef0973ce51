"""A log view on the files of a log: of any size, growing, counted as far as is needed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.widgets.stage import lines_of, staged, until
from tests.widgets.test_log_keys import save
from tests.widgets.test_logview import fill, some, status_of
from tuidock.engine.logs.index import LogIndex
from tuidock.widgets.log_lines import LogLines
from tuidock.widgets.log_source import Beginning
from tuidock.widgets.logview import LogView

# --- the files of a log -----------------------------------------------------------------------


def record(number: int) -> bytes:
    return b"2027-01-15T08:00:00.%09dZ stdout F line %d\n" % (number, number)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log"
    path.write_bytes(b"".join(record(number) for number in range(5000)))
    return path


async def test_files_are_read_where_they_show(log: Path) -> None:
    view = LogView()
    async with staged(view) as (_, pilot):
        await view.open([str(log)])
        await pilot.pause()
        assert "line 4999" in lines_of(view.lines)[-1]
        await pilot.press("g")
        assert "line 0" in lines_of(view.lines)[0]
        await pilot.press("slash", *"line 4321", "enter")
        await until(pilot, lambda: "1 of 1" in status_of(view))
        assert any("line 4321" in line for line in lines_of(view.lines))


async def test_files_that_grow_are_followed(log: Path) -> None:
    view = LogView()
    async with staged(view) as (_, pilot):
        await view.open([str(log)])
        with log.open("ab") as file:
            file.write(record(5000))
        view.grown()
        await until(pilot, lambda: "line 5000" in lines_of(view.lines)[-1])


async def test_files_are_let_go(log: Path) -> None:
    view = LogView()
    async with staged(view) as (stage, pilot):
        await view.open([str(log)])
        await fill_after_clear(view, pilot)
        assert view._index is None
        assert isinstance(stage.query_one(LogLines), LogLines)


async def fill_after_clear(view: LogView, pilot: Pilot[None]) -> None:
    view.clear()
    await fill(view, pilot, some(1))


async def test_without_files_lines_come_as_ever() -> None:
    view = LogView()
    async with staged(view) as (_, pilot):
        await view.open([])
        await fill(view, pilot, some(3))
        assert "line 2" in lines_of(view.lines)[2]


async def test_a_search_goes_on_into_what_was_not_counted_yet(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails when a search ends where the counting at opening did."""
    monkeypatch.setattr("tuidock.engine.logs.index.AT_ONCE", 1000)
    monkeypatch.setattr("tuidock.widgets.log_lines.DIG", 1000)
    monkeypatch.setattr("tuidock.engine.logs.index.STEP", 1000)
    view = LogView()
    async with staged(view) as (_, pilot):
        index_of = view.lines.excerpt
        await view.open([str(log)])
        await pilot.press("slash", *"line 7$", "enter")
        await until(pilot, lambda: "found" in status_of(view) or "1 of 1" in status_of(view))
        await until(pilot, lambda: index_of.count == 5000)
        await until(pilot, lambda: index_of.search is not None and index_of.search.count == 1)


async def test_the_top_of_what_was_not_counted_yet(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails when the top is that of the part that was counted at opening."""
    monkeypatch.setattr("tuidock.engine.logs.index.AT_ONCE", 1000)
    monkeypatch.setattr("tuidock.widgets.log_lines.DIG", 5000)
    monkeypatch.setattr("tuidock.widgets.log_intake.AHEAD", 0)
    monkeypatch.setattr("tuidock.engine.logs.index.STEP", 1000)
    view = LogView()
    async with staged(view) as (_, pilot):
        await view.open([str(log)])
        await pilot.pause()
        assert "≈" in status_of(view)
        await pilot.press("g")
        await until(pilot, lambda: lines_of(view.lines)[0].strip() == "line 0")
        assert "line 1 of 5,000" in status_of(view)
        await pilot.press("ampersand", *"99$", "enter", "g")
        await until(pilot, lambda: lines_of(view.lines)[0].strip() == "line 99")
        await until(pilot, lambda: "50 kept" in status_of(view))
        assert "searching" not in status_of(view)


async def test_the_first_page_shows_before_anything_is_counted(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails when the top waits for the counting, or when its lines lose what was done to them."""
    monkeypatch.setattr("tuidock.engine.logs.index.AT_ONCE", 1000)
    monkeypatch.setattr("tuidock.engine.logs.index.STEP", 1000)
    monkeypatch.setattr("tuidock.engine.logs.index.HEAD_BYTES", 9000)
    monkeypatch.setattr("tuidock.widgets.log_intake.AHEAD", 0)
    counting, dig = asyncio.Event(), LogLines._dig

    async def held(self: LogLines, source: LogIndex | Beginning) -> None:
        await counting.wait()
        await dig(self, source)

    monkeypatch.setattr(LogLines, "_dig", held)
    view = LogView()
    async with staged(view) as (stage, pilot):
        await view.open([str(log)])
        await pilot.press("g", "j", "m")
        await until(pilot, lambda: "line 2 of ≈ " in status_of(view))
        assert "counting" in status_of(view)
        await pilot.press("G")
        await until(pilot, lambda: lines_of(view.lines)[-1].strip() == "line 4999")
        await save(stage, pilot, path := log.with_suffix(".saved"))
        await pilot.press("g", "j", "j", "m")
        await until(pilot, lambda: lines_of(view.lines)[0].strip() == "line 2")
        await pilot.press("slash", *"4999$", "enter")
        counting.set()
        await until(pilot, lambda: "1 of 1" in status_of(view))
        assert "of 5,000" in status_of(view)
        await until(pilot, lambda: path.exists() and path.read_text().count("\n") == 5000)
        assert len(view.lines.marked()) == 1, "marks of a beginning that was left are gone"


async def test_a_filter_keeps_the_readers_place_while_it_works(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails when lines found above push away what is being read."""
    monkeypatch.setattr("tuidock.widgets.log_sieve.JOB_LINES", 50)
    monkeypatch.setattr("tuidock.widgets.log_excerpt.AT_ONCE", 50)
    monkeypatch.setattr("tuidock.engine.logs.index.STEP", 1000)
    view = LogView()
    async with staged(view) as (_, pilot):
        await view.open([str(log)])
        await pilot.pause()
        view.lines.go(2500)
        await pilot.press("ampersand", "0", "enter")
        await until(pilot, lambda: view.lines.excerpt.looked == 1)
        assert view.lines.current in view.lines.on_screen()
