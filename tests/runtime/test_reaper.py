"""The first process of `--init`, as a program of its own and in containers."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.linux.test_stub import disassembled
from tests.runtime.conftest import Box, collect, read_until
from tests.waiting import until
from tuidock.engine.errors import CommandNotFound, Unsupported
from tuidock.engine.runtime import reaper

KNOWN = {"x86_64": "0bb6600afceef14e", "aarch64": "4d19c55896258d87"}
"""Digests of programs whose every instruction was compared with an assembler's."""
_QEMU = "qemu-aarch64"
RUNNERS = {os.uname().machine: ()} | ({"aarch64": (_QEMU,)} if shutil.which(_QEMU) else {})
"""How a machine's programs run here; without an emulator only our own."""


@pytest.mark.parametrize("name", ["x86_64", "aarch64"])
def test_the_bytes_are_what_the_listing_says(name: str) -> None:
    program = reaper.program(name)
    assert hashlib.sha256(program).hexdigest()[:16] == KNOWN[name]
    tool = shutil.which("objdump" if name == os.uname().machine else f"{name}-linux-gnu-objdump")
    if tool:
        code = b"".join(bytes.fromhex(word) for word, _ in reaper.listing(name))
        found = disassembled(tool, name, code)
        assert program.endswith(code)
        assert found == [(word, text.split()[0]) for word, text in reaper.listing(name)]


def test_a_machine_that_we_have_no_code_for(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = os.uname_result(("Linux", "host", "6", "1", "riscv64"))
    monkeypatch.setattr(os, "uname", lambda: machine)
    with pytest.raises(Unsupported, match="--init"):
        reaper.open_program()


@pytest.fixture(params=RUNNERS)
def run(request: pytest.FixtureRequest) -> Iterator[tuple[str, ...]]:
    """The words before a command that is to run under the reaper."""
    path = f"/tmp/td-reaper-{os.getpid()}"
    with open(path, "wb") as file:
        file.write(reaper.program(request.param))
    os.chmod(path, 0o700)
    yield *RUNNERS[request.param], path
    os.unlink(path)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("exit 0", 0),
        ("exit 7", 7),
        ("exit 255", 255),
        ("kill -9 $$", 137),
        ("kill -TERM $$", 143),
        ("sleep 0 & exit 3", 3),
        ("(kill -STOP $$; kill -CONT $$) & wait; exit 4", 4),
        ('test "$0 $1 $#" = "name one 2" && exit 5', 5),
    ],
)
def test_it_ends_as_the_command_does(run: tuple[str, ...], script: str, code: int) -> None:
    words = (*run, "/bin/sh", "sh", "-c", script, "name", "one", "two")
    assert subprocess.run(words, check=False).returncode == code


@pytest.mark.parametrize(("path", "code"), [("/nowhere", 127), ("/etc/passwd", 126)])
def test_a_command_that_cannot_be_executed(run: tuple[str, ...], path: str, code: int) -> None:
    assert subprocess.run((*run, path, path), check=False).returncode == code


def test_every_signal_is_for_the_command(run: tuple[str, ...]) -> None:
    """And it is sent once: one that a terminal sends goes to its foreground only."""
    numbers = [1, 2, 3, 10, 12, 13, 15, 17 + 1, 23, 28]
    traps = "; ".join(f"trap 'echo {number}' {number}" for number in numbers)
    script = f"{traps}; echo up; while :; do sleep 0.01; done"
    words = (*run, "/bin/sh", "sh", "-c", script)
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stdout
        assert process.stdout.readline() == "up\n"
        for number in numbers:
            process.send_signal(number)
            assert process.stdout.readline() == f"{number}\n"
        _kill_child(process.pid)
        assert process.wait() == 137


def _kill_child(pid: int) -> None:
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        os.kill(int(file.read().split()[0]), signal.SIGKILL)


def test_its_program_is_sealed() -> None:
    """16. Fails without seals: whoever may open /proc/1/exe could change it for others."""
    file = reaper.open_program()
    for attempt in (
        lambda: os.pwrite(file, b"x", 0),
        lambda: os.truncate(file, 0),
        lambda: os.truncate(file, 1 << 20),
    ):
        with pytest.raises(PermissionError):
            attempt()
    os.close(file)


