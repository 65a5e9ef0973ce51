"""Limits: amounts as people type them, steps on a grid, nothing before Enter, undo for sure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.widgets.stage import staged
from tuidock.engine.types import Bounds, Limits, Sample
from tuidock.widgets import amounts
from tuidock.widgets.limits import LimitsPane
from tuidock.widgets.limits_kinds import FIXED, Kind, kinds
from tuidock.widgets.limits_model import LimitsModel, Subject

BY_FIELD = {kind.field: kind for kind in FIXED}
CPU, MEMORY, PIDS = (BY_FIELD[name] for name in ("cpus", "memory", "pids"))
CORES, SWAP, HIGH = (BY_FIELD[name] for name in ("cpuset_cpus", "memory_swap", "memory_high"))
MIB = 2**20
MACHINE = Bounds((0, 1, 2, 3), 8 << 30, 1 << 30, ("/dev/sda",))


def sample(
    cpu: float = 0.5, memory: int = 100 * MIB, peak: int = 120 * MIB, pids: int = 7, at: float = 1.0
) -> Sample:
    made = Sample("c", at, cpu, 9.0, None, 0.0, memory, 0, None, peak, 0, pids, None, 0, 0, 0, 0)
    return made._replace(memory_anon=memory * 4 // 5)


def model(limits: Limits = Limits(), *samples: Sample) -> LimitsModel:  # noqa: B008
    made = LimitsModel()
    made.bounds = MACHINE
    made.show([Subject("c", "web", limits, samples)])
    return made


def shown_limits(pane: LimitsPane, limits: Limits, *samples: Sample) -> None:
    pane.show([Subject("c", "web", limits, samples)])


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


@given(st.sampled_from(kinds(["/dev/sda"])), st.integers(1, 10))
def test_every_kind_steps_both_ways_within_what_it_takes(kind: Kind, steps: int) -> None:
    """Up from the first value and down again, and what comes of it reads back as itself."""
    if kind.is_list:
        return
    up = kind.step(kind.first, steps)
    down = kind.step(kind.first, -steps)
    assert down < kind.first < up
    assert kind.parse(kind.typed(up)) == up
    assert kind.step(down, -1000) > 0


# --- the model ------------------------------------------------------------------------------


def test_stepping_starts_at_the_limit_or_else_at_what_is_needed() -> None:
    unused = model()
    unused.step(MEMORY, 1)
    assert unused.line(MEMORY).wanted == 288 * MIB
    used = model(Limits(), sample())
    suggested = used.suggestion(MEMORY)
    assert suggested
    assert suggested.value >= 100 * MIB * 1.25
    used.step(MEMORY, 1)
    assert used.line(MEMORY).wanted == amounts.step_size(int(suggested.value), 1)


def test_only_what_differs_is_asked_for() -> None:
    it = model(Limits(memory=256 * MIB, cpus=1.0))
    it.step(MEMORY, 1)
    it.step(CPU, 1)
    it.step(CPU, -1)
    assert it.changes() == {"c": Limits(memory=288 * MIB)}
    assert it.changes() == {}


def test_undo_returns_exactly_what_was_step_by_step() -> None:
    it = model(Limits(memory=100_000_000))
    it.step(MEMORY, 1)
    it.changes()
    it.type(PIDS, "9")
    it.changes()
    last = it.history.last(["c"])
    assert last
    assert last.words == "Processes 9 → no limit"
    assert it.undo() == {"c": Limits(pids=0)}
    assert it.undo() == {"c": Limits(memory=100_000_000)}
    assert it.undo() == {}


def test_undo_survives_a_look_at_another_container() -> None:
    """Fails when what was done is forgotten with the container out of sight."""
    it = model(Limits(cpus=2.0))
    it.type(CPU, "1")
    it.changes()
    it.show([Subject("d", "api", Limits(cpus=3.0))])
    assert it.undo() == {}
    it.show([Subject("c", "web", Limits(cpus=1.0))])
    assert it.undo() == {"c": Limits(cpus=2.0)}


def test_zero_lifts_a_limit() -> None:
    it = model(Limits(cpus=2.0))
    it.type(CPU, "0")
    assert it.changes() == {"c": Limits(cpus=0.0)}


def test_swap_without_limit_is_minus_one_as_docker_says() -> None:
    """0 would be docker's default, twice the max."""
    it = model(Limits(memory=64 * MIB))
    it.type(SWAP, "0")
    assert it.line(SWAP).text(-1.0) == "no limit"
    assert it.changes() == {"c": Limits(memory_swap=-1)}
    assert it.undo() == {"c": Limits(memory_swap=0)}


