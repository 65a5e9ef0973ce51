"""Limits: amounts as people type them, steps on a grid, nothing before Enter, undo for sure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.widgets.stage import staged
from tuidock.engine.types import Limits, Sample
from tuidock.widgets import amounts
from tuidock.widgets.limits import LimitsPane
from tuidock.widgets.limits_model import KINDS, LimitsModel

CPU, MEMORY, PIDS = KINDS
MIB = 2**20


def sample(
    cpu: float = 0.5, memory: int = 100 * MIB, peak: int = 120 * MIB, pids: int = 7
) -> Sample:
    return Sample("c", 1.0, cpu, 9.0, None, 0.0, memory, 0, None, peak, 0, pids, None, 0, 0, 0, 0)


# --- amounts --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "count"),
    [
        ("256m", 256 * MIB),
        ("1.5g", 1536 * MIB),
        ("64MiB", 64 * MIB),
        ("4096", 4096),
        ("2 GB", 2**31),
    ],
)
def test_sizes_as_people_type_them(typed: str, count: int) -> None:
    assert amounts.parse_size(typed) == count


@given(st.integers(0, 2**50))
def test_a_size_reads_back_as_itself(count: int) -> None:
    assert amounts.parse_size(amounts.size_text(count)) == count


@given(st.integers(4 * MIB, 2**44), st.integers(1, 20))
def test_size_steps_go_up_down_and_end(count: int, steps: int) -> None:
    assert amounts.step_size(count, steps) > count
    down = amounts.step_size(count, -steps)
    assert down < count or down == amounts.LEAST_MEMORY


@given(st.floats(0.05, 512), st.integers(1, 20))
def test_core_steps_go_up_down_and_end(cores: float, steps: int) -> None:
    assert amounts.step_cores(cores, steps) > cores
    down = amounts.step_cores(cores, -steps)
    assert down < cores or down == 0.05


@given(st.integers(1, 10**6), st.integers(1, 20))
def test_count_steps_go_up_down_and_end(count: int, steps: int) -> None:
    assert amounts.step_count(count, steps) > count
    down = amounts.step_count(count, -steps)
    assert down < count or down == 1


def test_steps_are_round() -> None:
    assert amounts.step_size(256 * MIB, 1) == 288 * MIB
    assert amounts.step_size(250 * MIB, 1) == 256 * MIB
    assert amounts.step_cores(1.23, 1) == 1.25
    assert amounts.step_cores(1.0, -1) == 0.95
    assert amounts.step_count(100, 1) == 150


# --- the model ------------------------------------------------------------------------------


def test_stepping_starts_at_the_limit_or_else_at_what_is_needed() -> None:
    model = LimitsModel()
    model.step(MEMORY, 1)
    assert model.line(MEMORY).wanted == 288 * MIB
    model = LimitsModel()
    model.measured(sample())
    suggestion = model.line(MEMORY).suggestion
    assert suggestion >= 120 * MIB * 1.25
    model.step(MEMORY, 1)
    assert model.line(MEMORY).wanted == amounts.step_size(int(suggestion), 1)


def test_only_what_differs_is_asked_for() -> None:
    model = LimitsModel()
    model.in_force(Limits(memory=256 * MIB, cpus=1.0))
    model.step(MEMORY, 1)
    model.step(CPU, 1)
    model.step(CPU, -1)
    assert model.changes() == Limits(memory=288 * MIB)
    assert model.changes() is None


def test_undo_returns_exactly_what_was() -> None:
    model = LimitsModel()
    model.in_force(Limits(memory=100_000_000))
    model.step(MEMORY, 1)
    model.changes()
    model.type(PIDS, "9")
    model.changes()
    assert model.undo() == Limits(pids=0)
    assert model.undo() == Limits(memory=100_000_000)
    assert model.undo() is None


def test_zero_lifts_a_limit() -> None:
    model = LimitsModel()
    model.in_force(Limits(cpus=2.0))
    model.type(CPU, "0")
    assert model.changes() == Limits(cpus=0.0)


def test_half_typed_values_are_told_and_not_applied() -> None:
    model = LimitsModel()
    model.type(MEMORY, "m")
    assert model.problem
    assert model.changes() is None
    model.erase(MEMORY)
    assert not model.problem
    assert not model.pending


def test_peaks_are_the_highest_seen() -> None:
    model = LimitsModel()
    model.measured(sample(cpu=1.5, pids=20))
    model.measured(sample(cpu=0.1, pids=3))
    assert model.line(CPU).peak == 1.5
    assert model.line(CPU).use == 0.1
    assert model.line(MEMORY).peak == 120 * MIB
    assert model.line(PIDS).suggestion >= 40


def test_a_suggestion_is_never_below_what_the_engine_takes() -> None:
    """A shell needs 1 MiB; docker's least limit is 6."""
    model = LimitsModel()
    model.measured(sample(memory=MIB, peak=MIB + 300_000))
    assert model.line(MEMORY).suggestion == 6 * MIB


