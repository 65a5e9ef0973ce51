"""The file of a black box: what is written comes back, and nothing in it is trusted."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tuidock.engine.blackbox import reader, recorder, ring
from tuidock.engine.linux.gauges import RECORD, Block, Gauge
from tuidock.engine.types import History

BEGIN = 1_790_000_000
CORE = round(1 / ring.TIME_UNIT)
"""Half a core for two seconds."""


class Writer:
    """Records with times of our choice, as the machine code writes them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ring = ring.open_ring(str(path), new_run=False)
        self.at = self.ring.next

    def write(self, *records: tuple[float, int, int]) -> None:
        """Time, a CPU counter in its unit, and bytes of memory."""
        for at, cpu, memory in records:
            self.put(at, cpu, memory)

    def put(self, at: float, cpu: int = 0, memory: int = 0, mark: int = 6, *more: int) -> None:
        """`more`: received, sent, and what the mark says."""
        part = int((at - int(at)) / ring.TICK) | mark << 13
        counters = (cpu, *more, 0, 0, 0)[:4]
        words = b"".join((each & 0xFFFFFF).to_bytes(3, "little") for each in counters)
        pages = memory >> ring.PAGE_SHIFT & 0xFFFFFFFF
        record = RECORD.pack(int(at), part, 3, pages.to_bytes(4, "little") + words)
        os.pwrite(self.ring.descriptor, record + bytes(RECORD.size), self.at)
        self.at = ring.FIRST if self.at == ring.LAST else self.at + RECORD.size

    def again(self, *, new_run: bool) -> None:
        """As another monitor would find it."""
        os.close(self.ring.descriptor)
        self.ring = ring.open_ring(str(self.path), new_run=new_run)
        self.at = self.ring.next

    def read(self, since: float = 0.0) -> History:
        return reader.read(str(self.path), "id", since)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    made = Writer(tmp_path / "samples")
    yield made
    os.close(made.ring.descriptor)


def regular(count: int, begin: float = BEGIN) -> list[tuple[float, int, int]]:
    """Half a core, and a page more each time."""
    return [(begin + 2 * n, n * CORE, (n + 1) << 12) for n in range(count)]


def test_what_is_written_comes_back(writer: Writer) -> None:
    writer.write(*regular(4))
    found = writer.read()
    assert list(found.at) == [BEGIN, BEGIN + 2, BEGIN + 4, BEGIN + 6]
    assert found.cpu[0] == 0.0
    assert list(found.cpu[1:]) == pytest.approx([0.5] * 3, rel=1e-3)
    assert list(found.memory) == [4096, 8192, 12288, 16384]
    assert list(found.pids) == [3] * 4
    assert found.starts == ()


def test_from_a_moment_on_with_the_rate_since_the_record_before(writer: Writer) -> None:
    writer.write(*regular(10))
    found = writer.read(since=BEGIN + 13)
    assert list(found.at) == [BEGIN + 14, BEGIN + 16, BEGIN + 18]
    assert found.cpu[0] == pytest.approx(0.5, rel=1e-3)


def test_a_day_and_more_stays_below_a_mebibyte(writer: Writer) -> None:
    """Written by the machine code itself. Fails without the way back to the first place."""
    block = Block(writer.ring, [(6, [])])
    for _ in range(ring.CAPACITY + 1000):
        block.note()
    assert os.stat(writer.path).st_size == ring.SIZE <= 1 << 20
    before = time.time()
    found = writer.read()
    assert len(found.at) == 43_200
    assert abs(found.at[-1] - before) < 60
    assert list(found.at) == sorted(found.at)


@pytest.mark.parametrize("extra", [-1, 0, 1, 2, 1025])
def test_the_next_writer_goes_on_where_the_last_one_was(writer: Writer, extra: int) -> None:
    """Also when the newest stands at either end. Fails if it does not look for the blank one."""
    count = ring.CAPACITY + extra
    writer.write(*regular(count))
    writer.again(new_run=False)
    writer.write(*regular(3, BEGIN + 2 * count))
    found = writer.read()
    whole = [BEGIN + 2 * n for n in range(count + 3)]
    assert list(found.at) == whole[-len(found.at) :]
    assert len(found.at) >= ring.CAPACITY - 1


