"""LiveTable: the cursor stays with its row, marks stay with theirs, only changes are painted."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from textual.content import Content
from textual.strip import Strip

from tests.widgets.stage import lines_of, staged
from tuidock.widgets.table import GUTTER, Column, LiveTable, Row

COLUMNS = (Column("name", "NAME"), Column("cpu", "CPU", 6, "right"))


def rows(*names: str) -> list[Row]:
    return [Row(name, (name, "1%")) for name in names]


def many(count: int) -> list[Row]:
    return rows(*(f"c{number:03}" for number in range(count)))


class Counting(LiveTable):
    """Counts the lines it is asked for, and those it paints."""

    asked = 0
    painted = 0

    def render_line(self, y: int) -> Strip:
        self.asked += 1
        return super().render_line(y)

    def _paint(self, row: Row, part: str, marked: bool) -> Strip:
        self.painted += 1
        return super()._paint(row, part, marked)


async def test_the_first_row_gets_the_cursor() -> None:
    table = LiveTable(COLUMNS)
    async with staged(table) as (stage, pilot):
        assert table.cursor_key is None
        table.set_rows(rows("a", "b"))
        await pilot.pause()
        assert table.cursor_key == "a"
        assert [message.key for message in stage.heard(LiveTable.Highlighted)] == ["a"]


@pytest.mark.parametrize(
    ("keys", "where"),
    [("j", 1), ("j down k", 1), ("G", 99), ("G g", 0), ("end up", 98), ("pagedown", 22)],
)
async def test_keys_move_the_cursor(keys: str, where: int) -> None:
    table = LiveTable(COLUMNS)
    async with staged(table) as (_, pilot):
        table.set_rows(many(100))
        await pilot.press(*keys.split())
        assert table.cursor_key == f"c{where:03}"
        shown = "\n".join(lines_of(table))
        assert f"c{where:03}" in shown


async def test_the_cursor_stays_on_its_row_when_rows_change_places() -> None:
    table = LiveTable(COLUMNS)
    async with staged(table) as (stage, pilot):
        table.set_rows(rows("a", "b", "c"))
        await pilot.press("j")
        table.set_rows(rows("c", "a", "b"))
        await pilot.pause()
        assert table.cursor_key == "b"
        assert [message.key for message in stage.heard(LiveTable.Highlighted)] == ["a", "b"]


async def test_a_row_that_goes_hands_the_cursor_to_its_neighbour() -> None:
    table = LiveTable(COLUMNS)
    async with staged(table) as (stage, pilot):
        table.set_rows(rows("a", "b", "c"))
        await pilot.press("j")
        table.set_rows(rows("a", "c"))
        assert table.cursor_key == "c"
        table.set_rows(rows("a"))
        assert table.cursor_key == "a"
        table.set_rows([])
        await pilot.pause()
        assert table.cursor_key is None
        assert stage.heard(LiveTable.Highlighted)[-1].key is None


async def test_the_cursor_stays_in_view_when_its_row_sinks() -> None:
    table = LiveTable(COLUMNS)
    async with staged(table) as (_, pilot):
        table.set_rows(many(100))
        table.set_rows([*many(100)[1:], many(100)[0]])
        await pilot.pause()
        assert "c000" in "\n".join(lines_of(table))


async def test_a_reader_who_scrolled_away_is_left_alone() -> None:
    table = LiveTable(COLUMNS)
    async with staged(table) as (_, pilot):
        table.set_rows(many(100))
        await pilot.pause()
        table.scroll_to(y=50, animate=False)
        table.set_rows(list(reversed(many(100))))
        await pilot.pause()
        assert table.scroll_offset.y == 50


async def test_enter_opens() -> None:
    table = LiveTable(COLUMNS)
    async with staged(table) as (stage, pilot):
        table.set_rows(rows("a", "b"))
        await pilot.press("j", "enter")
        assert [message.key for message in stage.heard(LiveTable.Selected)] == ["b"]


async def test_marks_live_with_their_keys() -> None:
    table = LiveTable(COLUMNS)
    async with staged(table) as (stage, pilot):
        table.set_rows(rows("a", "b", "c"))
        await pilot.press("space", "space")
        assert table.marked == {"a", "b"}
        assert table.cursor_key == "c"
        table.set_rows(rows("c", "b"))
        await pilot.pause()
        assert table.marked == {"b"}
        assert lines_of(table)[2].startswith("▌")
        await pilot.press("backslash")
        assert not table.marked
        assert len(stage.heard(LiveTable.MarksChanged)) == 4


async def test_a_range_is_marked_from_the_last_mark() -> None:
    table = LiveTable(COLUMNS)
    async with staged(table) as (_, pilot):
        table.set_rows(rows("a", "b", "c", "d", "e"))
        await pilot.press("j", "space", "j", "ctrl+@")
        assert table.marked == {"b", "c", "d"}


async def test_the_mouse_moves_marks_and_opens() -> None:
    table = LiveTable(COLUMNS)
    async with staged(table) as (stage, pilot):
        table.set_rows(rows("a", "b", "c"))
        await pilot.click(table, offset=(5, 2))
        assert table.cursor_key == "b"
        await pilot.click(table, offset=(5, 3), control=True)
        assert table.marked == {"c"}
        await pilot.click(table, offset=(5, 1), times=2)
        assert [message.key for message in stage.heard(LiveTable.Selected)] == ["a"]


async def test_a_click_on_a_title_names_its_column() -> None:
    table = LiveTable(COLUMNS)
    async with staged(table) as (stage, pilot):
        await pilot.click(table, offset=(75, 0))
        await pilot.click(table, offset=(GUTTER, 0))
        heard = stage.heard(LiveTable.HeaderClicked)
        assert [message.column_key for message in heard] == ["cpu", "name"]


async def test_the_arrow_shows_the_order() -> None:
    table = LiveTable(COLUMNS)
    async with staged(table):
        table.set_sort("cpu", descending=True)
        assert lines_of(table)[0].endswith("CPU▼")
        table.set_sort("cpu")
        assert lines_of(table)[0].endswith("CPU▲")


async def test_only_rows_that_differ_are_painted() -> None:
    """Fails when `set_rows` refreshes lines that look as before."""
    table = Counting(COLUMNS)
    async with staged(table) as (_, pilot):
        table.set_rows(many(20))
        await pilot.pause()
        table.asked = table.painted = 0
        changed = many(20)
        changed[7] = changed[7]._replace(cells=("c007", "99%"))
        table.set_rows(changed)
        await pilot.pause()
        assert (table.asked, table.painted) == (1, 1)
        table.set_rows(list(changed))
        await pilot.pause()
        assert (table.asked, table.painted) == (1, 1)


async def test_an_empty_table_says_why() -> None:
    table = LiveTable(COLUMNS, empty="nothing runs")
    async with staged(table) as (_, pilot):
        assert any("nothing runs" in line for line in lines_of(table))
        table.set_rows(rows("a"))
        await pilot.pause()
        assert not any("nothing runs" in line for line in lines_of(table))


async def test_columns_come_and_go_with_the_screen() -> None:
    table = LiveTable([*COLUMNS, Column("image", "IMAGE", 10, "left", 100)])
    async with staged(table) as (_, pilot):
        table.set_rows([Row("a", ("a", "1%", "debian"))])
        await pilot.pause()
        assert "debian" not in lines_of(table)[1]
        await pilot.resize_terminal(120, 24)
        await pilot.pause()
        assert "debian" in lines_of(table)[1]


async def test_the_selected_row_is_readable_whatever_its_colours() -> None:
    """Without `colourless` a cell could have the cursor's own background as its colour."""
    table = LiveTable(COLUMNS)
    async with staged(table) as (_, pilot):
        table.set_rows([Row("a", (Content.styled("a", "$block-cursor-background"), ""))])
        await pilot.pause()
        styles = {segment.style for segment in table.render_line(1)}
        assert len(styles) == 1
        style = styles.pop()
        assert style is not None
        assert style.color != style.bgcolor


async def test_every_line_is_as_wide_as_the_table() -> None:
    table = LiveTable(COLUMNS)
    async with staged(table, size=(33, 10)) as (_, pilot):
        table.set_rows([Row("w", ("中文" * 20, "100%")), *rows("a")])
        await pilot.pause()
        strips: Sequence[Strip] = [table.render_line(y) for y in range(10)]
        assert {strip.cell_length for strip in strips} == {33}


async def test_words_for_an_empty_table_are_wrapped() -> None:
    table = LiveTable(COLUMNS, empty="nothing to see here, but much to say about it\n\nx  helps")
    async with staged(table, size=(24, 12)):
        said = " ".join(" ".join(lines_of(table)[1:]).split())
        assert said == "nothing to see here, but much to say about it x helps"
        assert all(len(line) <= 24 for line in lines_of(table))
