"""Processes without a program: both kinds keep one contract."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import select
import shutil
import signal
import struct
import subprocess
import sys

import pytest

from tests.conftest import AS_ROOT
from tuidock.engine.linux import machine, stub
from tuidock.engine.linux.arena import Answer, Arena, Scribe
from tuidock.engine.linux.calls import numbers
from tuidock.engine.linux.stub import Stub, StubDied, make

KNOWN = {
    "x86_64": "c4a0e7fb670ab334",
    "aarch64": "9df00a9c941987c0",
}
_BOOT_ID = "/proc/sys/kernel/random/boot_id"


@pytest.fixture(params=["machine code", "fork"])
def born(request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    """A stub without namespaces; its end is waited for."""
    before = set(os.listdir("/proc/self/fd"))
    made = make(0, code=None if request.param == "machine code" else 0)
    yield made
    _end(made)
    assert set(os.listdir("/proc/self/fd")) == before


def _end(made: Stub) -> None:
    made.close()
    _ended(made.pidfd)
    os.waitpid(made.pid, 0)
    os.close(made.pidfd)
    os.close(made.starter)


def _ended(pidfd: int) -> None:
    assert select.select([pidfd], [], [], 5)[0], "it lives on"


def test_this_machine_executes_our_code() -> None:
    """Else half of these tests would try the other half's subject."""
    assert stub.shares_memory()


def test_calls_have_results_and_errors(born: Stub) -> None:
    born.step = "open it"
    descriptor = born.call("openat", -100, "/etc/passwd", os.O_RDONLY | os.O_CLOEXEC, 0)
    assert os.read(descriptor, 5) == b"root:"
    os.close(descriptor)
    with pytest.raises(FileNotFoundError, match="openat: No such file") as caught:
        born.call("openat", -100, "/none", os.O_RDONLY, 0, path="/none")
    assert caught.value.filename == "/none"
    assert (caught.value.errno, born.step) == (errno.ENOENT, "open it")
    assert born.call("umask", 0o22) >= 0, "it goes on"


def test_results_are_arguments_of_later_calls(born: Stub) -> None:
    file = born.add("openat", -100, "/dev/null", os.O_RDWR | os.O_CLOEXEC, 0)
    copy = born.add("fcntl", file, fcntl.F_DUPFD_CLOEXEC, 100)
    born.add("close", file)
    born.run()
    assert copy.known >= 100
    assert os.fstat(copy.known).st_rdev == os.makedev(1, 3)
    born.call("close", copy)


@pytest.mark.parametrize("by_result", [False, True])
def test_every_argument_arrives(born: Stub, by_result: bool) -> None:
    """Fails when a register is mixed up: splice(2) takes six that all matter."""
    source, target = (os.memfd_create("td") for _ in range(2))
    reading, writing = os.pipe2(os.O_CLOEXEC)
    os.write(source, b"0123456789")
    at, to = (born.arena.put(struct.pack("=q", offset)) for offset in (3, 2))
    flags = 1  # SPLICE_F_MOVE
    for words in ((source, at, writing, 0, 4, flags), (reading, 0, target, to, 4, flags)):
        born.add("splice", *(_held(born, words) if by_result else words))
    born.run()
    assert os.pread(target, 100, 0) == b"\0\0" + b"3456"
    for descriptor in (source, target, reading, writing):
        os.close(descriptor)


def _held(born: Stub, words: tuple[int, ...]) -> list[Answer]:
    """The same numbers, as if earlier calls had returned them."""
    return [Answer(born.arena.put(struct.pack("=q", word))) for word in words]


def test_an_error_ends_the_batch(born: Stub) -> None:
    born.add("umask", 0)
    born.step = "second"
    born.add("close", 9999)
    born.step = "third"
    after = born.add("umask", 0o123)
    with pytest.raises(OSError, match="close: Bad file descriptor"):
        born.run()
    assert born.step == "second"
    assert after.value is None
    assert born.call("umask", 0) == 0, "the third was not made"


def test_it_works_while_we_write(born: Stub) -> None:
    """Fails when `push` gives nothing before `run`; hangs when it waits for the end."""
    (held, opening), (reading, writing) = os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC)
    _write_many(born, writing)
    born.add("read", held, born.arena.put(bytes(8)), 1)  # so it cannot be over
    born.push()
    assert select.select([reading], [], [], 5)[0], "it has not begun"
    later = [born.add("umask", 0o22) for _ in range(100)][-1]
    born.push()  # it is busy
    os.write(opening, b"x")
    born.run()
    assert later.known == 0o22
    assert os.read(reading, 1000) == b"y" * 100
    assert born.waiting == 0, "there is room again"
    for descriptor in (held, opening, reading, writing):
        os.close(descriptor)


