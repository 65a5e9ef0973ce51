"""What the limits console knows: only differences are asked for, undo for sure, several at once."""

from __future__ import annotations

import pytest

from tests.widgets.limits_samples import (
    BY_FIELD,
    CORES,
    CPU,
    HIGH,
    MACHINE,
    MEMORY,
    MIB,
    PIDS,
    SWAP,
    model,
    sample,
)
from tuidock.engine.types import Limits
from tuidock.widgets import amounts
from tuidock.widgets.limits_checks import warning
from tuidock.widgets.limits_kinds import Kind
from tuidock.widgets.limits_measures import Peaks
from tuidock.widgets.limits_model import LimitsModel, Subject

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
    files = sample(memory=100 * MIB)._replace(memory_anon=0, memory_shared=90 * MIB)
    said = warning(MEMORY, 64.0 * MIB, files, it.bounds)
    assert said == "100M are in use, 90.0M of that its own: the kernel would kill it (OOM)"
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
    assert found.origin == "peak 1.50 of the last 1m, and 50% more"
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


def test_the_day_that_the_black_box_knows_counts() -> None:
    """Fails when only what was seen since the interface opened counts."""
    it = model()
    it.show([Subject("c", "web", Limits(), [sample()], day=Peaks(86_400.0, 2.0, 300.0 * MIB, 40))])
    memory, cpu = it.suggestion(MEMORY), it.suggestion(CPU)
    assert memory
    assert memory.value >= 375 * MIB
    assert memory.origin == "peak 300M of the last 24h, and 25% more"
    assert cpu
    assert cpu.value == amounts.step_cores(3.0, 1)


def test_a_container_that_was_killed_and_lies_there_is_suggested_more() -> None:
    it = model()
    dead = Subject("c", "web", Limits(memory=64 * MIB), [sample()], runs=False, killed=True)
    it.show([dead])
    found = it.suggestion(MEMORY)
    assert found
    assert found.value > 96 * MIB
    assert it.line(MEMORY).use == 0.0


def test_a_suggestion_stays_within_the_machine() -> None:
    found = model(Limits(), sample(cpu=3.9)).suggestion(CPU)
    assert found
    assert found.value == 4.0


def test_high_is_suggested_below_the_max() -> None:
    found = model(Limits(memory=256 * MIB)).suggestion(HIGH)
    assert found
    assert 200 * MIB < found.value < 256 * MIB
    assert model().suggestion(HIGH) is None
