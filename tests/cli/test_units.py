"""What people type for sizes, times and durations."""

from __future__ import annotations

import time

import pytest

from tuidock.cli import units
from tuidock.engine.errors import BadSpec


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0", 0),
        ("1000", 1000),
        ("64b", 64),
        ("512k", 512 << 10),
        ("1.5m", 3 << 19),
        ("256MB", 256 << 20),
        ("2GiB", 2 << 30),
        ("1t", 1 << 40),
    ],
)
def test_sizes_are_binary(text: str, wanted: int) -> None:
    assert units.size(text) == wanted


@pytest.mark.parametrize("text", ["", "m", "12q", "1..2m", "-1", "1 2", "0x10", "١"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(BadSpec, match="invalid size"):
        units.size(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        *(("10", 10), ("1m30s", 90), ("250ms", 0.25), ("2h", 7200), ("1d", 86400)),
        *(("1500us", 0.0015), ("5µs", 5e-6), ("1ns", 1e-9), ("1.5s2ms", 1.502)),
    ],
)
def test_durations(text: str, wanted: float) -> None:
    assert units.duration(text) == pytest.approx(wanted)


@pytest.mark.parametrize("text", ["", "s", "1x", "m5", "1m2", "1..2m", ".s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(BadSpec, match="invalid duration"):
        units.duration(text)


def test_moments_are_absolute_or_before_now() -> None:
    assert units.moment("1700000000.5") == 1700000000.5
    assert units.moment("2023-11-14T22:13:20Z") == 1700000000
    assert units.moment("2023-11-14T23:13:20+01:00") == 1700000000
    assert units.moment("10m") == pytest.approx(time.time() - 600, abs=5)
    with pytest.raises(BadSpec, match="invalid time"):
        units.moment("2023-99-99T00:00:00")


def test_swap_may_be_unlimited() -> None:
    assert units.swap_size("-1") == -1
    with pytest.raises(BadSpec):
        units.size("-1")