def test_rates_are_of_one_device_and_leave_the_others() -> None:
    it = model(Limits(device_read_bps=(("/dev/sda", MIB), ("/dev/sdb", 5 * MIB))))
    titles = [kind.title for kind in it.kinds if kind.device]
    assert titles[::4] == ["sda read", "sdb read"]
    read = next(kind for kind in it.kinds if kind.key == "device_read_bps:/dev/sda")
    it.type(read, "2")
    it.type(read, "m")
    assert it.changes() == {"c": Limits(device_read_bps=(("/dev/sda", 2 * MIB),))}
    assert it.subjects[0].limits.device_read_bps == (("/dev/sda", 2 * MIB), ("/dev/sdb", 5 * MIB))
    assert it.undo() == {"c": Limits(device_read_bps=(("/dev/sda", MIB),))}


def test_a_greater_max_takes_swap_along() -> None:
    """Fails without `_raise_swap`: the engine refuses a max above memory and swap together."""
    it = model(Limits(memory=64 * MIB, memory_swap=96 * MIB))
    for character in "128m":
        it.type(MEMORY, character)
    assert it.changes() == {"c": Limits(memory=128 * MIB, memory_swap=160 * MIB)}


def test_half_typed_values_are_told_and_not_applied() -> None:
    it = model()
    it.type(MEMORY, "m")
    assert it.problem
    assert it.changes() == {}
    it.erase(MEMORY)
    assert not it.problem
    assert not it.pending


@pytest.mark.parametrize(
    ("kind", "typed", "limits", "why"),
    [
        (CPU, "5", Limits(), "this machine has 4 cores: 0 lifts the limit"),
        (MEMORY, "9g", Limits(), "this machine has 8.0G: 0 lifts the limit"),
        (MEMORY, "1m", Limits(), "the least memory limit is 6m"),
        (MEMORY, "16m", Limits(memory_reservation=32 * MIB), "below its soft limit of 32m"),
        (CORES, "2-5", Limits(), "this machine has no CPUs 4-5: it has 0-3"),
        (SWAP, "32m", Limits(), "set a memory max first"),
        (SWAP, "32m", Limits(memory=64 * MIB), "at least the max, 64m"),
        (HIGH, "64m", Limits(memory=64 * MIB), "it acts only below the max of 64m"),
        (BY_FIELD["cpu_shares"], "1", Limits(), "a CPU weight is 2 to 262144"),
        (BY_FIELD["blkio_weight"], "5000", Limits(), "an I/O weight is 10 to 1000"),
    ],
)
def test_what_would_be_refused_is_said_at_once(
    kind: Kind, typed: str, limits: Limits, why: str
) -> None:
    it = model(limits)
    for character in typed:
        it.type(kind, character)
    assert why in it.problem
    assert it.changes() == {}


def test_what_the_machine_lacks_is_never_tried() -> None:
    it = model()
    it.bounds = MACHINE._replace(lacking=(("memory_high", "only cgroup v2 has it"),))
    it.step(HIGH, 1)
    assert it.problem == "only cgroup v2 has it"
    assert it.line(HIGH).lacking == "only cgroup v2 has it"
    assert it.changes() == {}


def test_a_max_below_use_is_asked_twice() -> None:
    """Fails without `warned`: one Enter would kill the container."""
    it = model(Limits(memory=256 * MIB), sample(memory=100 * MIB))
    for character in "64m":
        it.type(MEMORY, character)
    it.bounds = MACHINE._replace(swap=0)
    (said,) = it.warnings
    assert said == "100M are in use, 80.0M of that its own: the kernel would kill it (OOM)"
    assert it.changes() == {}
    assert it.changes() == {"c": Limits(memory=64 * MIB)}


def test_another_value_is_asked_about_anew() -> None:
    it = model(Limits(memory=256 * MIB), sample(memory=100 * MIB))
    it.want(MEMORY, 64.0 * MIB)
    assert it.changes() == {}
    it.want(MEMORY, 32.0 * MIB)
    assert it.changes() == {}


# --- several at once --------------------------------------------------------------------------


def crowd() -> LimitsModel:
    made = LimitsModel()
    made.bounds = MACHINE
    web = Subject("w", "web", Limits(cpus=1.0, pids=50), [sample(cpu=0.2)])
    made.show([web, Subject("a", "api", Limits(cpus=2.0, pids=50), [sample(cpu=1.1)])])
    return made


