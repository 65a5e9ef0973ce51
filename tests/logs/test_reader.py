"""The reading end: tail, span of time, following across rotation."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pytest

from tuidock.engine.logs import files as files_module
from tuidock.engine.logs import lines as lines_module
from tuidock.engine.logs import reader
from tuidock.engine.logs.reader import Follower, files, read
from tuidock.engine.logs.record import head
from tuidock.engine.logs.writer import LogWriter
from tuidock.engine.types import LogLine, LogQuery

SECOND = 1_000_000_000


def _all(path: Path, query: LogQuery = LogQuery()) -> list[LogLine]:  # noqa: B008
    return [line for batch in read(files(str(path)), query) for line in batch]


def _texts(lines: Sequence[LogLine]) -> list[bytes]:
    return [line.text for line in lines]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Lines `line 0` to `line 999`, second by second from the epoch, in about ten files."""
    path = tmp_path / "log"
    records = [head(n * SECOND, "stdout", b"F") + b"line %d\n" % n for n in range(1000)]
    for number in range(9, -1, -1):
        name = f"{path}.{number}" if number else str(path)
        Path(name).write_bytes(b"".join(records[(9 - number) * 100 : (10 - number) * 100]))
    return path


def test_everything_in_order(log: Path) -> None:
    assert _texts(_all(log)) == [b"line %d" % n for n in range(1000)]


@pytest.mark.parametrize("tail", [0, 1, 7, 100, 101, 999, 1000, 5000])
@pytest.mark.parametrize("block", [64, 1000, 1 << 18])
def test_tail_is_exact(log: Path, tail: int, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "BLOCK", block)
    expected = [b"line %d" % n for n in range(max(1000 - tail, 0), 1000)]
    assert _texts(_all(log, LogQuery(tail=tail))) == expected


def test_since_and_until(log: Path) -> None:
    found = _all(log, LogQuery(since=500.0, until=502.0))
    assert _texts(found) == [b"line 500", b"line 501", b"line 502"]
    assert [line.at for line in found] == [500.0, 501.0, 502.0]
    assert _texts(_all(log, LogQuery(tail=3, since=998.0))) == [b"line 998", b"line 999"]


def test_no_log_has_no_lines(tmp_path: Path) -> None:
    assert _all(tmp_path / "log") == []


def test_a_line_without_its_end_is_last_and_partial(tmp_path: Path) -> None:
    writer = LogWriter(f"{tmp_path}/log", 1 << 20, 3)
    writer.write("stdout", b"done\nname? ")
    writer.flush()
    assert [(line.text, line.partial) for line in _all(tmp_path / "log")] == [
        (b"done", False),
        (b"name? ", True),
    ]
    writer.close()


def test_a_tail_that_starts_within_a_line_finds_its_beginning(tmp_path: Path) -> None:
    """Fails without the look back: the last stdout line began before ten lines of stderr."""
    writer = LogWriter(f"{tmp_path}/log", 1 << 20, 3)
    writer.write("stdout", b"earlier\nbegin ")
    writer.flush()
    writer.write("stderr", b"".join(b"noise stdout P %d\n" % n for n in range(10)))
    writer.write("stdout", b"end\n")
    writer.close()
    found = _all(tmp_path / "log", LogQuery(tail=2))
    assert _texts(found) == [b"noise stdout P 9", b"begin end"]


