"""Which columns show on which screen."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tuidock.widgets.table_columns import Column, place

COLUMNS = (
    Column("name", "NAME"),
    Column("status", "STATUS", 12),
    Column("image", "IMAGE", 0, "left", 100),
    Column("ports", "PORTS", 20, "left", 120),
)


def keys(width: int, screen: int) -> list[str]:
    return [placed.column.key for placed in place(COLUMNS, width, screen)]


def test_columns_wait_for_their_screen() -> None:
    assert keys(200, 200) == ["name", "status", "image", "ports"]
    assert keys(200, 110) == ["name", "status", "image"]
    assert keys(200, 80) == ["name", "status"]


def test_a_narrow_table_on_a_wide_screen_drops_the_least_needed_first() -> None:
    assert keys(40, 200) == ["name", "status", "image"]
    assert keys(26, 200) == ["name", "status"]
    assert keys(5, 200) == ["name"]


def test_flexible_columns_share_what_is_left() -> None:
    widths = {placed.column.key: placed.width for placed in place(COLUMNS, 100, 110)}
    assert widths == {"name": 43, "status": 12, "image": 43}


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 200)), min_size=1, max_size=9),
    st.integers(1, 250),
    st.integers(20, 250),
    st.integers(1, 2),
)
def test_nothing_stands_outside_or_overlaps(
    given_columns: list[tuple[int, int]], width: int, screen: int, gap: int
) -> None:
    columns = [Column(str(i), "", w, "left", m) for i, (w, m) in enumerate(given_columns)]
    placed = place(columns, width, screen, gap)
    for left, right in pairwise(placed):
        assert left.x + left.width + gap == right.x
    if len(placed) > 1:
        assert placed[-1].x + placed[-1].width <= width