def test_several_get_the_same_and_each_gets_its_own_back() -> None:
    it = crowd()
    assert it.line(CPU).limit is None
    assert it.line(CPU).values == (1.0, 2.0)
    assert it.line(PIDS).limit == 50
    it.step(CPU, 1)
    assert it.changes() == {"w": Limits(cpus=2.25), "a": Limits(cpus=2.25)}
    assert it.line(CPU).limit == 2.25
    assert it.undo() == {"w": Limits(cpus=1.0), "a": Limits(cpus=2.0)}


def test_a_change_of_several_is_taken_back_of_one() -> None:
    it = crowd()
    it.want(CPU, 0.5)
    it.changes()
    web, api = it.subjects
    it.show([web])
    assert it.undo() == {"w": Limits(cpus=1.0)}
    it.show([api])
    assert it.undo() == {"a": Limits(cpus=2.0)}


def test_what_one_refuses_is_not_undone_of_it() -> None:
    it = crowd()
    it.want(CPU, 0.5)
    it.changes()
    it.refuse("a", Limits(cpus=2.0, pids=50))
    assert it.line(CPU).values == (0.5, 2.0)
    assert it.undo() == {"w": Limits(cpus=1.0)}


def test_the_suggestion_for_several_fits_the_hungriest() -> None:
    found = crowd().suggestion(CPU)
    assert found
    assert found.value == amounts.step_cores(1.1 * 1.5, 1)


# --- suggestions ------------------------------------------------------------------------------


def test_a_suggestion_says_from_what() -> None:
    it = model(Limits(), sample(cpu=1.5, pids=20), sample(cpu=0.1, pids=3, at=61.0))
    found = it.suggestion(CPU)
    assert found
    assert found.origin == "peak 1.50 of 1m, and 50% more"
    assert it.line(CPU).peak == 1.5
    assert it.line(CPU).use == 0.1
    pids = it.suggestion(PIDS)
    assert pids
    assert pids.value >= 40


def test_a_suggestion_is_never_below_what_the_engine_takes() -> None:
    """A shell needs 1 MiB; docker's least limit is 6."""
    found = model(Limits(), sample(memory=MIB)).suggestion(MEMORY)
    assert found
    assert found.value == 6 * MIB


def test_a_peak_that_the_limit_kept_low_is_not_believed() -> None:
    """Fails when 1.25 times the peak is suggested to what was killed at that very limit."""
    killed = sample(memory=63 * MIB)._replace(oom_kills=1)
    found = model(Limits(memory=64 * MIB), killed).suggestion(MEMORY)
    assert found
    assert found.value > 96 * MIB
    assert found.origin == "killed (OOM) at 64m, so half as much more"


def test_a_suggestion_stays_within_the_machine() -> None:
    found = model(Limits(), sample(cpu=3.9)).suggestion(CPU)
    assert found
    assert found.value == 4.0


def test_high_is_suggested_below_the_max() -> None:
    found = model(Limits(memory=256 * MIB)).suggestion(HIGH)
    assert found
    assert 200 * MIB < found.value < 256 * MIB
    assert model().suggestion(HIGH) is None


# --- the pane -------------------------------------------------------------------------------


def shown(pane: LimitsPane) -> str:
    return str(pane.render())


async def test_nothing_changes_before_enter() -> None:
    pane = LimitsPane()
    async with staged(pane) as (stage, pilot):
        shown_limits(pane, Limits(memory=256 * MIB))
        await pilot.press("down", "down", "down", "right", "shift+right")
        assert "256m → " in shown(pane)
        assert stage.heard(LimitsPane.Changed) == []
        await pilot.press("enter")
        changes = [message.limits for message in stage.heard(LimitsPane.Changed)]
        assert changes == [{"c": Limits(memory=amounts.step_size(256 * MIB, 11))}]
        assert "→" not in shown(pane)


async def test_typed_values_with_units() -> None:
    pane = LimitsPane()
    async with staged(pane) as (stage, pilot):
        shown_limits(pane, Limits())
        await pilot.press(*"50%", "enter", *"jjj", *"512m", "enter", *"jjjj", *"64", "enter")
        changes = [message.limits["c"] for message in stage.heard(LimitsPane.Changed)]
        assert changes == [Limits(cpus=0.5), Limits(memory=512 * MIB), Limits(pids=64)]


async def test_undo_and_no_limit() -> None:
    pane = LimitsPane()
    async with staged(pane) as (stage, pilot):
        shown_limits(pane, Limits(cpus=2.0))
        await pilot.press("0")
        assert "2 cores → 0▏ no limit" in shown(pane)
        await pilot.press("enter", "z")
        changes = [message.limits["c"] for message in stage.heard(LimitsPane.Changed)]
        assert changes == [Limits(cpus=0.0), Limits(cpus=2.0)]
        assert "2 cores" in shown(pane)


