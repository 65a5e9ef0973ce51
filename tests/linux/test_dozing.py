"""Memory given back while a process waits, and there again when it goes on."""

from __future__ import annotations

import errno
import hashlib
import mmap
import os
import re
import select
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import root_only
from tests.linux import bare
from tests.linux.test_stub import disassembled
from tuidock.engine.linux import dozing, ground

KNOWN = {"x86_64": "726796ad7b661556", "aarch64": "86487fb7d239aaa8"}
"""Digests of code whose every instruction was compared with an assembler's."""
_PPOLL = {"x86_64": 271, "aarch64": 73}[os.uname().machine]
_PAGE = 4096


@pytest.mark.parametrize("name", ["x86_64", "aarch64"])
def test_the_bytes_are_what_the_listing_says(name: str) -> None:
    assert hashlib.sha256(dozing.code(name)).hexdigest()[:16] == KNOWN[name]
    tool = shutil.which("objdump" if name == os.uname().machine else f"{name}-linux-gnu-objdump")
    if tool:
        found = disassembled(tool, name, dozing.code(name))
        assert found == [(word, text.split()[0]) for word, text in dozing.listing(name)]


# --- the code alone, on each machine ----------------------------------------------------------

_AROUND = {
    "x86_64": """31ffbe00105000ba0020000031c00f05bf00005000e8230000004989c4bf01000000be00105000
        ba00400000b8010000000f054489e7b83c0000000f05""",
    "aarch64": """000080d2010082d2010aa0f2020084d2e80780d2010000d4000aa0d20b000094f30300aa200080d2
        010082d2010aa0f2020088d2080880d2010000d4e00313aaa80b80d2010000d4""",
}
"""read(0, 0x501000, 8192), the order at 0x500000, write(1, 0x501000, 16384), exit."""


_COUNT = {
    "x86_64": "48ff074531c0c3",
    "aarch64": "010040f921040091010000f9090080d20b0080d2c0035fd6",
}
"""Count what the argument is the address of, and spoil registers."""
_COUNTED = 0x504F00


