"""Lines by number: at once at the end of a log of any size, in bounded memory."""

from __future__ import annotations

import os
import random
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuidock.engine.logs import index as index_module
from tuidock.engine.logs.index import LogIndex
from tuidock.engine.logs.reader import files, read
from tuidock.engine.logs.record import head
from tuidock.engine.logs.writer import LogWriter
from tuidock.engine.types import LogLine

MB = 1 << 20


def _fill(path: Path, count: int, max_size: int = 100_000) -> list[bytes]:
    """A log of several files, both streams, long lines and unfinished pieces; its lines."""
    writer = LogWriter(str(path), max_size, 1000)
    texts = []
    for number in range(count):
        text = b"line %d" % number + (b"*" * 20_000 if number % 97 == 0 else b"")
        stream = "stderr" if number % 7 == 0 else "stdout"
        half = len(text) // 2
        writer.write(stream, text[:half])
        if number % 5 == 0:
            writer.flush()
        writer.write(stream, text[half:] + b"\n")
        texts.append(text)
    writer.close()
    return texts


def _texts(lines: list[LogLine]) -> list[bytes]:
    return [line.text for line in lines]


@pytest.mark.parametrize("step", [200, 5000, 1 << 16])
def test_every_line_has_its_number(
    tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "STEP", step)
    texts = _fill(tmp_path / "log", 1000)
    with LogIndex(files(f"{tmp_path}/log")) as index:
        assert (index.first, index.end, index.count) == (0, 1000, 1000)
        assert _texts(index.lines(0, 1000)) == texts
        for start in (0, 1, 96, 97, 98, 485, 500, 999):
            assert index.line(start).text == texts[start]
            assert _texts(index.lines(start, start + 10)) == texts[start : start + 10]
        with pytest.raises(IndexError):
            index.line(1000)
        assert index.lines(1000, 1010) == []


def test_a_big_log_opens_at_its_end_and_is_dug_up_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "STEP", 1000)
    monkeypatch.setattr(index_module, "AT_ONCE", 10_000)
    texts = _fill(tmp_path / "log", 3000, 50_000)
    with LogIndex(files(f"{tmp_path}/log")) as index:
        assert not index.complete
        assert index.first == 0
        shown = index.end
        assert shown < 400
        assert _texts(index.lines(0, shown)) == texts[-shown:]
        while not index.complete:
            before = index.first
            assert index.dig(50_000) == before - index.first
        assert index.count == 3000
        assert index.end == shown
        assert _texts(index.lines(index.first, index.end)) == texts
        assert _texts(index.lines(-5, 5)) == texts[-shown - 5 :][:10]


def test_it_grows_with_the_log_over_rotations(tmp_path: Path) -> None:
    writer = LogWriter(f"{tmp_path}/log", 2000, 1000)
    texts: list[bytes] = []
    with LogIndex(files(f"{tmp_path}/log")) as index:
        assert index.count == 0
        for number in range(300):
            texts.append(b"line %d" % number)
            writer.write("stdout", texts[-1] + b"\n")
            writer.flush()
            if number % 3 == 0:
                before = index.end
                assert index.grow() == len(texts) - before
        index.grow()
        assert index.end == 300
        assert _texts(index.lines(0, 300)) == texts
    writer.close()


