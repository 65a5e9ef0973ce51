"""Amounts as people type them, and steps on a grid."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.widgets.limits_samples import (
    MIB,
)
from tuidock.widgets import amounts
from tuidock.widgets.limits_kinds import Kind, kinds

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
