"""Limits turned by keys, and the graphs that answer."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.ui.conftest import Stage, staged
from tests.widgets.stage import lines_of
from tuidock.engine.errors import BadSpec
from tuidock.engine.types import Container, ExitRecord, Limits, Status
from tuidock.screens.detail import Detail
from tuidock.screens.tune import killed_at_its_max
from tuidock.widgets.limits import LimitsPane
from tuidock.widgets.timegraph import TimeGraph

TO_MEMORY = "jjj"


def tab(stage: Stage) -> str:
    return stage.app.screen.query_one(Detail).active


async def test_a_limit_is_changed_and_the_graph_answers(stage: Stage) -> None:
    await stage.press("j", "L")
    await stage.until(lambda: isinstance(stage.focused, LimitsPane))
    await stage.press("0", "full_stop", "5", "enter")
    await stage.until(lambda: stage.container("api").spec.limits.cpus == 0.5)
    await stage.turn(3)
    graph = stage.app.screen.query_one("#limits #cpu", TimeGraph)
    assert "limit 50.0%" in str(graph.words())
    await stage.turn(20)
    assert stage.world.samples[stage.container("api").id][-1].cpu == pytest.approx(0.5)


async def test_a_memory_limit_below_the_appetite_kills_in_sight(stage: Stage) -> None:
    await stage.press("j", "L")
    await stage.press(*TO_MEMORY, "6", "4", "m", "enter")
    await stage.until(lambda: stage.shows("or killed (OOM)"))
    assert stage.container("api").status is Status.RUNNING
    await stage.press("enter")
    await stage.until(lambda: stage.container("api").status is Status.EXITED)
    row = next(row for row in stage.rows() if row[1] == "api")
    assert row[3].startswith("oom")
    await stage.until(lambda: stage.shows("out of memory"))


async def test_a_limit_may_be_typed_slowly(stage: Stage) -> None:
    """Fails when every sample tells the pane its limits again."""
    await stage.press("j", "L", "0", "full_stop")
    await stage.turn(3)
    await stage.press("5", "enter")
    await stage.until(lambda: stage.container("api").spec.limits.cpus == 0.5)


async def test_a_refused_limit_changes_nothing(stage: Stage) -> None:
    before = stage.container("web").spec.limits
    await stage.press("L", *TO_MEMORY, "4", "k", "enter")
    assert stage.shows("the least memory limit is 6m")
    assert stage.container("web").spec.limits == before


async def test_the_graphs_tell_the_limit(stage: Stage) -> None:
    await stage.press("S")
    assert tab(stage) == "stats"
    graph = stage.app.screen.query_one("#stats #memory", TimeGraph)
    assert "limit 128M" in str(graph.words())


async def test_the_command_line_equal_stands_below(stage: Stage) -> None:
    await stage.press("L", "1", "enter")
    await stage.until(lambda: stage.shows("✓ web: in force, and kept over a restart"))
    assert stage.shows("$ tuidock update --cpus 1 web")
    assert stage.shows("z takes back: CPU quota 1 core → 0.5 cores.")
    await stage.press("z")
    await stage.until(lambda: stage.container("web").spec.limits.cpus == 0.5)


async def test_undo_lasts_longer_than_the_interface(tmp_path: Path) -> None:
    """Of what was for good. Fails when `apply` does not remember how to go back."""
    memory = str(tmp_path / "state.json")
    async with staged(memory=memory) as stage:
        await stage.press("L", "1", "enter")
        await stage.until(lambda: stage.shows("✓ web: in force, and kept over a restart"))
        await stage.press("2", "u", "enter")
        await stage.until(lambda: stage.shows("✓ web: in force until it ends"))
    async with staged(memory=memory) as stage:
        web = stage.container("web")
        await stage.engine.containers.update(web.id, Limits(cpus=1.0))
        await stage.press("L")
        await stage.until(lambda: stage.shows("z takes back: CPU quota 1 core → 0.5 cores."))
        await stage.press("z")
        await stage.until(lambda: stage.container("web").spec.limits == web.spec.limits)
        assert not stage.shows("z takes back")


async def test_several_marked_get_one_limit_and_each_tells_how_it_went(stage: Stage) -> None:
    """One of them is refused; the others have it, and undo leaves that one alone."""
    await stage.press("space", "space", "j", "space", "L")
    await stage.until(lambda: stage.shows("3 containers: web, api, crunch"))
    refused = stage.container("crunch").id
    update = stage.engine.containers.update

    async def one_refuses(key: str, limits: Limits, *, keep: bool = True) -> Container:
        if key == refused:
            raise BadSpec("device or resource busy")
        return await update(key, limits, keep=keep)

    stage.engine.containers.update = one_refuses  # type: ignore[method-assign]
    await stage.press("1", "full_stop", "5", "enter")
    await stage.until(lambda: stage.shows("✗ crunch: device or resource busy"))
    assert stage.shows("✓ web, api: in force, and kept over a restart")
    assert stage.container("web").spec.limits.cpus == 1.5
    assert stage.container("crunch").spec.limits.cpus == 1.0
    await stage.press("z")
    await stage.until(lambda: stage.container("api").spec.limits.cpus == 2.0)
    await stage.until(lambda: stage.container("web").spec.limits.cpus == 0.5)


async def test_marks_change_what_the_console_is_about(stage: Stage) -> None:
    await stage.press("L", "escape", "space", "space")
    await stage.until(lambda: stage.shows("2 containers: web, api"))
    await stage.press("backslash")
    await stage.until(lambda: not stage.shows("2 containers"))


async def test_throttling_is_told_in_words(stage: Stage) -> None:
    await stage.press("j", "j", "j", "L", "0", "full_stop", "1", "enter")
    await stage.turn(12)
    assert stage.shows("The quota held it back in 100 of the last 100 periods of 0.1 s")
    assert stage.shows("CPU pressure 25% (its own)")
    assert stage.shows("suggests 0.2 cores: held back at 0.1 cores, so half as much more")


async def test_what_is_lacking_is_said_and_not_tried(stage: Stage) -> None:
    can = stage.engine.containers.can
    stage.engine.containers.can = can._replace(lacking=(("memory_swap", "no swap accounting"),))
    await stage.press("L", *"jjjjjj")
    await stage.until(lambda: stage.shows("Not here: no swap accounting."))
    await stage.press(*"256m", "enter", "enter")
    assert ("update", "web") not in [call[:2] for call in stage.calls]


async def test_the_graph_follows_the_chosen_limit(stage: Stage) -> None:
    await stage.press("j", "L", *"jjjjjjj")
    graph = stage.app.screen.query_one("#limits #pids", TimeGraph)
    assert graph.display
    assert "limit 200" in str(graph.words())
    await stage.press(*"kkkkkkk")
    assert not graph.display


async def test_a_container_that_does_not_run_keeps_limits_for_later(stage: Stage) -> None:
    await stage.press("G", "L")
    await stage.until(lambda: stage.shows("does not run: limits hold from its next start"))
    await stage.press("1", "enter")
    await stage.until(lambda: stage.shows("kept; in force from its next start"))
    assert stage.shows("tuidock update --cpus 1 migrate")


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_it_fits_every_terminal(size: tuple[int, int]) -> None:
    """The chosen limit, the command and its first sentence can be seen."""
    async with staged(size=size) as stage:
        await stage.press("j", "L", *TO_MEMORY, "right")
        await stage.until(lambda: stage.shows("$ tuidock update -m 576m api"))
        assert stage.shows("▸ Memory max")
        assert stage.shows("All it may use, page cache included.")


async def test_for_this_run_only(stage: Stage) -> None:
    await stage.press("L", "1", "u")
    assert stage.shows("$ tuidock update --until-exit --cpus 1 web")
    await stage.press("enter")
    await stage.until(lambda: stage.shows("✓ web: in force until it ends"))
    await stage.until(lambda: stage.shows("* until web ends; its next start has CPU quota 0.5"))
    assert stage.shows("1 core*")
    assert stage.container("web").spec.limits.cpus == 0.5
    await stage.engine.containers.restart("web")
    await stage.until(lambda: not stage.shows("until web ends"))
    assert stage.shows("0.5 cores")


async def test_what_is_wanted_is_drawn_before_it_is_in_force(stage: Stage) -> None:
    await stage.press("j", "L", "1")
    graph = stage.app.screen.query_one("#limits #cpu", TimeGraph)
    await stage.until(lambda: any("→ 100%" in row for row in lines_of(graph)))
    await stage.press("escape")
    await stage.until(lambda: not any("→ 100%" in row for row in lines_of(graph)))


async def test_changes_stand_on_the_graph(stage: Stage) -> None:
    await stage.press("j", "L", "1", "enter")
    await stage.turn(3)
    graph = stage.app.screen.query_one("#limits #cpu", TimeGraph)
    await stage.until(lambda: "L" in lines_of(graph)[1])
    assert stage.shows("L limits changed")


async def test_graphs_are_full_when_they_are_opened(stage: Stage) -> None:
    """Fails when only what was measured since the interface opened is drawn."""
    await stage.press("j", "L")
    graph = stage.app.screen.query_one("#limits #memory", TimeGraph)
    await stage.until(lambda: lines_of(graph)[-2].count("⣿") > 40)


async def test_changes_in_a_hurry_keep_their_order(stage: Stage) -> None:
    """Fails without the lock: a slow first change would come after the second, and hold."""
    update, gate, asked = stage.engine.containers.update, asyncio.Event(), []

    async def slow_at_first(key: str, limits: Limits, *, keep: bool = True) -> Container:
        asked.append(limits.cpus)
        if len(asked) == 1:
            await gate.wait()
        return await update(key, limits, keep=keep)

    stage.engine.containers.update = slow_at_first  # type: ignore[method-assign]
    await stage.press("L", "1", "enter", "2", "enter")
    assert asked == [1.0]
    gate.set()
    await stage.until(lambda: stage.container("web").spec.limits.cpus == 2.0)
    assert asked == [1.0, 2.0]


async def test_a_max_that_was_raised_since_killed_nobody(stage: Stage) -> None:
    """Fails when every OOM kill is laid to the max in force: it then asked for ever more."""
    it = stage.container("import")
    it = it._replace(spec=it.spec._replace(limits=Limits(memory=64)))
    assert not killed_at_its_max(it)
    ends = [ExitRecord(137, 9, True, 1.0, peak_memory=peak) for peak in (62, 42, 0)]
    assert [killed_at_its_max(it._replace(exit=end)) for end in ends] == [True, False, True]
