"""What proc(5) tells of a process, and what tells it from all others, ever."""

from __future__ import annotations

import errno
import os
import select
import signal

_THREADS = (errno.ENOENT, errno.EINVAL)
"""How the kernel says that a number is no process's but a thread's, since 6.16 and before."""
_PATIENCE = 10.0
"""Seconds; longer lives only what the kernel itself cannot end."""


def stat(pid: int) -> list[bytes]:
    """Fields of its stat from the state on. Raises FileNotFoundError, ProcessLookupError."""
    with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
        return file.read(2048).rpartition(b")")[2].split()


def start_time(pid: int) -> int:
    """When a process was started, in clock ticks since boot; 0 when it is gone or a zombie.

    Together with the boot id it tells a process from a later one of the same number.
    """
    try:
        fields = stat(pid)
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return 0 if fields[0] in (b"Z", b"X") else int(fields[19])


def boot_id() -> str:
    """The kernel's name of this boot."""
    with open("/proc/sys/kernel/random/boot_id", "rb", buffering=0) as file:
        return file.read(64).decode().strip()


def open_pidfd(pid: int) -> int:
    """pidfd_open(2). Raises ProcessLookupError, also when the number is only a thread's by now."""
    try:
        return os.pidfd_open(pid)
    except OSError as error:
        if error.errno not in _THREADS:
            raise
        raise ProcessLookupError(errno.ESRCH, "a thread has its number") from error


def kill_exactly(pid: int, born: int) -> None:
    """End the process of that number and `start_time`, and see it end; no-op when it is gone."""
    send_signal(pid, born, signal.SIGKILL, patience=_PATIENCE)


def send_signal(pid: int, born: int, number: int, *, patience: float = 0.0) -> None:
    """Send a signal to the process of that number and `start_time`, never to a later one.

    Then wait for its end, for `patience` seconds. No-op when it is gone. Raises PermissionError.
    """
    if born == 0:
        return
    try:
        pidfd = open_pidfd(pid)
    except ProcessLookupError:
        return
    try:
        if start_time(pid) == born:
            signal.pidfd_send_signal(pidfd, number)
            select.select([pidfd], [], [], patience)
    except ProcessLookupError:
        return
    finally:
        os.close(pidfd)


def pid_inside(pid: int) -> int:
    """Its number in the innermost pid namespace that it is in. Raises OSError."""
    with open(f"/proc/{pid}/status") as lines:
        numbers = next(line for line in lines if line.startswith("NSpid:"))
    return int(numbers.split()[-1])
