"""Several logs as one: by time, every line once, each under one number for ever."""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tuidock.engine.logs.merged import MergedIndex
from tuidock.engine.logs.record import head

START = 1_800_000_000
GAPS = st.lists(st.integers(0, 3), max_size=40)
"""Seconds from a line to the next one."""


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Places and passages of a few lines, so that there are many."""
    monkeypatch.setattr("tuidock.engine.logs.index.STEP", 200)
    monkeypatch.setattr("tuidock.engine.logs.index.HEAD_BYTES", 400)
    monkeypatch.setattr("tuidock.engine.logs.merged.PASSAGE", 400)
    monkeypatch.setattr("tuidock.engine.logs.merged.FRESH", 3)


class Written:
    """A log, and what is in it."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / name
        self.path.write_bytes(b"")
        self.name = name
        self.lines: list[tuple[float, str, bytes]] = []

    def write(self, moments: list[int], *, broken: bool = False) -> None:
        """A line at each moment; `broken`: in two pieces."""
        with self.path.open("ab") as file:
            for at in moments:
                text = b"%s line %d" % (self.name.encode(), len(self.lines))
                pieces = [(b"P", text[:3]), (b"F", text[3:])] if broken else [(b"F", text)]
                for tag, piece in pieces:
                    file.write(head((START + at) * 10**9, "stdout", tag) + piece + b"\n")
                self.lines.append((float(START + at), self.name, text))


def said(index: MergedIndex, start: int, stop: int) -> list[tuple[float, str, bytes]]:
    return [(it.at, it.name, it.text) for it in index.lines(start, stop)]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(GAPS, min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(0, 2), GAPS), max_size=3),
    st.booleans(),
)
def test_logs_are_one_in_order_of_time(
    tmp_path: Path, old: list[list[int]], new: list[tuple[int, list[int]]], broken: bool
) -> None:
    """Fails when a line is lost, told twice, out of order or under another number than before."""
    logs = [Written(tmp_path, name) for name in "abc"[: len(old)]]
    for log, gaps in zip(logs, old, strict=True):
        log.write(list(accumulate(gaps)), broken=broken)
    with MergedIndex([(log.name, [str(log.path)]) for log in logs], at_once=300) as index:
        opened, at, now = said(index, index.first, index.end), index.first, 200
        for number, gaps in new:
            logs[number % len(logs)].write([now + it for it in accumulate(gaps)], broken=broken)
            index.grow()
            now += 200
        while not index.complete:
            assert index.uncounted <= 1
            index.take(index.survey(400))
        assert index.uncounted == 0
        whole = said(index, index.first, index.end)
        moments = [it[0] for it in whole]
        assert moments == sorted(moments)
        for log in logs:
            assert [it for it in whole if it[1] == log.name] == log.lines
        assert opened == whole[at - index.first :][: len(opened)]
        _told_the_same_in_passages(index)
        for moment in (START - 1, START + 7, START + 205, START + 10**6):
            expected = sum(it[0] < moment for it in whole)
            assert index.first_at(moment) - index.first == expected


def _told_the_same_in_passages(index: MergedIndex) -> None:
    at, found = index.end, list[bytes]()
    while at > index.first:
        start = index.before(at)
        texts, raw = index.texts(start, at), index.raw(start, at)
        assert index.after(start) == at
        assert not raw or all(text in raw for text in texts)
        found[:0] = texts
        at = start
    assert found == [it.name.encode() + it.text for it in index.lines(index.first, index.end)]


def test_the_beginning_is_known_before_the_rest(tmp_path: Path) -> None:
    """Fails when the head has lines of one log that come after some of another not yet read."""
    logs = [Written(tmp_path, "a"), Written(tmp_path, "b")]
    logs[0].write(list(range(200)))
    logs[1].write([it * 5 for it in range(200)])
    with MergedIndex([(log.name, [str(log.path)]) for log in logs], at_once=300) as index:
        lines, share = index.head()
        whole = sorted((line for log in logs for line in log.lines), key=lambda it: it[0])
        assert 5 < len(lines) < 100
        assert [(it.at, it.name, it.text) for it in lines] == whole[: len(lines)]
        assert 0 < share < 1


def test_what_comes_late_gets_a_number_at_the_end(tmp_path: Path) -> None:
    """Fails when it pushes lines that were numbered already; and logs may be deleted meanwhile."""
    logs = [Written(tmp_path, "a"), Written(tmp_path, "b")]
    logs[0].write([1, 2, 9])
    with MergedIndex([(log.name, [str(log.path)]) for log in logs]) as index:
        before = said(index, index.first, index.end)
        logs[1].write([5, 10])
        assert index.grow() == 2
        assert said(index, index.first, index.end) == [*before, *logs[1].lines]
        logs[0].path.rename(tmp_path / "a.1")
        Written(tmp_path, "a").write([11])
        index.grow()
        (tmp_path / "a.1").unlink()
        index.grow()
        assert {it[1] for it in said(index, index.first, index.end)} >= {"a", "b"}
        assert len(said(index, index.first, index.end)) == index.end - index.first
