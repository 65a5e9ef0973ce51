"""Launcher, monitor, starter and first process, each killed at its n-th system call of a start.

strace is attached to an idle launcher and follows its children: every one of them dies on
entering its n-th call, for n = 1, 2, 3, ... until a container lives through its birth. The
client must come back with a clear word or a container, nothing of a half-made one may be
left, and the next command must find the truth.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from tests import root_only
from tests.containers.conftest import mend
from tests.waiting import until
from tuidock.engine.core import Core
from tuidock.engine.layout import Layout

pytestmark = pytest.mark.root(root_only.TRACED)


CALLS = (
    "write sendmsg recvmsg clone clone3 mkdir unlink rename openat2 open_tree move_mount fsmount "
    "pivot_root umount2 unshare setresuid capset execve close_range dup2 flock prctl"
).split()
STEP = int(os.environ.get("TUIDOCK_KILL_STEP", "8"))
"""Every n-th call; 1 tries them all."""
MOST = 2000


def tuidock(layout: Layout, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tuidock", *words],
        env={**os.environ, "TUIDOCK_ROOT": layout.root, "TUIDOCK_RUNROOT": layout.runroot},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def engine(layout: Layout) -> list[int]:
    """Pids of an idle launcher and of the spare that it keeps, started if there is none."""
    assert tuidock(layout, "run", "--rm", "--network", "none", "busybox", "true").returncode == 0

    return settled(layout)


def settled(layout: Layout) -> list[int]:
    """Its processes, once there are no more of them than in the look before, and some spare."""
    before: list[int] = []

    def same() -> list[int]:
        nonlocal before
        found = pids(layout)
        told, before = found == before and len(found) >= LEAST, found
        time.sleep(0.05)
        return found if told else []

    found = until(same)
    assert isinstance(found, list)
    return found


def pids(layout: Layout) -> list[int]:
    found = subprocess.run(["pgrep", "-f", layout.root], capture_output=True, check=False)
    return [int(pid) for pid in found.stdout.split()]


LEAST = 4
"""Launcher, stem, spare monitor, its starter; where it can, a stub as well."""
MOST_IDLE = 5


class Assassin:
    """strace, attached to a launcher and what it forks."""

    def __init__(self, layout: Layout, call: str, number: int) -> None:
        self.log = f"{os.path.dirname(layout.root)}/strace.log"
        idle = engine(layout)
        self.process = subprocess.Popen(
            [
                *("strace", "-f", "-o", self.log),
                *(f"--attach={pid}" for pid in idle),
                *("-e", f"trace={call}"),
                *("-e", f"inject={call}:signal=SIGKILL:when={number}"),
            ],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr
        for _ in idle:
            assert "attached" in self.process.stderr.readline()

    def leave(self) -> bool:
        """Detach; whether somebody was killed."""
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=60)
        with open(self.log) as file:
            return "killed by SIGKILL" in file.read()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("call", CALLS)
def test_killed_during_a_start(core: Core, call: str) -> None:
    for number in range(1, MOST, STEP):
        assassin = Assassin(core.layout, call, number)
        words = ("run", "-d", "--network", "none", "--name", "box", "busybox", "sleep", "60")
        done = tuidock(core.layout, *words)
        killed = assassin.leave()
        assert "Traceback" not in done.stderr, (number, done)
        if done.returncode == 0:
            until(lambda: core.containers.get("box").pid or core.containers.get("box").exit)
        mend(core)
        assert no_strays(core.layout), number
        if not killed:
            return
    pytest.fail(f"more than {MOST} calls")


def no_strays(layout: Layout, seconds: float = 15.0) -> bool:
    """Nobody but launcher and spare is left in the end."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if len(pids(layout)) <= MOST_IDLE:
            return True
        time.sleep(0.05)
    return False
