"""Numbers to glyphs: the size asked for, whatever the numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.content import Content

from tuidock.widgets.plot import area, gauge, heights, level_style, nice_top, span, sparkline

FLOATS = st.floats(allow_nan=True, allow_infinity=True)


@given(st.lists(FLOATS, max_size=60), st.integers(1, 20), st.integers(1, 8), FLOATS)
def test_an_area_has_its_size(values: list[float], width: int, height: int, top: float) -> None:
    rows = area(values, width, height, top)
    assert len(rows) == height
    assert {len(row) for row in rows} == {width}


def test_an_area_is_filled_from_below() -> None:
    assert area([0, 1, 2, 4], 2, 1, 4) == ["⢀⣴"] or area([0, 1, 2, 4], 2, 1, 4) == ["⢀⣼"]
    full = area([8, 8], 1, 2, 8)
    assert full == ["⣿", "⣿"]
    assert area([4, 4], 1, 2, 8) == [" ", "⣿"]


def test_the_newest_value_is_at_the_right() -> None:
    assert area([1], 3, 1, 1) == ["  ⢸"]
    assert heights([1, 2, 3, 4], 2, 4, 4) == [3, 4]


def test_a_little_is_seen() -> None:
    assert heights([0.0001, 0.0], 2, 100, 8) == [1, 0]


@given(st.floats(min_value=1e-6, max_value=1e15))
def test_a_scale_holds_its_peak_and_is_not_far_above(peak: float) -> None:
    for top in (nice_top(peak), nice_top(max(peak, 1.0), binary=True)):
        assert top >= min(peak, top) * 0.999
    assert peak * 0.999 <= nice_top(peak) <= peak * 2.51
    assert max(peak, 1.0) <= nice_top(max(peak, 1.0), binary=True) <= max(peak, 1.0) * 2.01


def test_scales_are_round() -> None:
    assert [nice_top(peak) for peak in (0.9, 1.0, 3, 42, 180)] == [1.0, 1.0, 5.0, 50.0, 200.0]
    assert nice_top(200 * 2**20, binary=True) == 200 * 2**20
    assert nice_top(201 * 2**20, binary=True) == 256 * 2**20
    assert nice_top(math.nan) == 1.0


@given(st.lists(FLOATS, max_size=30), st.integers(0, 20))
def test_a_sparkline_has_its_width(values: list[float], width: int) -> None:
    assert len(sparkline(values, width).plain) == width


def test_a_sparkline_rises() -> None:
    assert sparkline([0, 1, 2, 4, 8], 5, 8).plain == " ▁▂▄▇"


@given(FLOATS | st.none(), st.integers(0, 40), st.text("abc", max_size=5))
def test_a_gauge_has_its_width(fraction: float | None, width: int, label: str) -> None:
    bar = gauge(fraction, width, label)
    assert isinstance(bar, Content)
    assert len(bar.plain) == max(width, len(label) + bool(label))


def test_a_gauge_is_filled_by_halves() -> None:
    assert gauge(0.5, 4).plain == "━━──"
    assert gauge(0.4, 4).plain == "━╸──"
    assert gauge(0.0, 4).plain == "────"
    assert gauge(0.01, 4).plain == "╸───"
    assert gauge(7.0, 4).plain == "━━━━"


def test_near_the_limit_is_hot() -> None:
    assert [level_style(f) for f in (0.1, 0.8, 0.95)] == [
        "$text-success",
        "$text-warning",
        "$text-error",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(45, "45s"), (120, "2m"), (150, "2m30s"), (3600, "1h"), (5400, "1h30m")]
)
def test_spans_are_short(seconds: float, text: str) -> None:
    assert span(seconds) == text