def test_a_new_run_is_marked_and_has_no_rate_over_it(writer: Writer) -> None:
    """Fails without the mark: its CPU time begins at nothing again."""
    now = time.time()
    writer.write((now - 2, 16_000_000, 4096))
    writer.again(new_run=True)
    writer.write((now + 0.5, 10, 4096), (now + 2.5, 10 + CORE, 4096))
    found = writer.read()
    assert list(found.cpu) == pytest.approx([0, 0, 0.5], rel=1e-2)
    assert len(found.starts) == 1
    assert abs(found.starts[0] - now) < 30


def test_over_a_gap_there_is_no_rate(writer: Writer) -> None:
    writer.write((BEGIN, 0, 0), (BEGIN + 60, CORE, 0), (BEGIN + 62, 3 * CORE, 0))
    assert list(writer.read().cpu) == pytest.approx([0, 0, 1.0], rel=1e-3)


def test_a_counter_that_overflows_is_followed(writer: Writer) -> None:
    writer.write((BEGIN, (1 << 24) - 1000, 0), (BEGIN + 2, 2 * CORE - 1000, 0))
    assert writer.read().cpu[1] == pytest.approx(1.0, rel=1e-2)


def test_less_memory_than_nothing_is_nothing(writer: Writer) -> None:
    """Usage and cache are read one after the other."""
    writer.write((BEGIN, 0, -8192))
    assert list(writer.read().memory) == [0]


def test_a_clock_that_was_set_back(writer: Writer) -> None:
    writer.write((BEGIN + 100, 0, 0), (BEGIN + 3, 5, 4096), (BEGIN + 5, 5 + CORE, 4096))
    found = writer.read()
    assert list(found.at) == [BEGIN + 3, BEGIN + 5, BEGIN + 100]
    assert list(found.cpu) == pytest.approx([0, 0.5, 0], rel=1e-3)


