"""Limits turned by keys, and the graphs that answer."""

from __future__ import annotations

import pytest

from tests.ui.conftest import Stage
from tuidock.engine.types import Status
from tuidock.screens.detail import Detail
from tuidock.widgets.graph import Graph
from tuidock.widgets.limits import LimitsPane


def tab(stage: Stage) -> str:
    return stage.app.screen.query_one(Detail).active


async def test_a_limit_is_changed_and_the_graph_answers(stage: Stage) -> None:
    await stage.press("j", "L")
    await stage.until(lambda: isinstance(stage.focused, LimitsPane))
    await stage.press("0", "full_stop", "5", "enter")
    await stage.until(lambda: stage.container("api").spec.limits.cpus == 0.5)
    await stage.turn(3)
    graph = stage.app.screen.query_one("#limits #cpu", Graph)
    assert "limit 50.0%" in str(graph.words())
    await stage.turn(20)
    assert stage.world.samples[stage.container("api").id][-1].cpu == pytest.approx(0.5)


async def test_a_memory_limit_below_the_appetite_kills_in_sight(stage: Stage) -> None:
    await stage.press("j", "L")
    await stage.press("j", "6", "4", "m", "enter")
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
    await stage.press("L", "j", "4", "k", "enter")
    await stage.pilot.pause()
    assert stage.container("web").spec.limits == before


async def test_the_graphs_tell_the_limit(stage: Stage) -> None:
    await stage.press("S")
    assert tab(stage) == "stats"
    graph = stage.app.screen.query_one("#stats #memory", Graph)
    assert "limit 128M" in str(graph.words())
