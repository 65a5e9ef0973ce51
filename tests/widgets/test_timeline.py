"""Values laid out over time: no spike lost, nothing guessed."""

from __future__ import annotations

from math import isnan

import pytest

from tuidock.widgets.timeline import Window, at_moment, laid_out, window, within

BEGIN = 1000.0


def test_a_column_shows_its_highest_value() -> None:
    """Fails with a mean, or with the last value: the spike is what somebody looks for."""
    at = [BEGIN + index for index in range(100)]
    values = [1.0] * 100
    values[37] = 9.0
    found = laid_out(at, values, Window(BEGIN, BEGIN + 100), 10)
    assert found == [1, 1, 1, 9, 1, 1, 1, 1, 1, 1]


def test_a_value_stands_until_the_next_one() -> None:
    """Fails if each column between two samples is empty: a graph of stripes."""
    found = laid_out([BEGIN, BEGIN + 2], [1.0, 2.0], Window(BEGIN, BEGIN + 4), 16)
    assert found[:9] == [1.0] * 8 + [2.0]
    assert all(isnan(value) for value in found[9:])


def test_a_gap_is_no_value() -> None:
    at, values = [BEGIN, BEGIN + 50], [1.0, 2.0]
    found = laid_out(at, values, Window(BEGIN, BEGIN + 60), 60)
    assert found[0] == 1.0
    assert all(isnan(value) for value in found[8:50])
    assert found[50] == 2.0


def test_without_values_there_is_nothing() -> None:
    assert all(isnan(value) for value in laid_out([], [], Window(0, 10), 5))
    assert at_moment([], 5) is None


def test_the_window_moves_in_steps_of_a_column() -> None:
    """Fails if it follows the clock: the same values would fall into other columns each second."""
    first, second = window(1000.2, 100, 10), window(1003.9, 100, 10)
    assert first == second == Window(910, 1010)
    assert window(1011, 100, 10) == Window(920, 1020)


@pytest.mark.parametrize(("moment", "found"), [(10, 0), (11.4, 0), (12.6, 1), (90, None)])
def test_what_stood_at_a_moment(moment: float, found: int | None) -> None:
    assert at_moment([10, 14], moment) == found


def test_columns_and_moments_are_each_others_inverse() -> None:
    shown = Window(BEGIN, BEGIN + 60)
    for column in range(30):
        assert shown.column(shown.moment(column + 0.5, 30), 30) == column
    assert list(within([BEGIN - 1, BEGIN, BEGIN + 60, BEGIN + 61], [1, 2, 3, 4], shown)) == [2, 3]
