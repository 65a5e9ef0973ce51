"""Lines of a terminal as segments: always as wide as they are meant to be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.segment import Segment
from rich.style import Style

from tuidock.widgets.terminal_feed import Feed
from tuidock.widgets.terminal_paint import Cursor, segments
from tuidock.widgets.terminal_screen import TerminalScreen

CURSOR = Style(reverse=True)


def printed(text: str, columns: int = 10) -> TerminalScreen:
    screen = TerminalScreen(columns, 3, len)
    Feed(screen).feed(text.encode("utf-8", "replace"))
    return screen


def text_of(found: list[Segment]) -> str:
    return "".join(each.text for each in found)


@given(
    st.text(st.sampled_from("ab中文e\u0301❤\ufe0f👍🏽\u200d👩é│\ufffc\x1b[4D@P"), max_size=30),
    st.integers(0, 12),
    st.integers(1, 14),
)
def test_a_line_is_as_wide_as_the_window(text: str, cursor: int, columns: int) -> None:
    """Whatever is in it: a line that is not shifts all that stands beside it.

    Seen to fail with letters joined as they are.
    """
    screen = printed(text)
    for line in (*screen.lines, *screen.history):
        found = segments(line, columns, Style(), Cursor(cursor, CURSOR))
        assert sum(each.cell_length for each in found) == columns


def test_the_cursor_on_a_wide_letter_covers_both_halves() -> None:
    line = printed("a中b").lines[0]
    for x in (1, 2):
        found = segments(line, 6, Style(), Cursor(x, CURSOR))
        assert [each.text for each in found if each.style == CURSOR] == ["中"]


def test_shapes_of_the_cursor() -> None:
    line = printed("a").lines[0]
    under = segments(line, 3, Style(), Cursor(0, CURSOR, "underline"))[0]
    assert under.style is not None
    assert under.style.underline
    assert text_of(segments(line, 3, Style(), Cursor(1, CURSOR, "bar"))) == "a▏ "
    assert text_of(segments(line, 3, Style(), Cursor(0, CURSOR, "bar"))) == "a  "


def test_an_inverted_screen_inverts_every_cell_once() -> None:
    line = printed("a\x1b[7mb\x1b[m").lines[0]
    found = segments(line, 4, Style(), inverted=True)
    assert [(each.text, bool(each.style and each.style.reverse)) for each in found] == [
        ("a", True),
        ("b", False),
        ("  ", True),
    ]
