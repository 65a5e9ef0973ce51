"""The writing end: whole records, pieces of long lines, rotation, full disks."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import root_only
from tuidock.engine.logs.reader import files, read
from tuidock.engine.logs.record import LONGEST, PIECE, head, when
from tuidock.engine.logs.writer import LogWriter

MB = 1 << 20


def _written(path: Path) -> bytes:
    return b"".join(Path(each).read_bytes() for each in files(str(path)) if os.path.exists(each))


def _texts(path: Path) -> list[tuple[str, bytes]]:
    return [(line.stream, line.text) for batch in read(files(str(path))) for line in batch]


def test_records_are_cri(tmp_path: Path) -> None:
    writer = LogWriter(f"{tmp_path}/log", MB, 3)
    writer.write("stdout", b"one\ntwo\n")
    writer.write("stderr", b"three\n")
    writer.close()
    stamp = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z"
    records = rb"%s stdout F one\n%s stdout F two\n%s stderr F three\n" % (stamp, stamp, stamp)
    assert re.fullmatch(records, (tmp_path / "log").read_bytes())
    assert os.stat(tmp_path / "log").st_mode & 0o777 == 0o600


def test_stamps_are_exact_and_read_back() -> None:
    record = head(1_795_287_600_123_456_789, "stderr", b"P") + b"x"
    assert record == b"2026-11-21T19:00:00.123456789Z stderr P x"
    assert abs(when(record) - 1_795_287_600.123456789) < 1e-6


def test_nothing_is_on_disk_before_flush_and_all_after(tmp_path: Path) -> None:
    writer = LogWriter(f"{tmp_path}/log", MB, 3)
    writer.write("stdout", b"line\npart")
    assert _written(tmp_path / "log") == b""
    writer.flush()
    assert b" stdout F line\n" in _written(tmp_path / "log")
    assert _written(tmp_path / "log").endswith(b" stdout P part\n")
    writer.close()


def test_long_lines_come_in_pieces(tmp_path: Path) -> None:
    writer = LogWriter(f"{tmp_path}/log", MB, 3)
    text = bytes(range(32, 127)) * 500
    writer.write("stdout", text + b"\n")
    writer.close()
    records = _written(tmp_path / "log").splitlines(keepends=True)
    assert len(records) == -(-len(text) // PIECE)
    assert all(len(record) <= LONGEST for record in records)
    assert _texts(tmp_path / "log") == [("stdout", text)]


def test_streams_do_not_mix_their_pieces(tmp_path: Path) -> None:
    writer = LogWriter(f"{tmp_path}/log", MB, 3)
    for stream, data in (("stdout", b"o1"), ("stderr", b"e1"), ("stdout", b"o2\n")):
        writer.write(stream, data)
        writer.flush()
    writer.write("stderr", b"e2\n")
    writer.close()
    assert _texts(tmp_path / "log") == [("stdout", b"o1o2"), ("stderr", b"e1e2")]


def test_close_ends_lines_so_that_the_next_life_starts_anew(tmp_path: Path) -> None:
    """Fails when close leaves a partial record: the next start's first line would join it."""
    for flush in (True, False):
        writer = LogWriter(f"{tmp_path}/log", MB, 3)
        writer.write("stdout", b"no newline")
        if flush:
            writer.flush()
        writer.close()
    assert _texts(tmp_path / "log") == [("stdout", b"no newline")] * 2


@settings(max_examples=60, deadline=None)
@given(
    writes=st.lists(
        st.tuples(
            st.sampled_from(["stdout", "stderr"]),
            st.binary(max_size=200) | st.just(b"\n") | st.just(b"y" * 40_000),
            st.booleans(),
        ),
        max_size=40,
    ),
    max_size=st.integers(50, 5000),
)
def test_what_goes_in_comes_out(
    tmp_path_factory: pytest.TempPathFactory,
    writes: list[tuple[str, bytes, bool]],
    max_size: int,
) -> None:
    """Any bytes, in any pieces, over any number of rotations."""
    path = tmp_path_factory.mktemp("log") / "log"
    writer = LogWriter(str(path), max_size, 100_000)
    for stream, data, flushed in writes:
        writer.write(stream, data)
        if flushed:
            writer.flush()
    writer.close()
    for stream in ("stdout", "stderr"):
        data = b"".join(data for name, data, _ in writes if name == stream)
        expected = data.removesuffix(b"\n").split(b"\n") if data else []
        assert [text for name, text in _texts(path) if name == stream] == expected


