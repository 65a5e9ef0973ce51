"""A system call of a client that fails at any place is one clear line, and leaves nothing.

strace makes the n-th call fail, for n = 1, 2, 3, ... until the command comes through; with a
disk that is full, one that broke, and one that turned read-only.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.containers.conftest import mend
from tuidock.engine.core import Core
from tuidock.engine.layout import Layout

FAULTS = [
    (call, error)
    for error, calls in (
        ("ENOSPC", "write pwrite64 mkdir symlinkat ftruncate"),
        ("EIO", "fsync fdatasync pread64"),
        ("EROFS", "mkdir unlink unlinkat rename rmdir"),
        ("ENOMEM", "socket connect sendmsg recvmsg flock"),
    )
    for call in calls.split()
]
STEP = int(os.environ.get("TUIDOCK_KILL_STEP", "1"))
MOST = 500
RUN = ("run", "-d", "--network", "none", "--name", "box", "busybox", "sleep", "60")


class Attempt:
    """One command in which the n-th call of a kind fails."""

    def __init__(self, layout: Layout, call: str, error: str, number: int, *words: str) -> None:
        self.log = f"{os.path.dirname(layout.root)}/strace.log"
        done = subprocess.run(
            [
                *("strace", "-o", self.log, "-e", f"trace={call}"),
                *("-e", f"inject={call}:error={error}:when={number}"),
                *(sys.executable, "-X", "pycache_prefix=/nowhere", "-m", "tuidock", *words),
            ],
            env={
                **os.environ,
                "TUIDOCK_ROOT": layout.root,
                "TUIDOCK_RUNROOT": layout.runroot,
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.code, self.stderr = done.returncode, done.stderr
        with open(self.log) as file:
            self.failed = [line for line in file if "(INJECTED)" in line]

    @property
    def speechless(self) -> bool:
        """What failed was the very write to the person, or Python itself had not begun."""
        return bool(re.match(r"write\([12],", self.failed[0])) or "shared libraries" in self.stderr


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("call", "error"), FAULTS)
@pytest.mark.parametrize("words", [RUN, ("rm", "-f", "box")], ids=["run", "rm"])
def test_failing_anywhere(core: Core, words: tuple[str, ...], call: str, error: str) -> None:
    """Seen to fail where an OSError had no clear line, and where a bundle was left behind."""
    for number in range(1, MOST, STEP):
        if words != RUN:
            Attempt(core.layout, "fsync", "EIO", MOST, *RUN)
        attempt = Attempt(core.layout, call, error, number, *words)
        complaint = f"{attempt.failed} {attempt.code}: {attempt.stderr}"
        assert "Traceback" not in attempt.stderr, complaint
        assert len(attempt.stderr.splitlines()) <= 3, complaint
        if attempt.code and not attempt.speechless:
            assert attempt.stderr.startswith("tuidock: "), complaint
        mend(core)
        if not attempt.failed:
            break
    else:
        pytest.fail(f"more than {MOST} calls")