def test_nothing_is_made_after_an_error_in_what_was_pushed(born: Stub) -> None:
    """Fails when a batch is given before the one before it was judged."""
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    born.step = "first"
    born.add("close", 9999)
    for _ in range(100):
        born.add("umask", 0o22)
    born.push()
    born.step = "second"
    with pytest.raises(OSError, match="close: Bad file descriptor"):
        _push_until_refused(born, writing)
    assert born.step == "first"
    with pytest.raises(BlockingIOError):
        os.read(reading, 1)
    os.close(reading)
    os.close(writing)


def _push_until_refused(born: Stub, writing: int) -> None:
    _write_many(born, writing)
    born.push()
    born.run()


def _write_many(born: Stub, descriptor: int) -> None:
    for _ in range(100):
        born.add("write", descriptor, b"y", 1)


def test_what_was_written_before_it_was_born() -> None:
    """Fails when a variable is not looked at again, or results go to another arena."""
    scribe = Scribe(Arena(shared=False, size=1 << 18))
    variable = scribe.arena.variable()
    opened = scribe.add("openat", variable, "passwd", os.O_RDONLY | os.O_CLOEXEC, 0)
    written = scribe.arena.close_batch()
    made = make(0)
    made.add("umask", 0o22)
    directory = os.open("/etc", os.O_PATH | os.O_CLOEXEC)
    scribe.arena.set(variable, directory)
    made.play(written)
    made.run()
    assert os.read(opened.known, 5) == b"root:"
    for descriptor in (directory, opened.known):
        os.close(descriptor)
    _end(made)


def test_errors_that_are_fine(born: Stub) -> None:
    """Fails when `skip` counts bytes wrongly, or another errno passes."""
    first = born.add("close", 9999, fine=(errno.ENOENT, errno.EBADF), skip=1)
    left_out = born.add("umask", 0o111)
    made = born.add("umask", 0o22)
    born.run()
    assert first.known == -errno.EBADF
    assert left_out.known < -4095
    assert made.known != 0o111
    born.add("close", 9999, fine=(errno.ENOENT,))
    with pytest.raises(OSError, match="Bad file"):
        born.run()


def test_trying_again(born: Stub) -> None:
    """An empty non-blocking pipe says EAGAIN: as often as asked, then it is an error."""
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    room = born.arena.put(bytes(8))
    born.add("read", reading, room, 8, tries=3)
    with pytest.raises(BlockingIOError):
        born.run()
    os.close(reading)
    os.close(writing)


def test_more_calls_than_there_is_room_for(born: Stub) -> None:
    for _ in range(1000):
        born.add("umask", 0)
    with pytest.raises(OSError, match="too many"):
        born.add("umask", 0)
    born.run()
    with pytest.raises(OSError, match="list too long"):
        born.arena.put(bytes(9 << 20))


def _execve(born: Stub, path: str, words: list[str], environment: list[str]) -> None:
    arena = born.arena
    born.add("execve", path, arena.put_list(words), arena.put_list(environment))


@pytest.mark.parametrize("kind", ["machine code", "fork"])
def test_becoming_a_command(kind: str) -> None:
    made = make(0, code=None if kind == "machine code" else 0)
    reading, writing = os.pipe2(os.O_CLOEXEC)
    made.leave_files((writing, writing, writing))
    made.run()
    _execve(made, "/none", ["x"], [])
    with pytest.raises(FileNotFoundError, match="execve"):
        made.finish()
    _execve(made, "/bin/sh", ["sh", "-c", "echo $A; echo /proc/self/fd/*; exit 7"], ["A=b"])
    made.finish()
    os.close(writing)
    with os.fdopen(reading) as said:
        assert said.readline() == "b\n"
        assert len(said.readline().split()) <= 4, "a descriptor of ours was passed on"
    assert os.waitstatus_to_exitcode(os.waitpid(made.pid, 0)[1]) == 7
    made.close()
    os.close(made.pidfd)
    os.close(made.starter)


def test_signals_wait_until_it_is_a_command(born: Stub) -> None:
    """Fails when they are not blocked: a handler of ours would run in a stranger's stead."""
    os.kill(born.pid, signal.SIGTERM)
    assert born.call("umask", 0o22) >= 0


def test_a_killed_stub_is_told_from_an_error(born: Stub) -> None:
    os.kill(born.pid, signal.SIGKILL)
    _ended(born.pidfd)
    with pytest.raises(StubDied):
        born.call("umask", 0)


def test_nobody_waits_for_a_larger_table_of_descriptors() -> None:
    """In a process of its own, as tables never shrink. Without `_make_room` it has 64 places, and
    was seen to take 15 ms for the next descriptor.
    """
    program = """
from tuidock.engine.linux.stub import make
made = make(0)
print(next(line for line in open("/proc/self/status") if line.startswith("FDSize")))
made.close()
"""
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert int(told.stdout.split()[1]) >= 512


