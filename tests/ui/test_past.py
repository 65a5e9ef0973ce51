"""The past of a container in the stats tab: full at once, with what happened meanwhile."""

from __future__ import annotations

import pytest
from textual.widgets import Static

from tests.ui.conftest import Stage
from tuidock.engine.events import Event
from tuidock.engine.types import (
    Container,
    ContainerSpec,
    ExitRecord,
    History,
    Limits,
    Sample,
    Status,
)
from tuidock.screens.happenings import happenings
from tuidock.screens.past import past
from tuidock.screens.stats import unrecorded
from tuidock.widgets.logview import LogView
from tuidock.widgets.moments import Moments
from tuidock.widgets.timegraph import TimeGraph
from tuidock.widgets.timelines import Timelines
from tuidock.world import World


async def at_stats(stage: Stage, name: str) -> Timelines:
    """The tab in view, once its black box was read."""
    key = stage.container(name).id
    while stage.cursor() != name:
        await stage.press("j")
    await stage.press("S")
    await stage.until(lambda: key in stage.world.histories and stage.app.screen.query(Timelines))
    await stage.pilot.pause()
    return stage.app.screen.query_one(Timelines)


def words(stage: Stage, name: str) -> str:
    return str(stage.app.screen.query_one(f"#{name}", Static).render())


def seen(timelines: Timelines, name: str = "cpu") -> list[float]:
    """The columns of a graph that have a value."""
    graph = timelines.query_one(f"#{name}", TimeGraph)
    return [value for value in graph.curve(graph.columns) if value == value]


async def test_the_graphs_are_full_at_once(stage: Stage) -> None:
    """It has run for an hour when the interface opens. Fails without the black box."""
    timelines = await at_stats(stage, "web")
    assert len(seen(timelines)) > timelines.graphs[0].columns * 0.95
    assert stage.focused is timelines


async def test_only_what_is_looked_at_is_kept(stage: Stage) -> None:
    """A day of each of fifty containers would be a hundred megabytes."""
    await at_stats(stage, "web")
    await stage.press("escape")
    await at_stats(stage, "api")
    assert set(stage.world.histories) == {stage.container("api").id}


async def test_the_dead_have_a_past(stage: Stage) -> None:
    web = stage.container("web").id
    await at_stats(stage, "web")
    await stage.engine.containers.kill(web)
    await stage.until(lambda: stage.container("web").exit)
    await stage.until(lambda: "X" in words(stage, "legend"))
    timelines = stage.app.screen.query_one(Timelines)
    assert not timelines.live
    assert len(seen(timelines)) > 10
    assert "It does not run" in words(stage, "signs")


async def test_what_happened_is_drawn_and_told(stage: Stage) -> None:
    web = stage.container("web").id
    timelines = await at_stats(stage, "web")
    await stage.engine.containers.update(web, Limits(memory=256 << 20))
    await stage.turn(4)
    await stage.engine.containers.pause(web)
    await stage.turn(4)
    await stage.until(lambda: "paused" in words(stage, "legend"))
    assert "limits changed" in words(stage, "legend")
    shown = "\n".join(timelines.graphs[0].render_line(1).text for _ in range(1))
    assert "L" in shown
    assert "P" in shown


async def test_a_cursor_tells_what_was_then(stage: Stage) -> None:
    timelines = await at_stats(stage, "web")
    await stage.press("left", "left", "left")
    assert timelines.cursor is not None
    assert stage.clock.time() - 5 * timelines.step < timelines.cursor < stage.clock.time()
    told = words(stage, "signs")
    assert "cpu" in told
    assert "memory" in told
    assert "▼" in timelines.graphs[0].render_line(1).text
    await stage.press("right")
    assert words(stage, "signs") != told
    await stage.press("escape")
    assert timelines.cursor is None
    assert stage.focused is timelines
    await stage.press("escape")
    assert stage.focused is not timelines


@pytest.mark.parametrize(
    ("keys", "name"),
    [("0", "day"), ("6", "1h"), ("-", "15m"), ("==", "1m")],
)
async def test_the_length_of_time(stage: Stage, keys: str, name: str) -> None:
    timelines = await at_stats(stage, "web")
    names = {"-": "minus", "=": "equals_sign"}
    await stage.press(*(names.get(key, key) for key in keys))
    assert timelines.range_name == name
    graph = stage.app.screen.query_one("#cpu", TimeGraph)
    ends = graph.render_line(graph.size.height - 1)
    length = {"day": "24h"}.get(name, name)
    assert f"{length} ago" in ends.text


async def test_a_click_points_and_a_second_goes_to_the_log(stage: Stage) -> None:
    timelines = await at_stats(stage, "web")
    await stage.pilot.click("#cpu", offset=(30, 4))
    await stage.pilot.pause()
    assert timelines.cursor is not None
    await stage.pilot.click("#cpu", offset=(30, 4), times=2)
    await stage.until(lambda: stage.app.screen.query_one(LogView).has_focus_within)