def test_lines_that_rotation_deleted_go_and_numbers_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails without forget_deleted: a view left open would hold deleted files on disk."""
    monkeypatch.setattr(index_module, "STEP", 100)
    writer = LogWriter(f"{tmp_path}/log", 2000, 2)
    with LogIndex(files(f"{tmp_path}/log")) as index:
        for number in range(500):
            writer.write("stdout", b"line %d\n" % number)
            writer.flush()
            index.grow()
        assert index.end == 500
        assert index.first > 300
        assert index.line(index.first).text == b"line %d" % index.first
        assert index.line(499).text == b"line 499"
        assert index.line(450).text == b"line 450"
    writer.close()


@pytest.mark.parametrize("step", [300, 5000, 1 << 16])
def test_texts_are_those_of_the_lines(
    tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails when lines in pieces are taken for whole ones because of where a place is."""
    monkeypatch.setattr(index_module, "STEP", step)
    texts = _fill(tmp_path / "log", 500)
    with LogIndex(files(f"{tmp_path}/log")) as index:
        number, taken = 0, 0
        while number < 500:
            stop = index.after(number)
            assert index.before(stop) == number or index.before(stop) > number
            assert index.texts(number, stop) == texts[number:stop]
            if raw := index.raw(number, stop):
                taken += 1
                assert raw.count(b"\n") == stop - number
            number = stop
        assert index.texts(7, 12) == texts[7:12]
        assert taken or step > 300


def test_files_stay_open_while_they_are_held(tmp_path: Path) -> None:
    """Fails when a thread may find another file under the number of a closed descriptor."""
    _fill(tmp_path / "log", 100)
    index = LogIndex(files(f"{tmp_path}/log"))
    index.hold()
    descriptors = [piece.fd for piece in index._log._pieces]
    index.close()
    assert all(os.fstat(fd).st_size >= 0 for fd in descriptors)
    index.release()
    for fd in descriptors:
        with pytest.raises(OSError, match="descriptor"):
            os.fstat(fd)


def test_a_survey_that_came_too_late_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails when lines that two looks counted are taken twice."""
    monkeypatch.setattr(index_module, "STEP", 500)
    _fill(tmp_path / "log", 1000)
    with LogIndex(files(f"{tmp_path}/log"), at_once=1000) as index:
        first, second = index.survey(1000), index.survey(1 << 30)
        index.take(second)
        index.take(first)
        assert (index.count, index.complete, index.uncounted) == (1000, True, 0.0)


def test_a_line_longer_than_the_limit_is_cut_and_counted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tuidock.engine.logs.lines.LIMIT", 50_000)
    writer = LogWriter(f"{tmp_path}/log", 1 << 30, 3)
    writer.write("stdout", b"first\n" + b"z" * 200_000 + b"\nlast\n")
    writer.close()
    with LogIndex(files(f"{tmp_path}/log")) as index:
        assert index.count == 3
        first, monster, last = index.lines(0, 3)
        assert (first.text, last.text) == (b"first", b"last")
        assert (len(monster.text), monster.partial) == (50_000, True)


def test_memory_is_that_of_places_not_of_lines(tmp_path: Path) -> None:
    """Fails when lines, or an offset for each of them, are kept."""
    record = head(1, "stdout", b"F") + b"x" * 20 + b"\n"
    (tmp_path / "log").write_bytes(record * 400_000)
    tracemalloc.start()
    try:
        with LogIndex(files(f"{tmp_path}/log"), at_once=64 * MB) as index:
            assert index.count == 400_000
            assert len(index.lines(200_000, 200_050)) == 50
            now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert now < 100_000
    assert peak < 8 * MB


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1 << 32), step=st.integers(64, 2000))
def test_index_and_reader_agree(
    tmp_path_factory: pytest.TempPathFactory, seed: int, step: int
) -> None:
    """Whatever was written, in whatever pieces, the two ways of reading see the same."""
    path = tmp_path_factory.mktemp("log") / "log"
    chance = random.Random(seed)
    writer = LogWriter(str(path), chance.randrange(500, 50_000), 200)
    for _ in range(chance.randrange(200)):
        data = chance.choice([b"a", b"\n", b"bb\ncc", b" stdout P \n", b"d" * 17_000])
        writer.write(chance.choice(["stdout", "stderr"]), data)
        if chance.random() < 0.3:
            writer.flush()
    writer.close()
    expected = [line for batch in read(files(str(path))) for line in batch]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_module, "STEP", step)
        with LogIndex(files(str(path))) as index:
            assert index.lines(0, index.end) == expected
            for number in range(0, len(expected), 13):
                assert index.line(number) == expected[number]
