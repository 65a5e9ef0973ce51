"""The processes of one container, from /proc of the pids that its cgroup lists."""

from __future__ import annotations

import os
import time
from typing import Protocol

from tuidock.engine.types import Process

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_COMMAND = 4096
"""Bytes of a command line that are shown."""


class Members(Protocol):
    """What is asked of a cgroup."""

    def pids(self) -> list[int]: ...


def top(cgroup: Members) -> list[Process]:
    """Processes by pid, the container's first one first. One that ends meanwhile is left out.

    Raises OSError.
    """
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    found = []
    for pid in sorted(cgroup.pids()):
        try:
            found.append(_process(pid, booted))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def _process(pid: int, booted: float) -> Process:
    name, _, rest = _read(pid, "stat").partition(b"(")[2].rpartition(b")")
    fields = rest.split()
    return Process(
        pid=pid,
        parent=int(fields[1]),
        user=_user(pid),
        cpu_seconds=(int(fields[11]) + int(fields[12])) / _TICK,
        memory=int(fields[21]) * _PAGE,
        started=booted + int(fields[19]) / _TICK,
        state=fields[0].decode(),
        command=_command(pid, name),
        terminal=_terminal(int(fields[4])),
    )


def _terminal(device: int) -> str:
    """The controlling terminal by its device number; empty for none."""
    major, minor = os.major(device), os.minor(device)
    if 136 <= major < 144:
        return f"pts/{(major - 136) * 256 + minor}"
    return f"tty{minor}" if device else ""


def _command(pid: int, name: bytes) -> str:
    """The arguments with blanks between; `[name]` for one without, as ps shows it."""
    arguments = _read(pid, "cmdline")[:_COMMAND].rstrip(b"\0").replace(b"\0", b" ")
    return (arguments or b"[%s]" % name).decode(errors="replace")


def _user(pid: int) -> str:
    """The real uid as the container numbers it; the host's number where it has none."""
    for line in _read(pid, "status").splitlines():
        if line.startswith(b"Uid:"):
            uid = int(line.split()[1])
            return str(inside(uid, _read(pid, "uid_map").decode()))
    raise ProcessLookupError(pid)


def inside(uid: int, uid_map: str) -> int:
    """A uid of this namespace as another one, with that `uid_map`, numbers it."""
    for line in uid_map.splitlines():
        there, here, count = map(int, line.split())
        if here <= uid < here + count:
            return there + uid - here
    return uid


def _read(pid: int, name: str) -> bytes:
    with open(f"/proc/{pid}/{name}", "rb", buffering=0) as file:
        return file.read(1 << 16) or b""
