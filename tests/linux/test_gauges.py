"""Numbers read from files and written to a ring, by machine code and by Python alike."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.linux import bare
from tests.linux.test_stub import disassembled
from tuidock.engine.linux import gauges
from tuidock.engine.linux.gauges import RECORD, Block, Gauge, Ring

KNOWN = {"x86_64": "0c9a1ae99c414eb3", "aarch64": "524274fb3b25dd12"}
"""Digests of code whose every instruction was compared with an assembler's."""
TEXT = b"cache 4096\neth0: 12 7\nsome avg10=0.25 total=18446744073709551615\nlast 99"
FIRST = 24
WORDS = struct.Struct("=IHHIIII")
"""A record as most of these tests fill it."""


@pytest.mark.parametrize("name", ["x86_64", "aarch64"])
def test_the_bytes_are_what_the_listing_says(name: str) -> None:
    assert hashlib.sha256(gauges.code(name)).hexdigest()[:16] == KNOWN[name]
    tool = shutil.which("objdump" if name == os.uname().machine else f"{name}-linux-gnu-objdump")
    if tool:
        found = disassembled(tool, name, gauges.code(name))
        assert found == [(word, text.split()[0]) for word, text in gauges.listing(name)]


@pytest.mark.parametrize(
    ("key", "found"),
    [(b"cache ", 4096), (b"eth0: ", 12), (b"12 ", 7), (b"avg10=", 0), (b"last ", 99)],
)
def test_a_number_is_found_by_how_many_come_before_it(key: bytes, found: int) -> None:
    assert gauges.number(TEXT, gauges.before(TEXT, key)) == found


def test_a_key_that_is_missing() -> None:
    assert gauges.before(TEXT, b"nothing ") == -1
    assert gauges.number(TEXT, 100) == 0


# --- both ways --------------------------------------------------------------------------------


def _noted(block: Block) -> None:
    if not gauges.ADDRESS:
        pytest.skip("no machine code here")
    block.note()