async def test_escape_forgets_and_then_is_not_ours() -> None:
    pane = LimitsPane()
    async with staged(pane) as (stage, pilot):
        shown_limits(pane, Limits())
        await pilot.press("right")
        assert pane.check_action("forget", ()) is True
        await pilot.press("escape", "enter")
        assert stage.heard(LimitsPane.Changed) == []
        assert pane.check_action("forget", ()) is False


async def test_the_suggestion_is_taken_with_one_key() -> None:
    pane = LimitsPane()
    async with staged(pane) as (_, pilot):
        shown_limits(pane, Limits(memory=200 * MIB), sample())
        assert "50%" in shown(pane)
        await pilot.press(*"jjj", "equals_sign")
        assert "200m → 128m" in shown(pane)


async def test_cores_are_toggled_on_their_map() -> None:
    """The map shows what would be; full boxes may be used."""
    pane = LimitsPane()
    async with staged(pane) as (stage, pilot):
        pane.set_bounds(MACHINE)
        shown_limits(pane, Limits())
        await pilot.press("j", "j")
        assert "■0 ■1 ■2 ■3" in shown(pane)
        await pilot.press("space", "right", "right", "space")
        assert "□0 ■1 □2 ■3" in shown(pane)
        await pilot.press("enter")
        changes = [message.limits["c"] for message in stage.heard(LimitsPane.Changed)]
        assert changes == [Limits(cpuset_cpus="1,3")]
        assert pane.check_action("turn_core", ()) is True
        await pilot.press("k")
        assert pane.check_action("turn_core", ()) is False


async def test_cores_are_toggled_by_the_mouse_and_typed() -> None:
    pane = LimitsPane()
    async with staged(pane) as (stage, pilot):
        pane.set_bounds(MACHINE)
        shown_limits(pane, Limits())
        await pilot.press("j", "j")
        row, text = next((y, t) for y, t in enumerate(shown(pane).split("\n")) if "■2" in t)
        await pilot.click(pane, offset=(text.index("■2") + 1, row))
        assert "■0 ■1 □2 ■3" in shown(pane)
        await pilot.press("escape", "1", "minus", "2", "enter")
        changes = [message.limits["c"] for message in stage.heard(LimitsPane.Changed)]
        assert changes == [Limits(cpuset_cpus="1-2")]


async def test_the_last_core_stays() -> None:
    """Fails when the empty list is asked for, which would mean all."""
    pane = LimitsPane()
    async with staged(pane) as (_, pilot):
        pane.set_bounds(MACHINE)
        shown_limits(pane, Limits(cpuset_cpus="0"))
        await pilot.press("j", "j", "space")
        assert not pane.model.pending


async def test_what_the_machine_cannot_do_is_dim_and_said() -> None:
    pane = LimitsPane()
    async with staged(pane) as (stage, pilot):
        pane.set_bounds(MACHINE._replace(lacking=(("memory_high", "v2 only"),)))
        shown_limits(pane, Limits())
        assert "Memory high    not here" in shown(pane)
        await pilot.press(*"jjjj", *"64m", "enter")
        assert stage.heard(LimitsPane.Changed) == []


async def test_mixed_values_are_shown_as_such() -> None:
    pane = LimitsPane()
    async with staged(pane):
        pane.show([Subject("w", "web", Limits(cpus=1.0)), Subject("a", "api", Limits())])
        assert "2 containers: web, api" in shown(pane)
        assert "mixed: no limit, 1 core" in shown(pane)


async def test_a_refusal_is_told_and_what_holds_is_shown() -> None:
    pane = LimitsPane()
    async with staged(pane) as (_, pilot):
        shown_limits(pane, Limits(memory=200 * MIB))
        await pilot.press(*"jjj", *"8m", "enter")
        assert "8m" in shown(pane)
        pane.refuse("c", Limits(memory=200 * MIB))
        assert "200m" in shown(pane)


async def test_a_click_chooses_and_arrows_step() -> None:
    pane = LimitsPane()
    async with staged(pane) as (_, pilot):
        shown_limits(pane, Limits(pids=100))
        await pilot.click(pane, offset=(10, 7))
        assert pane.kind.field == "pids"
        column = shown(pane).split("\n")[7].index("›") + 1
        await pilot.click(pane, offset=(column, 7))
        assert "100 → 150" in shown(pane)