async def test_from_a_spike_to_the_log_and_back(stage: Stage) -> None:
    await stage.turn(60)
    timelines = await at_stats(stage, "web")
    await stage.press(*["left"] * 8, "enter")
    log = stage.app.screen.query_one(LogView)
    await stage.until(lambda: log.has_focus_within and not log.lines.follow)
    await stage.until(lambda: log.moment is not None and log.moment >= (timelines.cursor or 0))
    moment = log.moment
    await stage.press("S")
    await stage.until(lambda: stage.focused is timelines)
    await stage.until(lambda: timelines.cursor == moment)


async def test_from_the_graphs_of_limits_to_the_log_and_back(stage: Stage) -> None:
    """By mouse there, by key back; enter stays the limits' own while no graph has the keys."""
    await stage.turn(60)
    while stage.cursor() != "web":
        await stage.press("j")
    await stage.press("L")
    await stage.until(lambda: stage.app.screen.query(Moments))
    moments = stage.app.screen.query_one("#graphs", Moments)
    await stage.until(lambda: moments.graphs[0].columns > 20)
    await stage.pilot.click("#graphs #cpu", offset=(30, 2))
    await stage.until(lambda: moments.cursor is not None)
    assert "▼" in moments.graphs[-1].render_line(1).text
    await stage.press("left", "enter")
    log = stage.app.screen.query_one(LogView)
    await stage.until(lambda: log.has_focus_within and log.moment is not None)
    await stage.until(lambda: (log.moment or 0) >= (moments.cursor or 0))
    moment = log.moment
    await stage.press("L")
    await stage.until(lambda: moments.cursor == moment)


async def test_out_of_sight_nothing_is_drawn(stage: Stage) -> None:
    timelines = await at_stats(stage, "web")
    await stage.press("left_square_bracket")
    drawn = timelines._drawn
    await stage.turn(10)
    assert timelines._drawn == drawn


async def test_a_day_is_not_drawn_each_second(stage: Stage) -> None:
    """Fails without `due`: 43,000 values each second for what nobody can see."""
    timelines = await at_stats(stage, "web")
    await stage.press("0")
    drawn = timelines._drawn
    await stage.turn(5)
    assert timelines._drawn == drawn
    await stage.turn(6)
    assert timelines._drawn > drawn


async def test_a_moment_is_told_once(stage: Stage) -> None:
    """Where the black box ends, what was measured begins."""
    await stage.turn(20)
    await at_stats(stage, "web")
    found = past(stage.world, stage.container("web").id, 0.0)
    assert list(found.at) == sorted(set(found.at))
    assert len({len(column) for column in found}) == 1


def test_memory_ends_at_its_peak_where_the_kernel_killed_for_it() -> None:
    """Within two seconds a process can take all memory there is. Fails if the curve ends low, with
    the last record, and if any other end is given a peak of any time.
    """
    nothing = [0.0] * 2
    box = History(
        "a", [1.0, 3.0], [0.1, 0.2], [5, 6], [1, 1], *[nothing] * 2, (), (), *[nothing] * 6
    )
    died = ExitRecord(137, 9, True, 4.0, "", 900)
    it = Container("a", "web", "i", "i", (), 0.0, Status.EXITED, ContainerSpec("i"), exit=died)
    world = World(containers={"a": it}, histories={"a": box})
    assert past(world, "a", 0.0).memory == [5.0, 6.0, 900.0]
    assert past(world, "a", 0.0).at == [1.0, 3.0, 4.0]
    other = it._replace(exit=died._replace(oom_killed=False))
    assert past(world._replace(containers={"a": other}), "a", 0.0).memory == [5.0, 6.0]


def test_it_is_told_where_nothing_is_recorded() -> None:
    """As for an ordinary user without a cgroup; not of a life that has only begun."""
    spec = ContainerSpec("i")
    it = Container("a", "web", "i", "i", (), 0.0, Status.RUNNING, spec, started=100.0)
    assert unrecorded(it, History("a"), 200.0)
    assert not unrecorded(it, History("a"), 105.0)
    assert not unrecorded(it, None, 200.0)
    assert not unrecorded(it, History("a", [150.0]), 200.0)


def test_of_two_in_one_place_the_kill_is_seen() -> None:
    events = [Event(5.0, "container", action, "a") for action in ("oom", "die", "start")]
    assert [each.sign for each in sorted(happenings(events), key=lambda each: each.weight)] == [
        "S", "X", "O"
    ]  # fmt: skip


def test_the_clock_of_samples_is_put_on_the_wall() -> None:
    """A sample's clock counts from the boot; being late to look is no step of the clock."""
    sample = Sample("a", 5.0, *(0,) * 16)
    world = World(containers={"a": None}).with_samples([sample], now=1005.0)  # type: ignore[dict-item]
    assert world.skew == 1000.0
    later = world.with_samples([sample._replace(at=6.0)], now=1006.1)
    assert later.skew == 1000.0
    assert later.with_samples([sample._replace(at=7.0)], now=2007.0).skew == 2000.0
