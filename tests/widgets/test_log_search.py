"""Patterns, sieves, rings: the parts of a log view that need no screen."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.style import Style
from textual.cache import LRUCache

from tuidock.engine.types import LogLine
from tuidock.widgets.ansi import plain
from tuidock.widgets.log_excerpt import Excerpt
from tuidock.widgets.log_expression import Patience, TooSlow
from tuidock.widgets.log_paint import SHOWN, Look, drawn, first_match
from tuidock.widgets.log_search import Pattern, accepted, rules_out
from tuidock.widgets.log_sieve import Sieve, sift
from tuidock.widgets.log_source import Ring


def lines(texts: Sequence[str], stream: str = "stdout") -> list[LogLine]:
    return [LogLine(0.0, stream, text.encode()) for text in texts]


def ring_of(*texts: str) -> Ring:
    ring = Ring()
    ring.extend(lines(texts))
    return ring


# --- patterns -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "text", "wanted"),
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
def test_patterns_are_read_as_people_type_them(typed: str, text: str, wanted: bool) -> None:
    assert Pattern.typed(typed, may_invert=True).accepts(text) is wanted


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


# --- many lines at once -----------------------------------------------------------------------

TYPED = st.one_of(
    st.text(st.sampled_from("aB1 .*+?^$[]()|\\dwsSb-!é\t"), min_size=1, max_size=8),
    st.sampled_from(
        ["^a", "a$", "^$", r"a\s*b", "a[^b]*b", "(?!a)b", r"\Ba", "a|^b", "[^a]", r"a\S", "ß", "ſ"]
    ),
)
SAID = st.lists(
    st.one_of(
        st.text(st.sampled_from("aAbB1 ßſé\t\r.-"), max_size=12),
        st.sampled_from(["\x1b[31ma\x1b[0mb", "a\x1b]0;b\x07a", "a\x9b2Jb", "", "a b"]),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=500)
@given(TYPED, SAID, st.sampled_from([None, True, False]), st.booleans(), st.booleans())
@example("[^1]", ["\r\r", ""], None, False, False)
def test_many_lines_at_once_are_accepted_as_each_alone(
    typed: str, said: list[str], exact: bool | None, literal: bool, inverse: bool
) -> None:
    """Fails when an anchor, an escape, a tab or another letter is lost in the crowd."""
    pattern = Pattern.typed(typed, exact=exact, literal=literal, inverse=inverse)
    texts = [text.encode() for text in said]
    alone = [n for n, text in enumerate(said) if pattern.accepts(plain(text))]
    assert list(accepted(texts, [pattern])) == alone
    records = b"".join(b"2027-01-15T08:00:00.000000000Z stdout F %s\n" % it for it in texts)
    assert not alone or not rules_out(records, [pattern])


def test_a_glance_spares_lines_that_cannot_match() -> None:
    """Fails when each line of a passage is looked at although its bytes have no match."""
    records = b"2027-01-15T08:00:00.000000000Z stdout F took 5 ms\n"
    assert rules_out(records, [Pattern.typed(r"took \d+ s")])
    assert rules_out(records, [Pattern.typed("gave 5")])
    assert not rules_out(records, [Pattern.typed(r"took \d+ ms")])


def test_escapes_are_no_part_of_what_is_searched() -> None:
    texts = [b"\x1b[31mred\x1b[0m flag", b"red \x1b[1mflag", b"\x1b]0;red flag\x07"]
    assert list(accepted(texts, [Pattern.typed("red flag")])) == [0, 1]
    assert list(accepted(texts, [Pattern.typed("31m")])) == []


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("status=500", [0]),
        ("INFO  order", [0, 1]),
        ('"status":500', [0]),
        (r"^INFO .* id=8$", [1]),
        ("a b", [1]),
        ("rejected", []),
    ],
)
def test_json_is_found_as_shown_and_as_written(typed: str, found: list[int]) -> None:
    """Fails when only what was written is searched, or a glance rules out what is shown."""
    texts = [
        b'{"level":"info","msg":"order taken","status":500}',
        b'{"level":"info","msg":"order a\\nb","id":8}',
        b"status of 500 orders: info",
    ]
    pattern = Pattern.typed(typed)
    assert list(accepted(texts, [pattern])) == found
    assert not found or not rules_out(b"\n".join(texts), [pattern])


def test_nobody_waits_for_ever() -> None:
    """Fails without a patience: the first would take years, the second fill the memory."""
    for_ever = Pattern.typed("(a|aa)+$")
    with pytest.raises(TooSlow):
        accepted([b"a" * 60 + b"b"], [for_ever], Patience(0.05))
    assert for_ever.spans("a" * 60 + "b") == []
    assert for_ever.slow
    assert Pattern.typed("(((a{100}){100}){100}){100}").literal


def test_several_patterns_have_all_to_accept() -> None:
    texts = [b"get /a", b"get /health", b"put /a"]
    both = [Pattern.typed("get"), Pattern.typed("health", inverse=True)]
    assert list(accepted(texts, both)) == [0]


def test_the_case_can_be_told() -> None:
    assert Pattern.typed("error", exact=True).accepts("error")
    assert not Pattern.typed("error", exact=True).accepts("ERROR")
    assert Pattern.typed("ERROR", exact=False).accepts("error")
    assert Pattern.typed(r"\S+x", literal=False).accepts("AX"), "an escape is no large letter"


# --- sieves -----------------------------------------------------------------------------------


def sifted(sieve: Sieve, source: Ring, budget: int = 100) -> list[int]:
    """All that a sieve finds, looked for in several steps."""
    while not sieve.done:
        sieve.take(sift(source, sieve.spans(budget), sieve.patterns))
    return [sieve.number(position) for position in range(sieve.count)]


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passages of a few lines, so that there are many."""
    monkeypatch.setattr("tuidock.widgets.log_source.PASSAGE", 4)
    monkeypatch.setattr("tuidock.widgets.log_sieve.SMALL", 3)