@pytest.mark.parametrize("kind", ["machine code", "fork"])
def test_it_dies_with_its_starter(kind: str) -> None:
    """Fails without the starter's pidfd in the control block: the shared descriptors keep the
    line open for ever.
    """
    reading, writing = os.pipe2(os.O_CLOEXEC)
    starter = os.fork()
    if starter == 0:
        made = make(0, code=None if kind == "machine code" else 0)
        made.call("umask", 0)
        os.write(writing, struct.pack("=i", made.pid))
        signal.pause()
    (pid,) = struct.unpack("=i", os.read(reading, 4))
    pidfd = os.pidfd_open(pid)
    os.kill(starter, signal.SIGKILL)
    os.waitpid(starter, 0)
    _ended(pidfd)
    for descriptor in (pidfd, reading, writing):
        os.close(descriptor)


def test_a_stub_makes_another(born: Stub) -> None:
    second = born.clone(0)
    assert second.pid != born.pid
    assert second.call("umask", 0o22) >= 0
    assert born.call("umask", 0o22) >= 0, "both obey"
    second.close()
    _ended(second.pidfd)
    os.close(second.pidfd)


@pytest.mark.parametrize("kind", ["machine code", "fork"])
def test_an_heir_that_has_descriptors_of_its_own(kind: str) -> None:
    """As for a further command: who made it leaves, it becomes the command."""
    made = make(0, code=None if kind == "machine code" else 0)
    heir = made.heir()
    reading, writing = os.pipe2(os.O_CLOEXEC)
    made.leave_files((writing, writing, writing), heir)
    made.run()
    os.close(writing)
    made.clone_plainly(heir, 0x8000)  # CLONE_PARENT: ours
    made.close()
    os.waitpid(made.pid, 0)
    heir.add("setsid")
    _execve(heir, "/bin/echo", ["echo", "heir"], [])
    heir.finish()
    with os.fdopen(reading) as said:
        assert said.read() == "heir\n"
    os.waitpid(heir.pid, 0)
    heir.close()
    os.close(made.pidfd)
    os.close(made.starter)


@pytest.mark.parametrize("kind", ["machine code", "fork"])
def test_namespaces(kind: str) -> None:
    uts, mount, user = 0x04000000, 0x00020000, 0 if AS_ROOT else 0x10000000
    made = make(uts | mount | user, code=None if kind == "machine code" else 0)
    made.call("sethostname", b"stub", 4)
    assert os.readlink(f"/proc/{made.pid}/ns/uts") != os.readlink("/proc/self/ns/uts")
    assert os.uname().nodename != "stub"
    _end(made)


def test_arguments_end_in_a_nul() -> None:
    arena = Arena(shared=False)
    arena.put(b"x" * 100)
    batch = arena.close_batch()
    arena.open_batch(batch, batch.address)
    address = arena.put("abc")
    assert arena.read(address, 4) == b"abc\0"


@pytest.mark.parametrize("name", ["x86_64", "aarch64"])
def test_the_bytes_are_what_the_listing_says(name: str) -> None:
    """By known-good digests; where binutils are, by disassembly, instruction by instruction."""
    code = machine.code(name)
    assert hashlib.sha256(code).hexdigest()[:16] == KNOWN[name]
    tool = shutil.which("objdump" if name == os.uname().machine else f"{name}-linux-gnu-objdump")
    if tool is None:
        return
    found = disassembled(tool, name, code)
    listed = machine.listing(name)
    assert [each for each, _ in found] == [each for each, _ in listed]
    assert [mnemonic for _, mnemonic in found] == [text.split()[0] for _, text in listed]


def disassembled(tool: str, name: str, code: bytes) -> list[tuple[str, str]]:
    flags = {"x86_64": ["-m", "i386:x86-64", "-M", "intel"], "aarch64": ["-m", "aarch64"]}[name]
    import tempfile

    with tempfile.NamedTemporaryFile(prefix="td-") as file:
        file.write(code)
        file.flush()
        words = [tool, "-D", "-b", "binary", *flags, file.name]
        said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    found = []
    for line in said.splitlines():
        fields = line.split("\t")
        if len(fields) >= 3 and fields[0].strip().endswith(":"):
            raw = bytes.fromhex(fields[1].replace(" ", ""))
            found.append((raw if name == "x86_64" else raw[::-1], fields[2].split()[0]))
    return [(raw.hex(), mnemonic) for raw, mnemonic in found]


def test_a_machine_that_we_have_no_code_for() -> None:
    assert machine.code("riscv64") == b""
    assert numbers("riscv64") == {}