@pytest.fixture(params=[_noted, Block.obey], ids=["code", "python"])
def note(request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    return request.param


@pytest.fixture
def files(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """A file with numbers, and an empty one for the ring."""
    (tmp_path / "text").write_bytes(TEXT)
    text = os.open(tmp_path / "text", os.O_RDONLY)
    ring = os.open(tmp_path / "ring", os.O_RDWR | os.O_CREAT)
    yield text, ring
    os.close(text)
    os.close(ring)


def _records(ring: int) -> list[tuple[int, ...]]:
    data = os.pread(ring, 1 << 16, FIRST)
    return list(WORDS.iter_unpack(data))


def test_what_is_read_is_written_down(files: tuple[int, int], note) -> None:  # type: ignore[no-untyped-def]
    text, ring = files
    chosen = [
        Gauge(text, 0, 8, shift=4),
        Gauge(text, 2, 8, multiplier=-1),  # twice in one place: added
        Gauge(text, 1, 12),
        Gauge(text, 3, 4, multiplier=65536),
        Gauge(text, 8, 20),
        Gauge(text, 100, 16),
    ]
    before = time.time()
    note(Block(Ring(ring, FIRST, FIRST + 2400, FIRST), [(0, chosen)]))
    after = time.time()
    record, blank = _records(ring)
    assert before - 2e-4 <= record[0] + (record[1] << 17) / 1e9 <= after
    assert record[2:] == (7, 256 - 12, 0, 0, 99)
    assert blank == (0,) * 7


def test_lists_take_turns(files: tuple[int, int], note) -> None:  # type: ignore[no-untyped-def]
    """And a gauge can choose bits. Fails if a list does not tell which is next."""
    text, ring = files
    low, high = Gauge(text, 0, 9, 1 << 52, 52), Gauge(text, 8, 12, 1 << 58, 60)
    lists = [(1, [low]), (4, [high]), (7, [])]
    block = Block(Ring(ring, FIRST, FIRST + 2400, FIRST), lists)
    for _ in range(4):
        note(block)
    found = _records(ring)
    assert [each[1] >> 13 for each in found] == [1, 4, 7, 1, 0]
    assert found[0][3:] == (0, 0, 0, 0)  # 4096 has none of its lower twelve bits
    assert found[1][3:] == (0, (99 >> 2) & 15, 0, 0)


def test_the_place_behind_the_last_record_is_the_first(files: tuple[int, int], note) -> None:  # type: ignore[no-untyped-def]
    """Fails if the blank record does not go along: a reader would not find the newest."""
    text, ring = files
    size = RECORD.size
    block = Block(Ring(ring, FIRST, FIRST + 2 * size, FIRST), [(0, [Gauge(text, 0, 8)])])
    for number in range(1, 6):
        note(block)
        slots = [bool(each[0]) for each in _records(ring)]
        assert slots.index(False) == (number % 3 or 3)
    assert os.fstat(ring).st_size == FIRST + 4 * size


def test_a_disk_that_is_full_costs_that_record_only(files: tuple[int, int], note) -> None:  # type: ignore[no-untyped-def]
    text, ring = files
    full = os.open("/dev/full", os.O_RDWR)
    block = Block(Ring(full, FIRST, FIRST + 2400, FIRST), [(0, [Gauge(text, 0, 8)])])
    note(block)
    os.dup2(ring, full)
    note(block)
    os.close(full)
    assert [each[3] for each in _records(ring)] == [4096, 0]


def test_a_file_that_is_gone_counts_nothing(files: tuple[int, int], note) -> None:  # type: ignore[no-untyped-def]
    text, ring = files
    gone = os.dup(text)
    os.close(gone)
    chosen = [Gauge(gone, 0, 8), Gauge(text, 0, 12)]
    note(Block(Ring(ring, FIRST, FIRST + 2400, FIRST), [(0, chosen)]))
    assert _records(ring)[0][3:5] == (0, 4096)


# --- the code alone, on each machine ----------------------------------------------------------

_AROUND = {
    "x86_64": "bf00005000e813000000bf00005000e80900000031ffb83c0000000f05",
    "aarch64": "000aa0d206000094000aa0d204000094000080d2a80b80d2010000d4",
}
"""Twice with the block at 0x500000, then exit."""


@pytest.mark.parametrize("name", bare.RUNNERS)
def test_every_machine_does_the_same(name: str, tmp_path: Path) -> None:
    """Two records, and a blank one."""
    head = (1, FIRST, FIRST, FIRST + 24, 0, bare.DATA + 1024, 1024)
    data = struct.pack("<7q", *head).ljust(120, b"\0") + struct.pack("<q", bare.DATA + 128)
    lists = (
        ((0, 0, 8, 4, 80), (0, 8, 1, 0, 84), (0, 2, -1, 0, 92), (0, 3, 65536, 0, 76)),
        ((0, 0, 1 << 56, 56, 80), (0, 0, 1, 0, 83)),
    )
    for mark, listed in enumerate(lists):
        data += struct.pack("<q", mark << 13)
        data += b"".join(struct.pack("<5q", *each) for each in listed)
        after = 128 if mark else len(data) + 16
        data += struct.pack("<2q", -1, bare.DATA + after)
    said = tmp_path / "ring"
    code = bytes.fromhex(_AROUND[name]) + gauges.code(name)
    done = bare.run(name, code, data, tmp_path, TEXT, said)
    assert done.returncode == 0, done
    written = said.read_bytes()
    first, second, blank = WORDS.iter_unpack(written[FIRST:])
    assert abs(first[0] - time.time()) < 60
    assert first[2:] == (7, 2048, 99, 0, (1 << 32) - 12)
    assert (first[1] >> 13, second[1] >> 13) == (0, 1)
    assert second[2:] == (0, 4096 << 24 & 0xFFFFFFFF, 4096 >> 8, 0, 0)
    assert blank == (0,) * 7


def test_a_ring_that_cannot_be_written_to_is_no_fault(files: tuple[int, int]) -> None:
    text, _ = files
    block = Block(Ring(text, FIRST, FIRST + 2400, FIRST), [(0, [Gauge(text, 0, 8)])])
    block.note()
    block.obey()
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        os.write(text, b"")
