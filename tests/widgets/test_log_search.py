"""Patterns, sieves, rings: the parts of a log view that need no screen."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style

from tuidock.engine.types import LogLine
from tuidock.widgets.log_excerpt import Excerpt
from tuidock.widgets.log_paint import SHOWN, Look, drawn, first_match
from tuidock.widgets.log_search import Pattern, Sieve
from tuidock.widgets.log_source import Ring


def lines(texts: Sequence[str], stream: str = "stdout") -> list[LogLine]:
    return [LogLine(0.0, stream, text.encode()) for text in texts]


def ring_of(*texts: str) -> Ring:
    ring = Ring()
    ring.extend(lines(texts))
    return ring


# --- patterns -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "text", "accepted"),
    [
        ("error", "ERROR: no", True),
        ("Error", "error: no", False),
        ("Error", "Error: no", True),
        ("t.o", "two", True),
        ("a(b", "xa(by", True),
        ("a(b", "ab", False),
        ("!debug", "info", True),
        ("!debug", "a debug line", False),
        ("!", "what!", True),
    ],
)
def test_patterns_are_read_as_people_type_them(typed: str, text: str, accepted: bool) -> None:
    assert Pattern.typed(typed, may_invert=True).accepts(text) is accepted


def test_a_broken_expression_says_it_is_taken_literally() -> None:
    assert Pattern.typed("a(b").literal
    assert not Pattern.typed("a(b)").literal


def test_spans_leave_empty_matches_out() -> None:
    assert Pattern.typed("x*").spans("axxb") == [(1, 3)]


# --- rings ------------------------------------------------------------------------------------


def test_a_full_ring_forgets_the_oldest() -> None:
    ring = Ring(max_lines=100, max_bytes=10**9)
    for number in range(1000):
        ring.extend(lines([str(number)]))
    assert ring.end == 1000
    assert ring.end - ring.first <= 100
    assert ring.lines(999, 1000)[0].text == b"999"
    assert ring.lines(ring.first, ring.first + 1)[0].text == str(ring.first).encode()


@given(st.lists(st.integers(0, 300), max_size=60), st.integers(1, 500))
def test_a_ring_holds_no_more_bytes_than_it_may(sizes: list[int], limit: int) -> None:
    """Fails when bytes are not counted: a few monsters would fill the memory."""
    ring = Ring(max_lines=10**6, max_bytes=limit)
    for size in sizes:
        ring.extend(lines(["x" * size]))
        assert sum(len(line.text) for line in ring.lines(ring.first, ring.end)) <= limit


# --- sieves -----------------------------------------------------------------------------------


def test_a_sieve_looks_at_no_more_than_its_budget() -> None:
    ring = ring_of(*("hit" if number % 3 == 0 else "miss" for number in range(100)))
    sieve = Sieve(Pattern.typed("hit"))
    assert not sieve.advance(ring, 30)
    assert sieve.found == list(range(0, 30, 3))
    while not sieve.advance(ring, 30):
        pass
    assert len(sieve.found) == 34


def test_a_sieve_sees_new_lines_and_forgets_lost_ones() -> None:
    ring = Ring(max_lines=10)
    ring.extend(lines(["hit"] * 5))
    sieve = Sieve(Pattern.typed("hit"))
    sieve.advance(ring, 100)
    ring.extend(lines(["miss"] * 6))
    sieve.advance(ring, 100)
    assert sieve.found == [number for number in range(5) if number >= ring.first]
    assert ring.first > 0


def test_neighbours_go_round_the_ends() -> None:
    sieve = Sieve(Pattern.typed("hit"))
    sieve.advance(ring_of("hit", "miss", "hit", "miss"), 100)
    assert [sieve.after(0), sieve.after(1), sieve.after(2)] == [2, 2, 0]
    assert [sieve.before(0), sieve.before(1), sieve.before(2)] == [2, 0, 0]
    assert [sieve.rank(0), sieve.rank(1), sieve.rank(2)] == [1, 0, 2]


def test_a_search_sees_only_what_the_filter_keeps() -> None:
    excerpt = Excerpt(ring_of("a hit", "b hit", "a miss", "a hit"))
    excerpt.set_filter(Pattern.typed("a"))
    excerpt.set_search(Pattern.typed("hit"), 0)
    assert excerpt.advance()
    assert excerpt.count == 3
    assert excerpt.search is not None
    assert excerpt.search.found == [0, 3]
    assert excerpt.neighbour(0, 1) == 3
    assert [excerpt.number(position) for position in range(3)] == [0, 2, 3]


@pytest.mark.parametrize(("anchor", "landing"), [(0, 1), (1, 1), (2, 3), (4, 3)])
def test_a_search_lands_below_the_anchor_or_else_above(anchor: int, landing: int) -> None:
    excerpt = Excerpt(ring_of("miss", "hit", "miss", "hit", "miss"))
    excerpt.set_search(Pattern.typed("hit"), anchor)
    assert excerpt.landing(done=excerpt.advance()) == landing
    assert excerpt.landing(done=True) is None


class Diggable(Ring):
    """A source that comes to hold older lines too."""

    def dig(self, texts: Sequence[str]) -> None:
        self._kept[:0] = lines(texts)
        self.first -= len(texts)


def test_older_lines_are_searched_when_they_come() -> None:
    source = Diggable()
    source.extend(lines(["hit"]))
    excerpt = Excerpt(source)
    excerpt.set_search(Pattern.typed("hit"), 0)
    excerpt.advance()
    source.dig(["hit", "miss"])
    assert excerpt.advance()
    assert excerpt.search is not None
    assert excerpt.search.found == [-2, 0]
    assert excerpt.gone() == -2


# --- one line --------------------------------------------------------------------------------


def look(**changes: object) -> Look:
    plain = Style()
    base = Look(plain, Style(color="red"), plain, plain, plain, Style(bold=True))
    return base._replace(**changes)  # type: ignore[arg-type]


def test_a_monster_costs_no_more_than_what_is_shown() -> None:
    """Fails without the cap: a line of megabytes would be laid out whole."""
    strip = drawn(LogLine(0.0, "stdout", b"x" * 10_000_000), look())
    assert strip.cell_length < SHOWN + 60
    assert strip.text.endswith("more, Enter shows them")


def test_stderr_has_a_bar_and_its_own_colour() -> None:
    error, normal = (drawn(line, look()) for line in lines(["e"], "stderr") + lines(["n"]))
    assert error.text == "▎e"
    assert normal.text == " n"
    ink = list(error)[1].style
    assert ink is not None
    assert ink.color is not None
    assert ink.color.name == "red"


def test_times_stand_in_front() -> None:
    line = LogLine(1_800_000_000.123, "stdout", b"x")
    assert ":" in drawn(line, look(stamps=1)).text
    assert ".123 x" in drawn(line, look(stamps=2)).text
    assert drawn(line, look()).text == " x"


def test_matches_are_marked_and_found_by_column() -> None:
    pattern = Pattern.typed("cd")
    line = LogLine(0.0, "stdout", "中\x1b[32mabcd\x1b[0m".encode())
    strip = drawn(line, look(pattern=pattern))
    bold = [segment.text for segment in strip if segment.style and segment.style.bold]
    assert bold == ["cd"]
    assert first_match(line, look(pattern=pattern)) == 5


def test_bytes_that_are_no_text_do_not_harm() -> None:
    assert "\ufffd" in drawn(LogLine(0.0, "stdout", b"\xff\xfe\x00"), look()).text
