"""The interface: how soon its first screen is there, and what it costs while nothing happens."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from bench.measure import Failed, Row, timed
from tuidock.engine.core import Core
from tuidock.engine.images import starter
from tuidock.engine.layout import Layout
from tuidock.engine.types import ContainerSpec

FIRST, IDLE = "first screen, 20 containers", "idle interface, 20 containers"
COUNT = 20


def measure(directory: Path) -> Iterator[Row]:
    """Needs root."""
    core = Core(Layout(f"{directory}/root", f"{directory}/run"))
    made = starter.build()
    core.images.add(made.config, [made.layer], made.reference)
    spec = ContainerSpec(image=starter.REFERENCE, command=("sleep", "infinity"), network="none")
    names = [f"idle{number}" for number in range(COUNT)]  # the newest is listed first
    for name in names:
        core.containers.start(core.containers.create(spec._replace(name=name)).id)
    try:
        yield Row(FIRST, "tuidock", timed(lambda: _first_screen(core.layout, names[-1]), 5))
        yield Row(
            IDLE, "tuidock", (_idle(core.layout, names[-1]),), "cores", "of one core, over 20 s"
        )
    finally:
        for name in names:
            core.containers.remove(name, force=True)
        core.close()


def _first_screen(layout: Layout, name: str) -> None:
    """From starting the process until a container's name has been drawn."""
    with _interface(layout) as (_, terminal):
        _until(terminal, name.encode())


def _idle(layout: Layout, name: str, settle: float = 5, seconds: float = 20) -> float:
    """Cores used, user and system together."""
    with _interface(layout) as (pid, terminal):
        _until(terminal, name.encode())
        threading.Thread(target=_drain, args=(terminal,), daemon=True).start()
        time.sleep(settle)
        before = _ticks(pid)
        time.sleep(seconds)
        return (_ticks(pid) - before) / os.sysconf("SC_CLK_TCK") / seconds


@contextlib.contextmanager
def _interface(layout: Layout) -> Iterator[tuple[int, int]]:
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        roots = ["--root", layout.root, "--runroot", layout.runroot]
        os.execv(sys.executable, [sys.executable, "-m", "tuidock", *roots])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
    try:
        yield pid, terminal
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


def _until(terminal: int, wanted: bytes, patience: float = 30) -> None:
    seen, deadline = b"", time.monotonic() + patience
    while wanted not in seen:
        if not select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0]:
            raise Failed(f"{wanted!r} was never drawn")
        seen = seen[-len(wanted) :] + os.read(terminal, 65536)


def _drain(terminal: int) -> None:
    with contextlib.suppress(OSError):
        while os.read(terminal, 65536):
            pass


def _ticks(pid: int) -> int:
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
