"""Colours come through; nothing else that a log says to a terminal does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style
from textual.color import Color
from textual.theme import Theme

from tests.ui.test_themes import luminance
from tuidock import themes
from tuidock.widgets import ansi
from tuidock.widgets.ansi import overlay, plain, runs


def test_colours_of_all_kinds() -> None:
    text = (
        "\x1b[1;31mred\x1b[0m \x1b[38;5;208morange\x1b[39m "
        "\x1b[48;2;1;2;3mdirect\x1b[m\x1b[97mwhite"
    )
    styles = {piece.strip(): style for piece, style in runs(text) if piece.strip()}
    assert styles["red"] == Style(bold=True, color="color(1)")
    assert styles["orange"].color is not None
    assert styles["orange"].color.number == 208
    assert styles["direct"].bgcolor is not None
    assert styles["direct"].bgcolor.name == "#010203"
    assert styles["white"] == Style(color="color(15)")


def test_attributes_end_where_they_are_reset() -> None:
    text = "\x1b[1;3;4mall\x1b[22mno bold\x1b[23;24mnone"
    styles = dict(runs(text))
    assert styles["all"] == Style(bold=True, italic=True, underline=True)
    assert styles["no bold"] == Style(italic=True, underline=True)
    assert styles["none"] == Style()


@pytest.mark.parametrize(
    ("hostile", "harmless"),
    [
        ("a\x1b[2Jb", "ab"),
        ("a\x1b[10;1Hb", "ab"),
        ("a\x1b]52;c;aGk=\x07b", "ab"),
        ("a\x1b]0;title\x1b\\b", "ab"),
        ("a\x1bPq#0~\x1b\\b", "ab"),
        ("a\x9b31mb", "ab"),
        ("\x1b[8mhidden\x1b[0m", "hidden"),
        ("progress\r", "progress"),
        ("a\tb", "a       b"),
    ],
)
def test_escapes_do_nothing(hostile: str, harmless: str) -> None:
    """Fails when a sequence other than SGR is let through."""
    assert plain(hostile) == harmless


def test_a_carriage_return_hides_nothing() -> None:
    assert plain("rm -rf /\rls").startswith("rm -rf /")


def test_concealed_text_is_shown() -> None:
    assert not any(style.conceal for _, style in runs("\x1b[8mpassword\x1b[0m"))


@given(st.text(alphabet=st.sampled_from("\x1b[];:mABC019\x07\x9b\x9d\\\t\r\u202e中"), max_size=60))
def test_what_comes_back_is_harmless_and_the_same_text(text: str) -> None:
    pieces = runs(text)
    joined = "".join(piece for piece, _ in pieces)
    assert joined.isprintable()
    assert plain(text).isprintable()


def test_broken_sgr_changes_nothing() -> None:
    for text in ("\x1b[38mx", "\x1b[38;5mx", "\x1b[48;2;1mx", "\x1b[999mx", "\x1b[38;9;9mx"):
        assert [piece for piece, _ in runs(text)] == ["x"]


@given(
    st.lists(st.text(alphabet="abc", min_size=1, max_size=5), max_size=6),
    st.lists(st.integers(0, 30), max_size=8),
)
def test_an_overlay_keeps_the_text(texts: list[str], edges: list[int]) -> None:
    pieces = [(text, Style()) for text in texts]
    whole = "".join(texts)
    ends = sorted({min(edge, len(whole)) for edge in edges})
    ranges = [(a, b) for a, b in zip(ends[::2], ends[1::2], strict=False) if b > a]
    laid = overlay(pieces, ranges, Style(bold=True))
    assert "".join(text for text, _ in laid) == whole
    marked = "".join("x" * len(t) if s.bold else "-" * len(t) for t, s in laid)
    wanted = "".join("x" if any(a <= i < b for a, b in ranges) else "-" for i in range(len(whole)))
    assert marked == wanted


@pytest.mark.parametrize(
    ("theme", "inks"), [(themes.DARK, ansi.ON_DARK), (themes.LIGHT, ansi.ON_LIGHT)]
)
def test_every_colour_can_be_read_on_both_backgrounds(theme: Theme, inks: dict[int, str]) -> None:
    """Fails when a log's white is shown on white; what has its own background stays."""
    for ink in inks.values():
        dim, bright = sorted(luminance(Color.parse(it or "")) for it in (theme.background, ink))
        assert (bright + 0.05) / (dim + 0.05) >= 4.5, ink
    said = Style(color=f"color({next(iter(inks))})")
    assert ansi.legible(said, dark=theme.dark).color != said.color
    own = said + Style(bgcolor="red")
    assert ansi.legible(own, dark=theme.dark) == own
