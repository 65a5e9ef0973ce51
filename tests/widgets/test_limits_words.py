"""What counters mean, in sentences; and the command line that does the same as a change."""

from __future__ import annotations

import json
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.widgets.limits_samples import MACHINE, MIB, sample
from tuidock.cli import limits as flags
from tuidock.cli.parser import Parser
from tuidock.cli.verbs import update
from tuidock.engine.types import Limits, Sample
from tuidock.widgets.limits_command import command
from tuidock.widgets.limits_history import History, Step, read, written
from tuidock.widgets.limits_kinds import FIXED, rates
from tuidock.widgets.limits_words import ABOUT, sentences

NO_LIMITS = Limits()


def said(group: str, *past: Sample, limits: Limits = NO_LIMITS) -> str:
    return "\n".join(it.text for it in sentences(group, past, limits, MACHINE))


def worst(group: str, *past: Sample, limits: Limits = NO_LIMITS) -> str:
    return sentences(group, past, limits, MACHINE)[0].level


def test_every_limit_says_what_it_is() -> None:
    assert (
        {kind.field for kind in (*FIXED, *rates("/dev/sda"))} == set(ABOUT) == set(Limits._fields)
    )


def test_nothing_is_said_without_a_measurement() -> None:
    assert sentences("cpu", [], NO_LIMITS, MACHINE) == []


# --- CPU --------------------------------------------------------------------------------------


def held(periods: int, throttled: int) -> list[Sample]:
    before = sample(at=100.0)._replace(periods=1000, throttled_periods=500)
    now = before._replace(at=110.0, periods=1000 + periods, throttled_periods=500 + throttled)
    return [before, now]


def test_throttling_counts_what_is_new_only() -> None:
    half = Limits(cpus=0.5)
    assert "held it back in 73 of the last 100 periods" in said("cpu", *held(100, 73), limits=half)
    assert worst("cpu", *held(100, 73), limits=half) == "warn"
    assert "it just fits" in said("cpu", *held(100, 2), limits=half)
    assert "has not held it back" in said("cpu", *held(100, 0), limits=half)
    assert "all 4 cores" in said("cpu", *held(0, 0))


@pytest.mark.parametrize(("whose", "words"), [("container", "its own"), ("host", "the host's")])
def test_pressure_says_whose_it_is(whose: str, words: str) -> None:
    pressed = sample()._replace(pressure_cpu=23.4, pressure_of=whose)
    assert f"CPU pressure 23% ({words}" in said("cpu", pressed)
    assert "pressure" not in said("cpu", pressed._replace(pressure_cpu=0.4))


def test_weight_and_cores_in_words() -> None:
    both = said("cpu", sample(), limits=Limits(cpu_shares=2048, cpuset_cpus="0-1"))
    assert "2 times what an ordinary one gets" in both
    assert "core 0-1 alone; the machine has 4 cores" in both


# --- memory -----------------------------------------------------------------------------------


def test_kills_come_first_and_say_what_to_do() -> None:
    killed = sample()._replace(oom_kills=2, memory_failures=90)
    first = sentences("memory", [killed], Limits(memory=128 * MIB), MACHINE)[0]
    assert first.level == "bad"
    assert first.text.startswith("The kernel killed 2 processes of it at its max of 128m (OOM)")
    assert "raise the max" in first.text
    assert "harmless" not in said("memory", killed)


def test_failures_alone_are_no_alarm() -> None:
    """`memory.failcnt` counts page cache that was dropped too."""
    old = [sample(at=1.0)._replace(memory_failures=40), sample(at=8.0)._replace(memory_failures=40)]
    assert "40 times since it started, not lately" in said("memory", *old)
    assert "harmless" in said("memory", *old)
    new = [*old, sample(at=9.0)._replace(memory_failures=46)]
    assert "It met its max 6 times in 10 s" in said("memory", *new)
    assert worst("memory", *new) == "warn"


def test_own_memory_and_cache_are_told_apart() -> None:
    both = sample()._replace(memory_anon=80 * MIB, memory_cache=30 * MIB, memory_swap=5 * MIB)
    assert "80.0M its own (anon), 5.0M swapped out; 30.0M page cache" in said("memory", both)
    assert "the machine's 8.0G" in said("memory", both)
    files = both._replace(memory_shared=20 * MIB, memory_swap=0)
    told = "80.0M its own (anon), 20.0M files in memory (tmpfs); 10.0M page cache"
    assert told in said("memory", files), "a tmpfs counts as cache and cannot be given back"


def test_a_full_max_is_told() -> None:
    assert "95% of its max" in said(
        "memory", sample(memory=95 * MIB), limits=Limits(memory=100 * MIB)
    )


# --- processes and disks ----------------------------------------------------------------------


def test_refused_forks_are_bad() -> None:
    full = sample(pids=50)._replace(pids_failures=3)
    words = said("pids", full, limits=Limits(pids=50))
    assert "The limit refused 3 forks" in words
    assert "50 of 50 are in use" in words
    assert "a fork bomb" in said("pids", sample())


def test_disks_tell_rates_and_sums() -> None:
    past = [sample(at=1.0), sample(at=3.0)._replace(block_read=4 * MIB, block_write=MIB)]
    assert "Reads 2.0M/s, writes 512K/s" in said("io", *past)
    assert "4.0M and 1.0M so far" in said("io", *past)


# --- the command line ---------------------------------------------------------------------------

sizes = st.none() | st.integers(6 * MIB, 1 << 40) | st.just(0)
counts = st.none() | st.integers(0, 100_000)
devices = st.none() | st.tuples(st.tuples(st.just("/dev/sda"), st.integers(0, 1 << 40)))
changes = st.builds(
    Limits,
    memory=sizes,
    memory_swap=sizes | st.just(-1),
    memory_reservation=sizes,
    memory_high=sizes,
    cpus=st.none() | st.integers(0, 6400).map(lambda n: n / 100),
    cpu_shares=counts,
    cpuset_cpus=st.none() | st.sampled_from(["", "0", "0-2,7"]),
    pids=counts,
    blkio_weight=counts,
    device_read_bps=devices,
    device_write_bps=devices,
    device_read_iops=devices,
    device_write_iops=devices,
)


@given(changes)
def test_undo_is_written_down_and_read_again(back: Limits) -> None:
    """And what somebody wrote into the file does no harm."""
    history = History([Step({"one": back}, "why"), Step({"one": back}, "why", keep=False)])
    found = json.loads(json.dumps([{"back": 1}, {"back": {"x": {"cpus": "y"}}}, *written(history)]))
    assert read(found).lasting == (Step({"one": back}, "why"),)


@given(changes)
def test_the_command_says_the_same(wanted: Limits) -> None:
    """Fails for a flag that is spelled otherwise, or a value that loses digits."""
    words = shlex.split(command(wanted, ["web"]))
    assert words[:2] == ["tuidock", "update"]
    parser = Parser("update", "")
    update.arguments(parser)
    options = parser.parse_args(words[2:])
    assert options.container == ["web"]
    assert flags.limits(options) == wanted