def test_a_monstrous_line_is_bounded_and_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails without LIMIT: a container could fill the memory of whoever reads its log."""
    monkeypatch.setattr(lines_module, "LIMIT", 100_000)
    writer = LogWriter(f"{tmp_path}/log", 1 << 30, 3)
    for _ in range(50):
        writer.write("stdout", b"z" * 10_000)
    writer.write("stdout", b"\nnext\n")
    writer.close()
    found = _all(tmp_path / "log")
    assert all(len(line.text) <= 120_000 for line in found)
    assert [line.partial for line in found] == [True] * (len(found) - 2) + [False, False]
    assert b"".join(_texts(found[:-1])) == b"z" * 500_000


def test_garbage_is_shown_and_stops_nothing(tmp_path: Path) -> None:
    good = head(SECOND, "stdout", b"F") + b"good\n"
    (tmp_path / "log").write_bytes(good + b"\0\0\0\n\n" + good)
    assert _texts(_all(tmp_path / "log")) == [b"good", b"\0\0\0", b"", b"good"]


# --- following ------------------------------------------------------------------------------------


def _readable(follower: Follower, seconds: float = 0.0) -> bool:
    return bool(select.select([follower.fileno()], [], [], seconds)[0])


def _drain(follower: Follower) -> list[bytes]:
    found: list[bytes] = []
    while lines := follower.read():
        found += _texts(lines)
    return found


def test_follow_wakes_for_what_is_written_and_sleeps_after(tmp_path: Path) -> None:
    with Follower(f"{tmp_path}/log") as follower:
        assert _drain(follower) == []
        assert not _readable(follower)
        writer = LogWriter(f"{tmp_path}/log", 1 << 20, 3)
        writer.write("stdout", b"one\ntwo")
        writer.flush()
        assert _readable(follower, 5)
        assert _drain(follower) == [b"one"]
        assert not _readable(follower)
        writer.write("stdout", b" three\n")
        writer.close()
        assert _readable(follower, 5)
        assert _drain(follower) == [b"two three"]


def test_more_than_a_batch_keeps_it_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails without the eventfd: inotify tells once of what takes several reads."""
    monkeypatch.setattr(reader, "BLOCK", 1000)
    writer = LogWriter(f"{tmp_path}/log", 1 << 20, 3)
    with Follower(f"{tmp_path}/log") as follower:
        for _ in range(2):
            assert _drain(follower) == []
            assert not _readable(follower)
            written = [b"line %d" % number for number in range(1000)]
            writer.write("stdout", b"\n".join(written) + b"\n")
            writer.flush()
            found: list[bytes] = []
            while _readable(follower):
                found += _texts(follower.read())
            assert found == written
    writer.close()


@pytest.mark.parametrize("when", [1, 2, 3])
def test_rotation_while_we_look_for_new_files(
    tmp_path: Path, when: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails without the second look at the current file: names stand for other files now."""
    writer = LogWriter(f"{tmp_path}/log", 300, 1000)
    written = [b"line %d" % number for number in range(60)]
    waiting = iter(written)
    opened = 0

    def write(count: int) -> None:
        for line in islice(waiting, count):
            writer.write("stdout", line + b"\n")
            writer.flush()

    def open_and_rotate(path: str) -> object:
        nonlocal opened
        opened += 1
        found = original(path)
        if opened == when:
            write(20)
        return found

    write(5)
    with Follower(f"{tmp_path}/log") as follower:
        seen = _drain(follower)
        write(15)
        original = files_module._open
        monkeypatch.setattr(files_module, "_open", open_and_rotate)
        seen += _drain(follower)
        write(60)
        seen += _drain(follower)
    writer.close()
    assert opened >= when
    assert seen == written


def test_follow_starts_at_the_tail(log: Path) -> None:
    with Follower(str(log), LogQuery(tail=2, since=999.0)) as follower:
        assert _drain(follower) == [b"line 999"]


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_follow_survives_rotation_without_loss_or_double(tmp_path: Path, batch: int) -> None:
    """Many rotations between two reads: fails if only the current file is reopened."""
    writer = LogWriter(f"{tmp_path}/log", 500, 1000)
    written: list[bytes] = []
    seen: list[bytes] = []
    with Follower(f"{tmp_path}/log") as follower:
        for number in range(2000):
            written.append(b"line %d" % number)
            writer.write("stdout", written[-1] + b"\n")
            writer.flush()
            if number % batch == 0:
                seen += _drain(follower)
        seen += _drain(follower)
    writer.close()
    assert seen == written


def test_follow_beside_a_writer_at_full_speed(tmp_path: Path) -> None:
    """A thread writes and rotates while we follow: every line once, in order."""
    written = [b"line %d" % number for number in range(20_000)]

    def write() -> None:
        writer = LogWriter(f"{tmp_path}/log", 20_000, 10_000)
        for line in written:
            writer.write("stdout", line + b"\n")
            writer.flush()
        writer.close()

    thread = threading.Thread(target=write)
    seen: list[bytes] = []
    with Follower(f"{tmp_path}/log") as follower:
        thread.start()
        while len(seen) < len(written) and _readable(follower, 20):
            seen += _texts(follower.read())
        thread.join()
        assert seen == written
        assert _drain(follower) == []


def test_a_follower_keeps_no_deleted_file(tmp_path: Path) -> None:
    writer = LogWriter(f"{tmp_path}/log", 500, 2)
    with Follower(f"{tmp_path}/log") as follower:
        before = len(os.listdir("/proc/self/fd"))
        for number in range(500):
            writer.write("stdout", b"line %d\n" % number)
            writer.flush()
            follower.read()
        _drain(follower)
        assert len(os.listdir("/proc/self/fd")) <= before + 1
    writer.close()


def test_many_followers_leave_no_descriptor(log: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(100):
        with Follower(str(log), LogQuery(tail=1)) as follower:
            assert _drain(follower) == [b"line 999"]
    assert len(os.listdir("/proc/self/fd")) == before