def _data(name: str, wanted: int, *, times: int) -> bytes:
    """An order. The pages are given back to zeros; what is called is in the text."""
    called = 0x4000B0 + len(bytes.fromhex(_AROUND[name])) + len(dozing.code(name))
    order = (0x500070, 0x504000, 0x503000, 0x500068, 1, 0x500088, _PAGE, _PAGE // 2)
    more = (called, _COUNTED, times, 0, 1000)
    pages = (0x501000, 0x502000, 0)
    return struct.pack("<13qihh3q2q", *order, *more, 0, wanted, 0, *pages, 0, 1000)


def _run(name: str, folder: Path, given: bytes, data: bytes) -> subprocess.CompletedProcess[bytes]:
    code = bytes.fromhex(_AROUND[name]) + dozing.code(name) + bytes.fromhex(_COUNT[name])
    return bare.run(name, code, data, folder, given)


def _input() -> bytes:
    """A page of which a few words differ from zeros, and one of which all do."""
    first = bytearray(_PAGE)
    for at, word in {8: 7, 16: 1 << 63, 4088: 5}.items():
        struct.pack_into("<Q", first, at, word)
    return bytes(first) + os.urandom(_PAGE)


@pytest.mark.parametrize("name", bare.RUNNERS)
def test_what_differs_is_put_back(name: str, tmp_path: Path) -> None:
    """Fails without a record for each word, and if a page with too many is not kept."""
    pages = _input()
    done = _run(name, tmp_path, pages, _data(name, select.POLLIN, times=3))
    assert done.returncode == 1, done  # a file is always readable
    assert done.stdout[: len(pages)] == pages
    records = struct.unpack_from("<8Q", done.stdout, 3 * _PAGE)
    assert records[:7] == (0x501008, 7, 0x501010, 1 << 63, 0x501FF8, 5, 0)
    assert struct.unpack_from("<Q", done.stdout, _COUNTED - 0x501000) == (0,)


@pytest.mark.parametrize("name", bare.RUNNERS)
@pytest.mark.parametrize("times", [0, 1, 5])
def test_what_is_to_be_done_meanwhile_is_done_so_often(
    name: str, times: int, tmp_path: Path
) -> None:
    """And memory is there again after it. Nothing else happens: the input is not awaited."""
    pages = _input()
    done = _run(name, tmp_path, pages, _data(name, 0, times=times))
    assert done.returncode == 0, done
    assert done.stdout[: len(pages)] == pages
    assert struct.unpack_from("<Q", done.stdout, _COUNTED - 0x501000) == (times,)


# --- an interpreter ---------------------------------------------------------------------------

_BEGIN = """
import ctypes, gc, mmap, os, sys
from tuidock.engine.linux import dozing, ground
gc.disable()
many = [[number, str(number)] for number in range(50_000)]
block = bytearray(100_000)
ground.lay()
child = os.fork()
if child:
    os.close(0), os.close(1)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

def asleep():
    with open("/proc/self/smaps_rollup") as file:
        before = next(int(line.split()[1]) for line in file if line.startswith("Anonymous"))
    print(before, os.getpid(), flush=True)
    return dozing.doze({0: (1, None)}, None)
"""


class Sleeper:
    """A child of an interpreter that laid its ground; a script of ours runs in it."""

    def __init__(self, script: str) -> None:
        words = [sys.executable, "-c", _BEGIN + script]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def sleeps(self) -> tuple[int, int]:
        """Kilobytes of no file, before it sleeps and while it does."""
        assert self.process.stdout
        before, pid = map(int, self.process.stdout.readline().split())
        deadline = time.monotonic() + 60
        while _call(pid) != _PPOLL:
            assert time.monotonic() < deadline, "it does not sleep"
        return before, _anonymous(pid)

    def wakes(self) -> None:
        """Fails if it is not what it was."""
        said, _ = self.process.communicate(b"x", 20)
        assert (self.process.returncode, said.decode()) == (0, "well\n")


def _call(pid: int) -> int:
    """The system call that a process waits in; -1 when it runs."""
    with open(f"/proc/{pid}/syscall") as file:
        word = file.read().split()[0]
    return int(word) if word.isdigit() else -1


def _anonymous(pid: int) -> int:
    """Memory of a process that is of no file, kilobytes."""
    with open(f"/proc/{pid}/smaps_rollup") as file:
        found = re.search(r"^Anonymous:\s+(\d+) kB", file.read(), re.MULTILINE)
    assert found
    return int(found[1])


@pytest.fixture
def sleeper(request: pytest.FixtureRequest) -> Iterator[Sleeper]:
    made = Sleeper(request.param)
    yield made
    made.process.kill()
    made.process.communicate()


_FEW = """
for each in many[::50]: each[0] = -each[0]
assert asleep()
assert all(each[0] == (number if number % 50 else -number) for number, each in enumerate(many))
assert [each[1] for each in many] == list(map(str, range(50_000)))
print("well")
"""


@pytest.mark.parametrize("sleeper", [_FEW], indirect=True)
def test_a_sleeper_is_small(sleeper: Sleeper) -> None:
    """Seen to fail without the ground, when all of it is zeros in its place, and kept."""
    before, asleep = sleeper.sleeps()
    assert before > 2000
    assert asleep < before / 4, f"{before} kB before, {asleep} kB asleep"
    sleeper.wakes()


_WHOLE = """
content = os.urandom(len(block))
block[:] = content
assert asleep()
assert block == content
assert dozing.doze({0: (1, None)}, None)
assert block == content
print("well")
"""
_LOCKED = """
libc = ctypes.CDLL(None)
start = ctypes.addressof(ctypes.c_char.from_buffer(block)) // mmap.PAGESIZE * mmap.PAGESIZE
assert libc.mlock(ctypes.c_void_p(start), ctypes.c_size_t(mmap.PAGESIZE)) == 0
block[:] = b"x" * len(block)
assert asleep()
assert block == b"x" * len(block)
print("well")
"""


@pytest.mark.parametrize("sleeper", [_WHOLE, _LOCKED], indirect=True)
def test_pages_that_stay(sleeper: Sleeper) -> None:
    """Too much of them has changed, or the kernel takes none back that is locked."""
    assert sleeper.sleeps()
    sleeper.wakes()


_WRITES = """
start, end = ground.areas[0]
with open("/proc/self/maps") as maps:
    found = next(line.split()[0] for line in maps if line.endswith("tuidock-ground (deleted)\\n"))
file = os.open(f"/proc/self/map_files/{found}", os.O_RDWR)
try:
    os.pwrite(file, b"x", 0)
except PermissionError:
    print("well")
"""


@pytest.mark.root(root_only.MEMORY)
@pytest.mark.parametrize("sleeper", [_WRITES], indirect=True)
def test_the_ground_cannot_be_written_to(sleeper: Sleeper) -> None:
    """Fails without its seals: all monitors would find another's word in their memory."""
    sleeper.wakes()


# --- what it tells ----------------------------------------------------------------------------


@pytest.fixture(params=[dozing.doze, dozing.poll])
def polling(request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    return request.param


def test_asleep_as_awake(polling) -> None:  # type: ignore[no-untyped-def]
    """Both know the same events."""
    reader, writer = os.pipe()
    assert polling({reader: (select.POLLIN, None)}, 1) == []
    assert polling({}, 0) == []
    os.write(writer, b"x")
    both = {reader: (select.POLLIN, None), writer: (select.POLLOUT, None)}
    assert polling(both, None) == [(reader, select.POLLIN), (writer, select.POLLOUT)]
    os.close(reader)
    assert polling({writer: (0, None)}, None) == [(writer, select.POLLERR)]
    os.close(writer)
    assert polling({writer: (select.POLLIN, None)}, None) == [(writer, select.POLLNVAL)]


def test_patience_is_kept(polling) -> None:  # type: ignore[no-untyped-def]
    begin = time.monotonic()
    assert polling({}, 120) == []
    assert 0.119 < time.monotonic() - begin < 5


def test_what_the_kernel_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dozing, "_doze", lambda order: -errno.ENOMEM)
    with pytest.raises(OSError, match="ppoll") as told:
        dozing.doze({}, 0)
    assert told.value.errno == errno.ENOMEM


def test_without_memory_for_it_a_process_waits_awake(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOMEM, "no memory")

    monkeypatch.setattr(mmap, "mmap", refuse)
    reader, writer = os.pipe()
    os.write(writer, b"x")
    assert dozing.doze({reader: (select.POLLIN, None)}, None) == [(reader, select.POLLIN)]
    os.close(reader)
    os.close(writer)


@pytest.fixture
def habit(monkeypatch: pytest.MonkeyPatch) -> dozing.Habit:
    """A process with a ground that was laid; it waits for hundredths of the time."""
    monkeypatch.setattr(ground, "areas", [(0, 0)])
    monkeypatch.setattr(dozing, "SOON", 20)
    monkeypatch.setattr(dozing, "LATE", 70)
    monkeypatch.setattr(dozing, "_habit", dozing.Habit())
    return dozing._habit


def test_who_waits_for_a_moment_only_stays_awake(
    habit: dozing.Habit, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[int | None] = []

    def doze(_: object, patience: int | None, beat: object) -> list[tuple[int, int]]:
        slept.append(patience)
        habit.awake = 10  # twice that is what it is again
        return []

    monkeypatch.setattr(dozing, "doze", doze)
    for patience in (0, 39, 40, None):
        assert dozing.wait({}, patience) == []
    assert slept == [20, None]


def test_sleep_that_is_disturbed_comes_later(habit: dozing.Habit) -> None:
    """A line in the log every few seconds would cost a hundred times what it does."""
    found = []
    for seconds in (1, 1, 1, dozing.WORTH_IT):
        habit.slept(seconds)
        found.append(habit.awake)
    assert found == [40, 70, 70, 20]