def test_rotation_keeps_the_newest_in_files_of_the_right_size(tmp_path: Path) -> None:
    writer = LogWriter(f"{tmp_path}/log", 1000, 3)
    for number in range(200):
        writer.write("stdout", b"line %d\n" % number)
    writer.close()
    assert sorted(os.listdir(tmp_path)) == ["log", "log.1", "log.2"]
    assert all(os.path.getsize(tmp_path / name) <= 1000 for name in os.listdir(tmp_path))
    numbers = [int(text.split()[1]) for _, text in _texts(tmp_path / "log")]
    assert numbers == list(range(numbers[0], 200))
    assert len(numbers) > 40


def test_one_file_is_begun_anew(tmp_path: Path) -> None:
    writer = LogWriter(f"{tmp_path}/log", 1000, 1)
    for number in range(200):
        writer.write("stdout", b"line %d\n" % number)
    writer.close()
    assert os.listdir(tmp_path) == ["log"]
    assert _texts(tmp_path / "log")[-1] == ("stdout", b"line 199")


def test_a_batch_is_one_write(tmp_path: Path) -> None:
    """Fails when records are written one by one: a thousand lines, one system call."""
    code = (
        "from tuidock.engine.logs.writer import LogWriter\n"
        f"w = LogWriter({str(tmp_path / 'log')!r}, 1 << 20, 3)\n"
        "print('begin', flush=True)\n"
        "for _ in range(1000): w.write('stdout', b'x\\n')\n"
        "w.flush()\n"
    )
    calls = _system_calls(code, tmp_path)
    assert calls == 1


def _system_calls(code: str, tmp_path: Path) -> int:
    """write(2) calls as /proc/PID/io counts them, less the one of `print`."""
    script = f"{code}print(open('/proc/self/io').read())"
    before = subprocess.run(
        ["python3", "-c", "print('begin', flush=True)\nprint(open('/proc/self/io').read())"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    after = subprocess.run(["python3", "-c", script], capture_output=True, text=True, check=True)
    counts = [int(out.split("syscw: ")[1].split()[0]) for out in (before.stdout, after.stdout)]
    return counts[1] - counts[0]


def test_a_torn_record_is_ended_when_writing_goes_on(tmp_path: Path) -> None:
    """Fails without it: the first new record would be glued to the torn one and lost."""
    torn = head(1, "stdout", b"F") + b"whole\n" + head(1, "stdout", b"F")[:20]
    (tmp_path / "log").write_bytes(torn)
    writer = LogWriter(f"{tmp_path}/log", MB, 3)
    writer.write("stdout", b"new\n")
    writer.close()
    assert _texts(tmp_path / "log")[0] == ("stdout", b"whole")
    assert _texts(tmp_path / "log")[-1] == ("stdout", b"new")


def test_a_link_in_place_of_the_log_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"")
    (tmp_path / "log").symlink_to(tmp_path / "target")
    with pytest.raises(OSError, match="symbolic links"):
        LogWriter(f"{tmp_path}/log", MB, 3)


@pytest.mark.root(root_only.MOUNTS)
def test_a_full_disk_loses_lines_but_says_so(tmp_path: Path) -> None:
    """Never an error for the container, never half a record, and a note once there is room."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], check=True)
    try:
        writer = LogWriter(f"{tmp_path}/log", MB, 3)
        filler = tmp_path / "filler"
        filler.write_bytes(bytes(40_000))
        for number in range(5000):
            writer.write("stdout", b"line %d\n" % number)
        writer.flush()
        assert writer.dropped > 0
        assert (tmp_path / "log").read_bytes()[-1:] in (b"\n", b"")
        filler.unlink()
        writer.write("stdout", b"after\n")
        writer.close()
        texts = _texts(tmp_path / "log")
        assert texts[-1] == ("stdout", b"after")
        assert b"bytes of this log were lost: No space left on device" in texts[-2][1]
    finally:
        subprocess.run(["umount", tmp_path], check=True)
