"""Graph: the scale holds the values, the limit is a line, the numbers are told in words."""

from __future__ import annotations

import pytest

from tests.widgets.stage import lines_of, staged
from tuidock import format
from tuidock.widgets.graph import Graph, Mark, scale

MIB = 2**20


def memory() -> Graph:
    return Graph("Memory", show=format.size, binary=True)


async def test_the_words_tell_now_peak_and_limit() -> None:
    graph = memory()
    async with staged(graph):
        graph.set_data([100 * MIB, 200 * MIB, 128 * MIB], limit=256 * MIB)
        assert lines_of(graph)[0] == "Memory  128M · peak 200M · limit 256M (50% used)"


async def test_the_words_grow_with_the_room() -> None:
    graph = memory()
    async with staged(graph, size=(34, 10)) as (_, pilot):
        graph.set_data([128 * MIB], limit=256 * MIB)
        assert lines_of(graph)[0] == "Memory  128M · limit 256M"
        await pilot.resize_terminal(16, 10)
        await pilot.pause()
        assert lines_of(graph)[0] == "Memory  128M"


async def test_without_values_it_says_so() -> None:
    graph = memory()
    async with staged(graph):
        assert "no measurement yet" in lines_of(graph)[0]


async def test_the_limit_is_a_line_above_what_is_used() -> None:
    graph = memory()
    async with staged(graph):
        graph.set_data([128 * MIB] * 300, limit=256 * MIB)
        shown = lines_of(graph)
        limit = next(y for y, line in enumerate(shown) if "limit 256M ╌" in line)
        area = next(y for y, line in enumerate(shown) if "⣿" in line)
        assert 0 < limit < area
        half = (len(shown) - 2) / 2
        assert abs((area - limit) - half) < 2


async def test_a_far_limit_does_not_flatten_the_curve() -> None:
    graph = memory()
    async with staged(graph):
        graph.set_data([float(MIB)] * 10, limit=2048 * MIB)
        shown = lines_of(graph)
        assert "limit 2.0G (0% used)" in shown[0]
        assert "╌ limit 2.0G ↑ ╌" in shown[1]
        assert any("1.0M" in line for line in shown[2:5])
        assert "⣿" in shown[4]


async def test_an_arrow_never_hides_the_whole_curve() -> None:
    """On any height: what of the curve is in the top row stays but for the label."""
    graph = memory()
    async with staged(graph, size=(60, 5)):
        graph.set_data([8.0 * MIB] * 200, limit=2048 * MIB)
        shown = lines_of(graph)
        assert "limit 2.0G ↑" in shown[1]
        assert shown[1].startswith("    ▕"), "what the scale tells is not the limit's"
        assert "⣿" in shown[2]


async def test_an_ended_curve_says_so() -> None:
    graph = memory()
    async with staged(graph):
        graph.set_data([MIB, 2.0 * MIB], limit=4 * MIB, live=False)
        shown = lines_of(graph)
        assert "ended at 2.0M · peak 2.0M" in shown[0]
        assert "now" not in "".join(shown)
        assert shown[-1].endswith("end")


async def test_time_runs_to_now_at_the_right() -> None:
    graph = Graph("CPU", interval=2.0)
    async with staged(graph, size=(65, 12)):
        graph.set_data([1.0])
        assert lines_of(graph)[-1].endswith("now")
        assert "4m ago" in lines_of(graph)[-1]


async def test_marks_stand_at_their_values_and_scroll_away() -> None:
    graph = memory()
    async with staged(graph):
        values = [float(MIB)] * 100
        graph.set_data(values, marks=[Mark(99, "OOM")], maximum=10.0 * MIB)
        assert lines_of(graph)[1].endswith("▾")
        graph.set_data(values, marks=[Mark(80, "OOM")], maximum=10.0 * MIB)
        assert "▾OOM" in lines_of(graph)[1]
        graph.set_data([float(MIB)] * 1000, marks=[Mark(80, "OOM")], maximum=10.0 * MIB)
        assert not any("▾" in line for line in lines_of(graph))


@pytest.mark.parametrize("size", [(20, 3), (20, 1), (5, 2), (200, 60), (8, 5)])
async def test_every_size_is_filled(size: tuple[int, int]) -> None:
    graph = memory()
    async with staged(graph, size=size) as (_, pilot):
        graph.styles.min_height = 0
        graph.styles.height = size[1]
        await pilot.pause()
        graph.set_data([float(n) for n in range(500)], limit=400.0, marks=[Mark(3, "x")])
        widths = {graph.render_line(y).cell_length for y in range(graph.size.height)}
        assert widths == {graph.size.width}


def test_the_scale_holds_everything_shown() -> None:
    assert scale([3.0], 4.0, None, binary=False).top > 4.0
    assert scale([3.0], 100.0, None, binary=False).limit is None
    assert scale([3.0], 100.0, None, binary=False).beyond == 100.0
    assert scale([3.0], 100.0, 50.0, binary=False).beyond == 100.0
    assert scale([], 2.0, None, binary=False).beyond == 2.0
    assert scale([3.0], 4.0, None, binary=False).beyond is None
    assert scale([3.0], None, 2.0, binary=False).top == 3.0
    assert scale([5.0], 4.0, None, binary=False).top >= 5.0
    assert scale([], None, None, binary=False).top > 0


async def test_a_wanted_limit_has_a_line_of_its_own() -> None:
    graph = Graph("Memory")
    async with staged(graph, size=(60, 12)):
        graph.set_data([50.0] * 40, 100.0)
        graph.set_wanted(75.0)
        rows = lines_of(graph)
        wanted = next(row for row in rows if "→ 75" in row)
        assert "┅" in wanted
        assert "limit" not in wanted
        graph.set_wanted(400.0)
        assert any("→ 400 ↑" in row and "┅" in row for row in lines_of(graph))
        graph.set_wanted(100.0)
        together = next(row for row in lines_of(graph) if "→ 100" in row)
        assert " limit 100 " in together
        graph.set_wanted(None)
        assert not any("→" in row for row in lines_of(graph))


async def test_no_value_is_told_twice_at_the_axis() -> None:
    """One process: half of one is none, in whole numbers."""
    graph = Graph("Processes", show=lambda value: f"{value:.0f}")
    async with staged(graph):
        graph.set_data([1.0] * 10)
        told = [line.split("▕")[0].strip() for line in lines_of(graph) if "▕" in line]
        assert [it for it in told if it] == ["1", "0"]