def test_what_is_told_by_turns_stands_for_the_time_between(writer: Writer) -> None:
    """Also before the first, from the start of the run; and nothing of a counter that fell."""
    writer.again(new_run=True)
    begun = os.pread(writer.ring.descriptor, 4, writer.at - RECORD.size)
    start = int.from_bytes(begun, "little")
    second = round(1 / ring.TIME_UNIT)
    for n in range(8):
        turn = (ring.THROTTLED, ring.WRITTEN)[n % 2]
        grown = {ring.THROTTLED: second * (n + 1) // 2, ring.WRITTEN: 64 * n}[turn]
        writer.put(start + 1 + 2 * n, 0, 0, turn, 0, 0, grown if n < 7 else 3)
    found = writer.read()
    assert list(found.throttled) == pytest.approx([0.25] * 8, rel=1e-2)
    megabyte = 64 << ring.BLOCK_SHIFT
    assert list(found.written[2:6]) == pytest.approx([megabyte / 2] * 4)
    assert list(found.written[6:]) == [0, 0]
    assert max(found.read) == max(found.pressure_io) == 0


def test_the_network_beside_it(writer: Writer) -> None:
    """Counters of 24 bits beside one another; each keeps to its own."""
    whole = (1 << 22) - 1
    writer.put(BEGIN, (1 << 24) - 1, 0, 6, whole, 5, 0)
    writer.put(BEGIN + 2, CORE - 1, 0, 6, whole + 4, 9, 0)
    found = writer.read()
    assert found.cpu[1] == pytest.approx(0.5, rel=1e-3)
    assert (found.received[1], found.sent[1]) == (2048, 2048)


def test_a_short_time_reads_the_end_alone(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if a day is read for five minutes; also where the end is at the beginning."""
    size: list[int] = []
    now = time.time()
    count = ring.CAPACITY + 20
    writer.write(*regular(count, int(now) - 2 * count))
    read = os.pread

    def counted(file: int, length: int, at: int) -> bytes:
        data = read(file, length, at)
        size.append(len(data))
        return data

    whole = writer.read()
    monkeypatch.setattr(reader.os, "pread", counted)
    monkeypatch.setattr(reader.ring, "place_of_next", lambda _: writer.at)
    found = writer.read(since=now - 300)
    assert list(found.at) == list(whole.at[-len(found.at) :])
    assert 148 <= len(found.at) <= 150
    assert list(found.cpu) == list(whole.cpu[-len(found.at) :])
    assert sum(size) < 250 * RECORD.size


@pytest.mark.parametrize("torn", [1, 23, 24, 25])
def test_a_torn_end(writer: Writer, torn: int) -> None:
    """A reader ignores it, a writer writes over it."""
    writer.write(*regular(5))
    os.truncate(writer.path, writer.at + RECORD.size - torn)
    assert len(writer.read().at) == (5 if torn <= 24 else 4)
    writer.again(new_run=False)
    writer.write(*regular(1, BEGIN + 100))
    found = writer.read()
    assert found.at[-1] == BEGIN + 100
    assert len(found.at) >= 4


def test_a_hole_that_a_crash_left(writer: Writer) -> None:
    writer.write(*regular(6))
    os.pwrite(writer.ring.descriptor, bytes(2 * RECORD.size), ring.FIRST + RECORD.size)
    assert list(writer.read().at) == [BEGIN, BEGIN + 6, BEGIN + 8, BEGIN + 10]


@pytest.mark.parametrize(
    "content", [b"", b"x", ring.MAGIC, os.urandom(5000), b"tdring\0\1" + bytes(100)]
)
def test_a_file_that_is_none(tmp_path: Path, content: bytes) -> None:
    """It tells nothing, and is begun anew."""
    path = tmp_path / "samples"
    path.write_bytes(content)
    assert reader.read(str(path), "id") == History("id", *reader.read("/nowhere", "id")[1:])
    writer = Writer(path)
    writer.write(*regular(2))
    assert len(writer.read().at) == 2
    os.close(writer.ring.descriptor)


def test_random_records_are_read_without_a_fault(writer: Writer) -> None:
    """Whatever they say, each has a rate that the machine can have."""
    os.pwrite(writer.ring.descriptor, os.urandom(RECORD.size * 2000), ring.FIRST)
    found = writer.read()
    assert len({len(column) for column in (*found[1:7], *found[9:])}) == 1
    assert max(found.cpu) <= 4 * (os.cpu_count() or 1)
    assert min(found.memory) >= 0


def test_the_first_gauge_of_a_file_that_does_not_exist_is_left_out(tmp_path: Path) -> None:
    """A whole record without gauges has its time."""
    opened = ring.open_ring(str(tmp_path / "samples"), new_run=True)
    Block(opened, [(6, [Gauge(-1, 0, ring.CPU)])]).note()
    os.close(opened.descriptor)
    found = reader.read(str(tmp_path / "samples"), "id")
    assert len(found.at) == len(found.starts) == 1


def test_interfaces_that_nobody_uses_keep_no_other_out(tmp_path: Path) -> None:
    """The kernel puts up to nine of them before the first real one."""
    names = ["lo", "tunl0", "gre0", "sit0", "ip6tnl0", "eth0", "eth1", "a-long-name0"]
    lines = "".join(f"{name:>6}: 1 2 3\n" for name in names)
    (tmp_path / "dev").write_text(f"Inter-|\n face |\n{lines}")
    file = os.open(tmp_path / "dev", os.O_RDONLY)
    assert recorder._interfaces(file) == [b"\n  eth0:", b"\n  eth1:", b"\na-long-name0:"]
    os.close(file)
