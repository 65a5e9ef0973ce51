"""The containers screen by its keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Static

from tests.ui.conftest import Stage, staged
from tuidock.config import Config
from tuidock.engine.errors import MonitorGone
from tuidock.engine.types import Limits, Status
from tuidock.screens.bug import BugScreen
from tuidock.screens.containers import ContainersScreen
from tuidock.screens.detail import Detail
from tuidock.screens.listing import ListPane
from tuidock.widgets.dialogs import Ask, Choose, Confirm, Failure
from tuidock.widgets.graph import Graph
from tuidock.widgets.limits import LimitsPane
from tuidock.widgets.limits_measures import peak
from tuidock.widgets.logview import LogView
from tuidock.widgets.run_form import RunForm
from tuidock.widgets.terminal import Terminal


def tab(stage: Stage) -> str:
    return stage.app.screen.query_one(Detail).active


async def test_the_first_screen_shows_everything(stage: Stage) -> None:
    assert stage.names() == ["web", "api", "db", "crunch", "cache", "import", "migrate"]
    by_name = {row[1]: row for row in stage.rows()}
    assert by_name["web"][3] == "up 1h"
    assert by_name["crunch"][4].endswith("100%"), "held at its quota of one core"
    assert "128M" in by_name["web"][5]
    assert by_name["import"][3].startswith("exit 3")
    assert by_name["cache"][3] == "paused"
    assert stage.shows("harbour") is False
    assert stage.shows("4 of 7 running")


async def test_samples_move_the_rows(stage: Stage) -> None:
    before = stage.rows()[0]
    await stage.turn(5)
    after = stage.rows()[0]
    assert before[4] != after[4]
    assert len(stage.world.samples[stage.container("web").id]) >= 6


async def test_the_cursor_drives_the_detail(stage: Stage) -> None:
    await stage.turn(10)
    await stage.press("j")
    await stage.until(lambda: stage.shows("INFO  order 7731 accepted"))
    assert not stage.shows("GET /favicon.ico")
    await stage.press("k")
    await stage.until(lambda: stage.shows("GET /favicon.ico"))
    assert not stage.shows("INFO  order 7731 accepted")


async def test_logs_go_on_while_looked_at(stage: Stage) -> None:
    assert stage.app.screen.query_one(LogView).display
    await stage.until(lambda: stage.shows("following  2 lines"))
    await stage.turn(7)
    await stage.until(lambda: stage.shows("following  12 lines"))


async def test_one_key_stops_and_starts(stage: Stage) -> None:
    await stage.press("s")
    await stage.until(lambda: stage.container("web").status is Status.EXITED)
    await stage.until(lambda: stage.cursor() == "web")
    await stage.press("s")
    await stage.until(lambda: stage.container("web").status is Status.RUNNING)
    web = stage.container("web").id
    assert stage.calls == [("stop", web), ("start", web)]


async def test_pause_and_unpause_share_a_key(stage: Stage) -> None:
    await stage.press("p")
    await stage.until(lambda: stage.container("web").status is Status.PAUSED)
    await stage.press("p")
    await stage.until(lambda: stage.container("web").status is Status.RUNNING)


async def test_keys_that_do_not_fit_call_nothing(stage: Stage) -> None:
    await stage.press("G")
    assert stage.cursor() == "migrate"
    await stage.press("p", "e", "K")
    await stage.press("k", "k", "k")
    await stage.press("d")
    assert stage.cursor() == "crunch"
    assert stage.calls == []
    assert isinstance(stage.app.screen, ContainersScreen)


async def test_removal_is_asked_first(stage: Stage) -> None:
    await stage.press("G", "d")
    await stage.until(lambda: isinstance(stage.app.screen, Confirm))
    await stage.press("escape")
    assert stage.calls == []
    await stage.press("d")
    await stage.until(lambda: isinstance(stage.app.screen, Confirm))
    await stage.press("y")
    await stage.until(lambda: "migrate" not in stage.names())
    assert stage.cursor() == "import"


async def test_force_removal_of_one_that_runs() -> None:
    async with staged(config=Config(confirm=False)) as stage:
        web = stage.container("web").id
        await stage.press("D")
        await stage.until(lambda: "web" not in stage.names())
        assert stage.calls == [("remove", web, "force")]


async def test_marked_containers_stop_together(stage: Stage) -> None:
    await stage.press("space", "space", "s")
    await stage.until(lambda: stage.container("api").status is Status.EXITED)
    await stage.until(lambda: stage.container("web").status is Status.EXITED)
    assert {call[0] for call in stage.calls} == {"stop"}
    assert stage.container("db").status is Status.RUNNING


def marks(stage: Stage) -> set[str]:
    """Names of the marked rows."""
    table = stage.app.screen.query_one("#list", ListPane).table
    return {stage.world.containers[key].name for key in table.marked}


async def test_what_is_done_needs_no_mark(stage: Stage) -> None:
    await stage.press("space", "space", "r")
    await stage.until(lambda: len(stage.calls) >= 6 and not marks(stage))


async def test_a_dead_container_keeps_its_curve_and_says_so(stage: Stage) -> None:
    await stage.turn(5)
    await stage.press("S", "escape", "s")
    await stage.until(lambda: stage.container("web").status is Status.EXITED)
    await stage.until(lambda: stage.shows("It does not run: s starts it."))
    graph = stage.app.screen.query_one("#stats #memory", Graph)
    assert "ended at" in graph.words()[0]


async def test_tabs_of_a_dead_container_say_what_to_do() -> None:
    async with staged(config=Config(keys={"container.power": "f8"})) as stage:
        await stage.press("G", "t")
        await stage.until(lambda: stage.shows("No processes. It does not run: f8 starts it."))
        await stage.press("escape", *["left_square_bracket"] * 5)
        assert tab(stage) == "shell"
        await stage.until(lambda: stage.shows("No shell. It does not run: f8 starts it."))


async def test_limits_know_the_peaks_at_once(stage: Stage) -> None:
    """Fails when the pane is told the newest sample alone."""
    await stage.turn(1)
    for _ in range(20):
        await stage.turn(1)
    top = max(it.cpu for it in stage.world.samples[stage.container("api").id])
    await stage.press("j", "L")
    pane = stage.app.screen.query_one(LimitsPane)
    await stage.until(lambda: peak(pane.model.subjects[0].samples, "cpu") == top)


async def test_a_signal_of_ones_choice(stage: Stage) -> None:
    await stage.press("K")
    await stage.until(lambda: isinstance(stage.app.screen, Choose))
    await stage.press("down", "enter")
    await stage.until(lambda: stage.container("web").status is Status.EXITED)
    assert stage.calls == [("kill", stage.container("web").id, "KILL")]


async def test_the_filter_narrows_and_escape_widens(stage: Stage) -> None:
    await stage.press("slash")
    await stage.type("debian")
    assert stage.names() == ["crunch", "import", "migrate"]
    detail = stage.app.screen.query_one(Detail)
    await stage.until(lambda: "crunch" in str(detail.border_subtitle))  # it follows the cursor
    await stage.press("enter", "j")
    assert stage.cursor() == "import"
    await stage.press("escape")
    assert len(stage.names()) == 7


async def test_the_filter_can_be_turned_round(stage: Stage) -> None:
    await stage.press("slash")
    await stage.type("!debian")
    assert stage.names() == ["web", "api", "db", "cache"]
    await stage.press("escape")
    assert len(stage.names()) == 7


async def test_the_filter_line_takes_keys_that_are_verbs_elsewhere(stage: Stage) -> None:
    await stage.press("slash")
    await stage.type("sdT1q")
    assert stage.calls == []
    assert stage.app.screen.query_one("#list", ListPane).query_text == "sdT1q"


async def test_sorting_by_a_column(stage: Stage) -> None:
    pane = stage.app.screen.query_one("#list", ListPane)
    await stage.press("o")
    await stage.until(lambda: isinstance(stage.app.screen, Choose))
    await stage.press("n")
    assert pane.sorted_by == "name"
    assert stage.names() == sorted(stage.names())
    await stage.press("O")
    assert stage.names() == sorted(stage.names(), reverse=True)


async def test_what_does_not_run_can_be_hidden(stage: Stage) -> None:
    await stage.press("H")
    assert stage.names() == ["web", "api", "db", "crunch", "cache"]


async def test_a_small_error_is_a_notice(stage: Stage) -> None:
    web = stage.container("web")
    await stage.engine.containers.pause(web.id)
    screen = stage.app.screen
    assert isinstance(screen, ContainersScreen)
    stage.engine.containers.failures["restart"] = MonitorGone("no answer", "look at `ps`")
    await stage.press("r")
    await stage.until(lambda: isinstance(stage.app.screen, Failure))
    assert stage.shows("no answer")
    assert stage.shows("look at `ps`")
    await stage.press("escape")
    assert stage.app.screen is screen


async def test_a_bug_does_not_end_the_interface(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(stage.engine.containers, "restart", broken)
    await stage.press("r")
    await stage.until(lambda: isinstance(stage.app.screen, BugScreen))
    words = str(stage.app.screen.query_one(Static).render())
    assert "ZeroDivisionError: a bug" in words
    path = next(word for word in words.split() if word.startswith(str(tmp_path)))
    assert "ZeroDivisionError" in Path(path).read_text(encoding="utf-8")
    await stage.press("escape", "s")
    await stage.until(lambda: stage.container("web").status is Status.EXITED)


async def test_tabs_go_round(stage: Stage) -> None:
    assert tab(stage) == "logs"
    await stage.press("left_square_bracket")
    assert tab(stage) == "shell"
    await stage.press("right_square_bracket", "right_square_bracket")
    assert tab(stage) == "stats"


async def test_processes_are_looked_at_again(stage: Stage) -> None:
    await stage.press("t")
    await stage.until(lambda: stage.shows("nginx: worker 1"))


async def test_inspect_is_docker_s(stage: Stage) -> None:
    await stage.press("i")
    await stage.until(lambda: stage.shows("NanoCpus"))


async def test_a_shell_in_the_detail(stage: Stage) -> None:
    await stage.press("e")
    await stage.until(lambda: isinstance(stage.focused, Terminal))
    await stage.type("echo q1")
    await stage.press("enter")
    await stage.until(lambda: "\nq1" in stage.app.screen.query_one(Terminal).text)
    await stage.press("ctrl+right_square_bracket")
    await stage.until(lambda: not isinstance(stage.focused, Terminal))
    await stage.press("e")
    await stage.until(lambda: isinstance(stage.focused, Terminal))
    assert [call[0] for call in stage.calls] == ["exec"], "the same session goes on"
    await stage.type("exit")
    await stage.press("enter")
    await stage.until(lambda: not stage.app.screen.query(Terminal))


async def test_without_a_terminal_none_is_lent(stage: Stage) -> None:
    await stage.press("E")
    await stage.until(lambda: stage.shows("No terminal to lend"))
    assert isinstance(stage.app.screen, ContainersScreen)


async def test_attach_shows_what_is_written(stage: Stage) -> None:
    await stage.press("a")
    await stage.until(lambda: isinstance(stage.focused, Terminal))
    await stage.turn(5)
    await stage.until(lambda: "favicon" in stage.app.screen.query_one(Terminal).text)


async def test_a_new_container_from_an_image(stage: Stage) -> None:
    await stage.press("n")
    await stage.until(lambda: isinstance(stage.app.screen, Choose))
    await stage.press("down", "down", "down", "enter")
    await stage.until(lambda: isinstance(stage.app.screen, RunForm))
    await stage.type("mine")
    await stage.press("ctrl+s")
    await stage.until(lambda: "mine" in stage.names())
    await stage.until(lambda: stage.cursor() == "mine")
    assert stage.container("mine").image.startswith("docker.io/library/debian")


async def test_the_larger_part_is_the_focused_one(stage: Stage) -> None:
    screen = stage.app.screen
    await stage.press("plus", "plus")
    assert not screen.query_one("#details").display
    await stage.press("underscore", "underscore", "enter", "plus", "plus")
    assert not screen.query_one("#list").display
    await stage.press("escape")
    assert screen.query_one("#list").display
    assert screen.query_one("#details").display


async def test_the_selection_can_be_copied(stage: Stage) -> None:
    await stage.press("y")
    await stage.until(lambda: isinstance(stage.app.screen, Choose))
    await stage.press("enter")
    await stage.until(lambda: stage.app.clipboard == "web")


async def test_the_menu_shows_keys_and_does_the_verb() -> None:
    async with staged(config=Config(keys={"container.restart": "f5"})) as stage:
        await stage.press("x")
        await stage.until(lambda: isinstance(stage.app.screen, Choose))
        await stage.until(lambda: stage.shows("f5  Restart"))
        await stage.press("down", "enter")
        await stage.until(lambda: ("restart", stage.container("web").id) in stage.calls)


async def test_all_that_run_can_be_stopped(stage: Stage) -> None:
    await stage.press("b")
    await stage.until(lambda: isinstance(stage.app.screen, Choose))
    await stage.press("enter")
    await stage.until(lambda: stage.world.count(Status.RUNNING) == 0)
    assert stage.world.count(Status.PAUSED) == 0


async def test_what_others_do_is_seen(stage: Stage) -> None:
    """Another client removes and updates; nothing here asked for it."""
    await stage.engine.containers.remove("migrate")
    await stage.engine.containers.update("web", Limits(pids=7))
    await stage.until(lambda: "migrate" not in stage.names())
    await stage.until(lambda: stage.container("web").spec.limits.pids == 7)


async def test_the_empty_screen_says_what_to_do() -> None:
    async with staged(scene=False) as stage:
        assert stage.shows("No containers yet.")
        await stage.press("s", "r", "d", "e", "L", "i")
        assert stage.calls == []


async def rename(stage: Stage, name: str) -> None:
    """What a person types for it."""
    await stage.press("N")
    await stage.until(lambda: isinstance(stage.app.screen, Ask))
    await stage.press("ctrl+u")
    await stage.type(name)
    await stage.press("enter")


async def test_rename_asks_for_a_name_and_the_row_follows(stage: Stage) -> None:
    await rename(stage, "shop")
    await stage.until(lambda: "shop" in stage.names())
    assert "web" not in stage.names()


async def test_a_name_that_is_taken_is_told(stage: Stage) -> None:
    await rename(stage, "api")
    await stage.until(lambda: stage.shows("already in use"))
    assert stage.calls[-1][0] == "rename"


async def test_prune_asks_and_removes_what_does_not_run(stage: Stage) -> None:
    await stage.press("X")
    await stage.until(lambda: isinstance(stage.app.screen, Confirm))
    assert stage.shows("import")
    await stage.press("n")
    await stage.until(lambda: isinstance(stage.app.screen, ContainersScreen))
    assert stage.calls == []
    await stage.press("X")
    await stage.until(lambda: isinstance(stage.app.screen, Confirm))
    await stage.press("y")
    await stage.until(lambda: len(stage.names()) == 5)
    await stage.until(lambda: stage.shows("2 stopped containers"))
    await stage.press("X")
    await stage.until(lambda: stage.shows("every container runs"))
