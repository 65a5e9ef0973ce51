"""Cells fill their width exactly, and nothing of their text obeys the terminal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style as RichStyle
from rich.text import Text
from textual.color import Color
from textual.content import Content, Span
from textual.style import Style

from tuidock.widgets.paint import Cell, colourless, fitted, joined, resolver

BASE = Style(Color.parse("#101010"), Color.parse("#eeeeee"))


def shown(cell: Cell, width: int, align: str = "left") -> str:
    return "".join(segment.text for segment in fitted(cell, width, align, resolver(BASE)))


def test_a_short_cell_is_padded_on_the_other_side() -> None:
    assert shown("ab", 5) == "ab   "
    assert shown("ab", 5, "right") == "   ab"
    assert shown("ab", 6, "center") == "  ab  "


def test_a_long_cell_ends_in_an_ellipsis() -> None:
    assert shown("abcdef", 4) == "abc…"
    assert shown("abcd", 4) == "abcd"
    assert shown("中文字", 4) == "中 …"


@given(st.text(max_size=40), st.integers(0, 30), st.sampled_from(["left", "right", "center"]))
def test_any_text_fills_its_width(text: str, width: int, align: str) -> None:
    segments = fitted(text, width, align, resolver(BASE))
    assert sum(segment.cell_length for segment in segments) == width


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=5), st.integers(1, 12))
def test_any_spans_fill_the_width(pairs: list[tuple[int, int]], width: int) -> None:
    spans = [Span(min(pair), max(pair), "bold") for pair in pairs]
    segments = fitted(Content("abcdefgh", spans), width, "left", resolver(BASE))
    assert sum(segment.cell_length for segment in segments) == width
    assert "".join(segment.text for segment in segments).startswith("abcdefgh"[: width - 1])


def test_a_name_cannot_move_the_cursor() -> None:
    """Without `sanitise` in `fitted` the escape would reach the terminal as it is."""
    hostile = "a\x1b[2Jb\x1b]52;c;aGk=\x07c\u202ed"
    for cell in (hostile, Text(hostile), Content(hostile)):
        text = shown(cell, 20)
        assert text.isprintable()
        assert len(text) == 20


def test_styles_lie_over_the_line() -> None:
    cell = Content.assemble("a", ("b", "bold"), Content.styled("c", "#ff0000"))
    plain, bold, red = fitted(cell, 3, "left", resolver(BASE))
    assert plain.style == BASE.rich_style
    assert bold.style is not None
    assert bold.style.bold
    assert red.style is not None
    assert red.style.color is not None
    assert red.style.color.name == "#ff0000"
    assert red.style.bgcolor == BASE.rich_style.bgcolor


def test_rich_text_keeps_its_styles() -> None:
    segments = fitted(Text("x", style=RichStyle(italic=True)), 1, "left", resolver(BASE))
    assert segments[0].style is not None
    assert segments[0].style.italic


def test_under_a_cursor_there_is_one_style() -> None:
    cell = Content.styled("ab", "#ff0000 on #00ff00")
    styles = {segment.style for segment in fitted(cell, 4, "left", colourless(BASE))}
    assert styles == {BASE.rich_style}


def test_cells_stand_at_their_columns() -> None:
    resolve = resolver(BASE)
    cells = [fitted("a", 2, "left", resolve), fitted("b", 3, "right", resolve)]
    assert joined(cells, [0, 4], 9, resolve("")).text == "a     b  "
