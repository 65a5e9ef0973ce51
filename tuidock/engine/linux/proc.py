"""What tells a process from all others, ever: proc(5), without a system call of our own."""

from __future__ import annotations

import os
import select
import signal

_PATIENCE = 10.0
"""Seconds; longer lives only what the kernel itself cannot end."""


def start_time(pid: int) -> int:
    """When a process was started, in clock ticks since boot; 0 when it is gone or a zombie.

    Together with the boot id it tells a process from a later one of the same number.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            after_name = file.read(2048).rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return 0 if after_name[0] in (b"Z", b"X") else int(after_name[19])


def boot_id() -> str:
    """The kernel's name of this boot."""
    with open("/proc/sys/kernel/random/boot_id", "rb", buffering=0) as file:
        return file.read(64).decode().strip()


def kill_exactly(pid: int, born: int) -> None:
    """End the process of that number and `start_time`, and see it end; no-op when it is gone."""
    if born == 0 or start_time(pid) != born:
        return
    pidfd = os.pidfd_open(pid)
    try:
        if start_time(pid) == born:
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            select.select([pidfd], [], [], _PATIENCE)
    finally:
        os.close(pidfd)