# --- in containers ------------------------------------------------------------------------------


def test_a_storm_of_orphans_leaves_no_zombie(box: Box) -> None:
    """Seen to fail with wait4 for the command only, and without --init: 10,000 zombies."""
    storm = "i=0; while [ $i -lt 10000 ]; do (true &); i=$((i+1)); done; echo done; exec sleep 1000"
    line = box.start(container := box.create("sh", "-c", storm, init=True))
    read_until(line, b"done\n", 60.0)
    pid = box.state(container).pid
    until(lambda: len(_children(pid)) == 1)
    with open(f"/proc/{pid}/stat") as file:
        cutime, cstime = file.read().rpartition(")")[2].split()[13:15]
    assert int(cutime) + int(cstime) > 0, "it waited for others, too"
    box.monitor(container).signal(9)
    line.close()


def _children(pid: int) -> list[str]:
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return file.read().split()


def test_nothing_of_the_host_is_seen(box: Box) -> None:
    script = "readlink /proc/1/exe; ls /proc/1/fd; cut -d ' ' -f 1 /proc/1/comm; pwd; exit 6"
    code, said = box.run("sh", "-c", script, init=True, working_dir="/tmp")
    assert said.split() == [
        "/memfd:tuidock-init",
        "(deleted)",
        "0",
        "1",
        "2",
        "memfd:tuidock-i",
        "/tmp",
    ]
    assert code == 6


def test_it_needs_little_memory(box: Box) -> None:
    """Its private memory: a page of stack, and those that the kernel filled at its execve."""
    container = box.detached("sleep", "1000", init=True)
    with open(f"/proc/{box.state(container).pid}/smaps_rollup") as file:
        lines = dict(line.split(":", 1) for line in file.read().splitlines()[1:])
    assert int(lines["Private_Dirty"].split()[0]) <= 16
    box.monitor(container).signal(9)


def test_a_missing_command_is_told_as_without_it(box: Box) -> None:
    with pytest.raises(CommandNotFound):
        box.run("nowhere", init=True)


def test_keys_of_a_terminal_reach_the_command(box: Box) -> None:
    """^C does, and ^Z stops a job whose shell then goes on. Seen to fail without TIOCSPGRP: the
    command was in the background, and stopped at its first read.
    """
    line = box.start(container := box.create("sh", init=True, tty=True))
    line.write(b"trap 'echo caught' INT; echo re''ady\n")
    read_until(line, b"ready")
    (shell,) = _children(box.state(container).pid)
    line.write(b"\x03")
    read_until(line, b"caught")
    line.write(b"sleep 1000\n")
    until(lambda: _foreground(shell) not in (0, int(shell)))
    line.write(b"\x1a")
    read_until(line, b"Stopped")
    line.write(b"exit 8\nexit 8\n")
    collect(line)
    assert line.exit_code == 8


def _foreground(pid: str) -> int:
    """The process group that has the terminal."""
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[5])


def test_a_stop_ends_the_command_which_may_clean_up(box: Box) -> None:
    script = "trap 'echo bye; exit 9' TERM; echo up; while :; do sleep 0.01; done"
    line = box.start(container := box.create("sh", "-c", script, init=True, user="web"))
    read_until(line, b"up")
    box.monitor(container).signal(signal.SIGTERM)
    assert collect(line)["stdout"] == b"bye\n"
    assert line.exit_code == 9


def test_orphans_come_to_it_where_another_is_the_first_process(box: Box) -> None:
    """Fails without PR_SET_CHILD_SUBREAPER: they would be the launcher's."""
    script = "(sleep 1000 & echo $! > /orphan); echo up; exec sleep 1001"
    line = box.start(container := box.create("sh", "-c", script, init=True, pid="host"))
    read_until(line, b"up")
    pid = box.state(container).pid
    until(lambda: len(_children(pid)) == 2)
    box.monitor(container).signal(9)
    collect(line)
    with pytest.raises(OSError, match=os.strerror(errno.ENOENT)):
        _children(pid)