# --- the pane -------------------------------------------------------------------------------


def shown(pane: LimitsPane) -> str:
    return str(pane.render())


async def test_nothing_changes_before_enter() -> None:
    pane = LimitsPane()
    async with staged(pane) as (stage, pilot):
        pane.set_limits(Limits(memory=256 * MIB))
        await pilot.press("down", "right", "shift+right")
        assert "256m → " in shown(pane)
        assert stage.heard(LimitsPane.Changed) == []
        await pilot.press("enter")
        changes = [message.limits for message in stage.heard(LimitsPane.Changed)]
        assert changes == [Limits(memory=amounts.step_size(256 * MIB, 11))]
        assert "→" not in shown(pane)


async def test_typed_values_with_units() -> None:
    pane = LimitsPane()
    async with staged(pane) as (stage, pilot):
        await pilot.press(*"1.5", "enter", "j", *"512m", "enter", "j", *"64", "enter")
        changes = [message.limits for message in stage.heard(LimitsPane.Changed)]
        assert changes == [Limits(cpus=1.5), Limits(memory=512 * MIB), Limits(pids=64)]


async def test_undo_and_no_limit() -> None:
    pane = LimitsPane()
    async with staged(pane) as (stage, pilot):
        pane.set_limits(Limits(cpus=2.0))
        await pilot.press("0")
        assert "2 cores → 0▏no limit" in shown(pane)
        await pilot.press("enter", "z")
        changes = [message.limits for message in stage.heard(LimitsPane.Changed)]
        assert changes == [Limits(cpus=0.0), Limits(cpus=2.0)]
        assert "2 cores" in shown(pane)


async def test_escape_forgets_and_then_is_not_ours() -> None:
    pane = LimitsPane()
    async with staged(pane) as (stage, pilot):
        await pilot.press("right")
        assert pane.check_action("forget", ()) is True
        await pilot.press("escape", "enter")
        assert stage.heard(LimitsPane.Changed) == []
        assert pane.check_action("forget", ()) is False


async def test_use_peak_and_suggestion_stand_beside() -> None:
    pane = LimitsPane()
    async with staged(pane) as (_, pilot):
        pane.set_limits(Limits(memory=200 * MIB))
        pane.set_sample(sample())
        assert "now 100M · peak 120M · suggested 160m (=)" in shown(pane)
        assert "50%" in shown(pane)
        await pilot.press("j", "equals_sign")
        assert "200m → 160m" in shown(pane)


async def test_peaks_come_from_the_whole_history() -> None:
    pane = LimitsPane()
    async with staged(pane):
        pane.set_samples([sample(cpu=1.5), sample(cpu=0.5)])
        assert "now 0.50 · peak 1.50" in shown(pane)


async def test_a_refusal_is_told_and_what_holds_is_shown() -> None:
    pane = LimitsPane()
    async with staged(pane) as (_, pilot):
        pane.set_limits(Limits(memory=200 * MIB))
        await pilot.press("j", *"8m", "enter")
        pane.refuse(Limits(memory=200 * MIB), "the kernel refuses: device busy")
        assert "the kernel refuses: device busy" in shown(pane)
        assert "200m" in shown(pane)


async def test_a_click_chooses() -> None:
    pane = LimitsPane()
    async with staged(pane) as (_, pilot):
        await pilot.click(pane, offset=(10, 10))
        assert pane.kind is PIDS


async def test_another_container_starts_afresh() -> None:
    pane = LimitsPane()
    async with staged(pane) as (stage, pilot):
        pane.set_sample(sample())
        await pilot.press("right", "enter")
        pane.clear()
        await pilot.press("z")
        assert len(stage.heard(LimitsPane.Changed)) == 1
        assert "nothing measured yet" in shown(pane)
