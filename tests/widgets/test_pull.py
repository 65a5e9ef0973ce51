"""A pull: what has come, how fast, how long still; layers in order; cancel asks, never acts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.widgets.stage import lines_of, staged, until
from tuidock.engine.errors import Unreachable
from tuidock.engine.events import LayerProgress, Pulled, Resolved
from tuidock.engine.types import Image, Platform
from tuidock.widgets.pull_progress import Pulling
from tuidock.widgets.pull_view import PullView
from tuidock.widgets.table import LiveTable

A, B, C = ("sha256:" + letter * 64 for letter in "abc")
RESOLVED = Resolved("debian", "sha256:" + "d" * 64, ((A, 1000), (B, 3000), (C, 6000)))
IMAGE = Image("sha256:i", ("debian",), (), 0.0, 1, Platform("linux", "amd64"), (), {}, ())


def test_layers_keep_the_order_of_the_manifest() -> None:
    pulling = Pulling("debian")
    pulling.apply(RESOLVED, 0.0)
    pulling.apply(LayerProgress(C, "downloading", 10, 6000), 0.1)
    pulling.apply(LayerProgress(A, "exists", 0, 1000), 0.2)
    assert list(pulling.layers) == [A, B, C]


def test_what_is_here_counts_and_what_came_makes_the_speed() -> None:
    pulling = Pulling("debian")
    pulling.apply(RESOLVED, 0.0)
    pulling.apply(LayerProgress(A, "exists", 0, 1000), 0.0)
    pulling.apply(LayerProgress(C, "downloading", 2000, 6000), 0.0)  # resumed at 2000
    pulling.apply(LayerProgress(C, "downloading", 4000, 6000), 2.0)
    assert pulling.done == 1000 + 4000
    assert pulling.total == 10_000
    assert pulling.speed(2.0) == 1000.0
    assert pulling.left(2.0) == 5.0


def test_a_stall_slows_the_speed_down() -> None:
    pulling = Pulling("debian")
    pulling.apply(RESOLVED, 0.0)
    pulling.apply(LayerProgress(C, "downloading", 0, 6000), 0.0)
    pulling.apply(LayerProgress(C, "downloading", 4000, 6000), 2.0)
    assert pulling.speed(10.0) < pulling.speed(2.0) / 2


def test_without_speed_no_promise() -> None:
    assert Pulling("debian").left(1.0) is None
    assert Pulling("debian").fraction == 0.0


PROGRESS = st.builds(
    LayerProgress,
    st.sampled_from([A, B, C]),
    st.sampled_from(["exists", "waiting", "downloading", "extracting", "retrying", "done"]),
    st.integers(0, 9000),
    st.integers(0, 6000),
)


@given(st.lists(PROGRESS, max_size=20))
def test_it_is_never_more_than_done(events: list[LayerProgress]) -> None:
    pulling = Pulling("debian")
    for now, event in enumerate(events):
        pulling.apply(event, float(now))
        assert 0 <= pulling.done <= pulling.total
        assert 0.0 <= pulling.fraction <= 1.0
        assert pulling.speed(float(now)) >= 0


async def test_each_layer_has_its_bar() -> None:
    view = PullView("debian")
    async with staged(view) as (_, pilot):
        view.feed(RESOLVED)
        view.feed(LayerProgress(A, "done", 1000, 1000))
        view.feed(LayerProgress(B, "downloading", 1500, 3000))
        view.feed(LayerProgress(C, "retrying", 0, 6000, "503, again in 2 s"))
        table = view.query_one(LiveTable)
        await until(pilot, lambda: len(table.rows) == 3)
        shown = lines_of(table)
        assert "✓ done" in shown[1]
        assert "━" in shown[1]
        assert "─" not in shown[1]
        assert "↓ downloading" in shown[2]
        assert shown[2].count("━") == pytest.approx(shown[2].count("─"), abs=1)
        assert "503, again in 2 s" in shown[3]
        words = str(view.query_one(".pull-words").render())
        assert words.startswith("2.4K of 9.8K")


async def test_a_burst_of_events_is_one_frame() -> None:
    """Fails when every event repaints: a pull sends hundreds a second."""
    frames = 0

    class Counting(PullView):
        def _frame(self) -> None:
            nonlocal frames
            frames += 1
            super()._frame()

    view = Counting("debian")
    async with staged(view) as (_, pilot):
        view.feed(RESOLVED)
        for done in range(1000):
            view.feed(LayerProgress(A, "downloading", done, 1000))
        await until(pilot, lambda: frames > 0)
        assert frames == 1


async def test_cancel_asks_once_and_says_so() -> None:
    view = PullView("debian")
    async with staged(view) as (stage, pilot):
        view.feed(RESOLVED)
        view.query_one(LiveTable).focus()
        await pilot.press("c", "c")
        await pilot.pause(0.2)
        assert len(stage.heard(PullView.CancelRequested)) == 1
        assert "cancelling" in str(view.query_one(".pull-words").render())


async def test_when_it_is_over_the_button_closes() -> None:
    view = PullView("debian")
    async with staged(view) as (stage, pilot):
        view.feed(RESOLVED)
        view.feed(Pulled(IMAGE, "debian", "sha256:d", new=True))
        button = view.query_one("#pull-button")
        await until(pilot, lambda: "Close" in str(button.render()))
        assert "pulled" in str(view.query_one(".pull-words").render())
        await pilot.click("#pull-button")
        await pilot.pause()
        assert stage.heard(PullView.Closed)
        assert not stage.heard(PullView.CancelRequested)


async def test_a_failure_is_told_with_its_hint() -> None:
    view = PullView("debian")
    async with staged(view):
        view.fail(Unreachable("no answer from localhost:5000", "is the registry running?"))
        problem = str(view.query_one(".pull-problem").render())
        assert problem == "no answer from localhost:5000\nis the registry running?"
        assert view.over