def test_a_sieve_looks_at_no_more_than_its_budget() -> None:
    ring = ring_of(*("hit" if number % 3 == 0 else "miss" for number in range(100)))
    sieve = Sieve(ring, Pattern.typed("hit"), anchor=50)
    sieve.take(sift(ring, sieve.spans(10), sieve.patterns))
    assert sieve.low == 50
    assert 50 < sieve.high <= 64
    assert sifted(sieve, ring) == list(range(0, 100, 3))


@given(
    st.lists(st.booleans(), max_size=60),
    st.lists(st.tuples(st.lists(st.booleans(), max_size=9), st.integers(1, 40)), max_size=6),
    st.integers(0, 60),
)
def test_a_sieve_knows_all_it_found_whatever_comes_and_goes(
    first: list[bool], steps: list[tuple[list[bool], int]], anchor: int
) -> None:
    """Fails when positions and numbers part, or what the source lost is still told."""
    ring = Ring(max_lines=40)
    said: list[bool] = []

    def say(hits: list[bool]) -> None:
        ring.extend(lines(["hit" if hit else "miss" for hit in hits]))
        said.extend(hits)

    say(first)
    sieve = Sieve(ring, Pattern.typed("hit"), anchor=anchor)
    for more, budget in steps:
        say(more)
        sieve.forget()
        sieve.take(sift(ring, sieve.spans(budget), sieve.patterns))
    sieve.forget()
    expected = [n for n, hit in enumerate(said) if hit and n >= ring.first]
    assert sifted(sieve, ring, 7) == expected
    for number in range(ring.first, ring.end):
        assert sieve.position(number) == sum(it < number for it in expected)
        assert (sieve.rank(number) > 0) is said[number]


def test_matches_take_no_memory_each() -> None:
    """Fails when the number of every match is kept."""
    ring = Ring(max_lines=200_000)
    ring.extend(lines(["hit"]) * 200_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tuidock.widgets.log_source.PASSAGE", 1000)
        sieve = Sieve(ring, Pattern.typed("hit"))
        sieve._lately = LRUCache(2)
        tracemalloc.start()
        try:
            while not sieve.done:
                sieve.take(sift(ring, sieve.spans(4000), sieve.patterns))
            now, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert sieve.count == 200_000
        assert sieve.number(123_456) == 123_456
        assert now < 100_000


def test_neighbours_go_round_the_ends() -> None:
    ring = ring_of("hit", "miss", "hit", "miss")
    sieve = Sieve(ring, Pattern.typed("hit"))
    sifted(sieve, ring)
    assert [sieve.after(0), sieve.after(1), sieve.after(2)] == [2, 2, 0]
    assert [sieve.before(0), sieve.before(1), sieve.before(2)] == [2, 0, 0]
    assert [sieve.rank(0), sieve.rank(1), sieve.rank(2)] == [1, 0, 2]


def test_a_search_sees_only_what_the_filter_keeps() -> None:
    excerpt = Excerpt(ring_of("a hit", "b hit", "a miss", "a hit"))
    excerpt.set_filter([Pattern.typed("a")])
    excerpt.set_search(Pattern.typed("hit"), 0)
    excerpt.advance()
    assert excerpt.looked == 1
    assert excerpt.count == 3
    assert excerpt.search is not None
    assert excerpt.search.count == 2
    assert excerpt.neighbour(0, 1) == 3
    assert [excerpt.number(position) for position in range(3)] == [0, 2, 3]


@pytest.mark.parametrize(("anchor", "landing"), [(0, 1), (1, 1), (2, 3), (4, 3)])
def test_a_search_lands_below_the_anchor_or_else_above(anchor: int, landing: int) -> None:
    excerpt = Excerpt(ring_of("miss", "hit", "miss", "hit", "miss"))
    excerpt.set_search(Pattern.typed("hit"), anchor)
    while excerpt.job():
        excerpt.advance()
    assert excerpt.landing() == landing
    assert excerpt.landing() is None


class Diggable(Ring):
    """A source that comes to hold older lines too."""

    complete = False

    def dig(self, texts: Sequence[str]) -> None:
        self._kept[:0] = lines(texts)
        self.first -= len(texts)


def test_older_lines_are_searched_when_they_come() -> None:
    source = Diggable()
    source.extend(lines(["hit"]))
    excerpt = Excerpt(source)
    excerpt.set_search(Pattern.typed("hit"), 0)
    excerpt.advance()
    assert excerpt.may_find(0, -1)
    source.dig(["hit", "miss"])
    excerpt.advance()
    assert excerpt.search is not None
    assert sifted(excerpt.search, source) == [-2, 0]
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
