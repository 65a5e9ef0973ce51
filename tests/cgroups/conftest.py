"""A cgroup of one's own, and real processes in it."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tuidock.engine.cgroups.cgroup import Cgroup
from tuidock.engine.cgroups.hierarchies import Hierarchy, find

BUSY = "while True: pass"
HOLD = """
import mmap, sys
block = mmap.mmap(-1, int(sys.argv[1]))
for offset in range(0, len(block), 4096): block[offset] = 1
print("ready", flush=True)
for line in sys.stdin:
    more = mmap.mmap(-1, int(line))
    for offset in range(0, len(more), 4096): more[offset] = 1
    print("grown", flush=True)
"""

Start = Callable[..., "subprocess.Popen[bytes]"]


def hierarchies_of(version: int) -> list[Hierarchy]:
    """Those of this machine with that version, or all of them for 0."""
    return [each for each in find() if not version or each.unified == (version == 2)]


@pytest.fixture
def new_cgroup() -> Iterator[Callable[[list[Hierarchy]], Cgroup]]:
    made: list[Cgroup] = []

    def make(hierarchies: list[Hierarchy]) -> Cgroup:
        made.append(Cgroup(hierarchies, f"tuidock-{secrets.token_hex(4)}", "a" * 64))
        return made[-1]

    yield make
    for cgroup in made:
        cgroup.kill()
        cgroup.remove()


@pytest.fixture
def cgroup(new_cgroup: Callable[[list[Hierarchy]], Cgroup]) -> Cgroup:
    """On whatever this machine offers; not created yet."""
    return new_cgroup(find())


@pytest.fixture
def start() -> Iterator[Start]:
    """start(cgroup, python_code, *arguments): a process that was in it before its first line."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(cgroup: Cgroup, code: str, *arguments: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", code, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=cgroup.enter,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, 9)
        process.communicate()


def hold(process: subprocess.Popen[bytes]) -> None:
    """Wait until a HOLD process has its memory."""
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"


def grow(process: subprocess.Popen[bytes], size: int) -> bytes:
    """Let a HOLD process take more; what it answers, b"" when it died of it."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(b"%d\n" % size)
    process.stdin.flush()
    return process.stdout.readline()
