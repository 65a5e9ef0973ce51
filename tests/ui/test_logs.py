"""The logs tab: ranges and panes share digits, several logs become one."""

from __future__ import annotations

import re

import pytest

from tests.ui.conftest import Stage, staged
from tuidock.engine.errors import EngineError
from tuidock.engine.types import LogLine, LogQuery
from tuidock.screens.detail import Detail
from tuidock.screens.help import HelpScreen
from tuidock.screens.logs import LogsTab
from tuidock.screens.merged import merged
from tuidock.widgets.log_lines import LogLines
from tuidock.widgets.logview import LogView


def view(stage: Stage) -> LogView:
    return stage.app.screen.query_one(LogView)


async def test_digits_belong_to_the_focused_log(stage: Stage) -> None:
    await stage.turn(100)
    await stage.press("enter")
    await stage.until(lambda: isinstance(stage.focused, LogLines))
    await stage.until(lambda: stage.shows("0-6 Range"))
    whole = view(stage).lines.excerpt.count
    await stage.press("2")
    await stage.until(lambda: stage.shows("last 1m"))
    assert 50 < view(stage).lines.excerpt.count < whole
    assert stage.app.current_mode == "containers"
    await stage.press("escape", "escape", "2")
    assert stage.app.current_mode == "images"
    await stage.press("1", "enter", "7")
    assert stage.app.current_mode == "events", "no range has a 7"


async def test_the_help_tells_of_ranges(stage: Stage) -> None:
    await stage.press("question_mark")
    assert isinstance(stage.app.screen, HelpScreen)
    text = stage.app.screen.text().plain
    assert "digits are ranges there" in text
    for name in ("log.range_1m", "log.minute_next", "log.merge", "log.down", "log.save"):
        assert name in text


async def test_all_logs_in_one(stage: Stage) -> None:
    await stage.turn(10)
    await stage.press("enter", "A")
    await stage.until(lambda: stage.shows("merged 7: web, api, db, crunch, …"))
    lines = view(stage).lines
    await stage.until(lambda: stage.shows("crunch  packed 64 MiB"))
    source = lines.excerpt.source
    moments = [line.at for line in source.lines(source.first, source.end)]
    assert len(moments) > 30
    assert moments == sorted(moments)
    before = source.end
    await stage.turn(5)
    await stage.until(lambda: source.end > before)
    await stage.press("escape", "j")
    assert stage.shows("merged 7"), "the cursor moves nothing"
    await stage.press("enter", "A")
    await stage.until(lambda: stage.shows("INFO  order 7731 accepted"))
    assert not stage.shows("merged")


async def test_marked_logs_in_one(stage: Stage) -> None:
    await stage.turn(5)
    await stage.press("space", "space", "enter", "A")
    await stage.until(lambda: stage.shows("merged 2: web, api"))
    await stage.until(lambda: stage.shows("api INFO  order 7731"))
    assert not stage.shows("packed 64 MiB")


async def test_a_merged_container_that_starts_again_goes_on(stage: Stage) -> None:
    await stage.press("space", "space", "enter", "A")
    await stage.until(lambda: stage.shows("merged 2: web, api"))
    await stage.engine.containers.stop("web")
    await stage.turn(1)
    await stage.engine.containers.start("web")
    await stage.turn(2)
    lines = view(stage).lines

    def last_of_web() -> float:
        source = lines.excerpt.source
        said = source.lines(source.first, source.end)
        return max((line.at for line in said if line.name == "web "), default=0.0)

    await stage.turn(5)
    await stage.until(lambda: last_of_web() > stage.container("web").started)


async def test_no_stream_outlives_its_tab(stage: Stage) -> None:
    await stage.press("enter", "A")
    await stage.until(lambda: stage.shows("merged 7"))
    await stage.press("7")
    await stage.until(
        lambda: {it.group for it in stage.app.workers if not it.is_finished} <= {"events", "stats"}
    )


async def test_a_failing_stream_leaves_the_others() -> None:
    """And is told of at the end."""
    async with staged() as stage:
        containers = stage.engine.containers
        web, gone = stage.container("web"), stage.container("migrate")
        await containers.remove("migrate")
        containers._remains.clear()
        await containers.stop("web")
        found: list[LogLine] = []

        async def read() -> None:
            async for batch in merged(containers, [gone, web]):
                found.extend(batch)

        with pytest.raises(EngineError):
            await read()
        expected = [line async for lines in containers.logs(web.id, LogQuery()) for line in lines]
        assert len(found) == len(expected) > 0
        assert {line.name for line in found} == {"web     "}


async def test_a_moment_asked_for_before_the_log_is_open(stage: Stage) -> None:
    """Fails when a moment that comes before the first lines is forgotten."""
    await stage.turn(100)
    await stage.press("right_square_bracket")
    tab = stage.app.screen.query_one(LogsTab)
    source = view(stage).lines.excerpt.source
    wanted = source.lines(source.first + 5, source.first + 6)[0].at
    await stage.press("left_square_bracket")
    tab.point(wanted)
    await stage.until(lambda: tab.moment == wanted)
    assert not view(stage).lines.follow
    tab.point(wanted + 1e9)
    await stage.until(lambda: tab.moment == source.lines(source.end - 1, source.end)[0].at)


async def test_a_run_that_ended_is_told_between_its_lines_and_the_next(stage: Stage) -> None:
    """Fails when the log does not say where a container was started again."""
    await stage.turn(20)
    await stage.engine.containers.stop("web")
    await stage.turn(1)
    await stage.engine.containers.start("web")
    await stage.turn(3)
    lines = view(stage).lines
    await stage.until(lambda: lines.breaks)
    await stage.until(lambda: stage.shows("── exit "))
    rule = next(it for it in lines.breaks)
    assert rule.at < stage.container("web").started


async def test_the_log_of_a_removed_container_is_chosen_and_read(stage: Stage) -> None:
    await stage.press("ctrl+x")
    await stage.until(lambda: stage.shows("Nothing was removed"))
    await stage.turn(20)
    await stage.engine.containers.remove("web", force=True)
    await stage.turn(1)
    await stage.press("ctrl+x")
    await stage.until(lambda: stage.shows("Logs of removed containers"))
    await stage.press("enter")
    await stage.until(lambda: stage.shows("web  exit 137, removed"))
    await stage.until(
        lambda: "web  removed" in str(stage.app.screen.query_one(Detail).border_subtitle)
    )
    await stage.until(lambda: stage.shows("GET /style.css"))
    await stage.press("slash")
    await stage.type("favicon")
    await stage.press("enter")
    await stage.until(lambda: re.search(r"/ favicon  \d of 5", stage.text()))
    await stage.press("escape", "escape", "j")
    await stage.until(lambda: not stage.shows("exit 137, removed"))


async def test_what_is_being_read_stays_when_its_container_is_removed(stage: Stage) -> None:
    """Fails when another container's log takes its place under the reader's eyes."""
    await stage.turn(20)
    await stage.press("enter")
    await stage.until(lambda: isinstance(stage.focused, LogLines))
    await stage.engine.containers.remove("web", force=True)
    await stage.turn(1)
    await stage.until(lambda: stage.shows("it stays until the cursor moves"))
    assert stage.shows("GET /style.css")
