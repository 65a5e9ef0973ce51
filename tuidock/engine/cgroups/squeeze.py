"""Lower a v1 memory limit below what is in use, with the effect that `memory.max` has on v2.

v2 lowers the limit first, reclaims, and lets the OOM killer make room when that is not enough.
v1 refuses with EBUSY instead, and a container that only holds what it has would never meet its
new limit. So: reclaim, pull the limit down to what is in use, and charge a few pages more to
the cgroup: the kernel's own OOM killer then does what it does on v2, and counts it.
"""

from __future__ import annotations

import errno
import os
import threading
import time

from tuidock.engine.cgroups.files import Changes, read, write
from tuidock.engine.cgroups.hierarchies import home
from tuidock.engine.errors import BadSpec

SECONDS = 5.0
PAUSE = 0.005
STILL = 10
"""Pauses without a fall of usage after which nobody is dying any more."""
PIPE = 1 << 16
"""Bytes of a pipe's buffer, which are charged to the cgroup of the writing thread."""


def squeeze(directory: str, name: str, value: int, changes: Changes) -> None:
    """Set `name` (a memory limit file) to `value` bytes although more is in use.

    Raises BadSpec when the kernel cannot make room within a few seconds, OSError otherwise.
    """
    path = f"{directory}/{name}"
    deadline = time.monotonic() + SECONDS
    while True:
        _try(f"{directory}/memory.force_empty", "0", changes=None)
        if _set_while_falling(path, value, changes):
            return
        usage = read(_usage(path))
        if time.monotonic() > deadline:
            raise BadSpec(
                f"cannot lower the memory limit to {value} bytes: {usage} bytes are in use",
                "stop something in the container first, or choose a higher limit",
            )
        if _try(path, usage, changes):
            _overcharge(directory)


def _usage(path: str) -> str:
    """`memory.limit_in_bytes` -> `memory.usage_in_bytes`, with or without `memsw`."""
    return path.replace("limit_in_bytes", "usage_in_bytes")


def _set_while_falling(path: str, value: int, changes: Changes) -> bool:
    """Try until it works, or for as long as usage falls: what was killed takes time to go.

    Overcharging once more in that time would cost a second process its life.
    """
    lowest, still = int(read(_usage(path))), 0
    while not _try(path, str(value), changes):
        usage = int(read(_usage(path)))
        still = 0 if usage < lowest else still + 1
        if still == STILL:
            return False
        lowest = min(lowest, usage)
        time.sleep(PAUSE)
    return True


def _try(path: str, value: str, changes: Changes | None) -> bool:
    """False when the kernel says that too much is in use."""
    try:
        if changes:
            changes.set(path, value)
        else:
            write(path, value)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return False
    return True


def _overcharge(directory: str) -> None:
    """Let the kernel find the cgroup over its limit.

    A thread of ours goes there, fills a pipe and comes back. It is charged for kernel memory
    only; as its process lives elsewhere, the OOM killer cannot choose it.
    """
    failures: list[OSError] = []
    thread = threading.Thread(target=_fill_pipe, args=(directory, failures), daemon=True)
    thread.start()
    thread.join(SECONDS)
    if failures:
        raise failures[0]


def _fill_pipe(directory: str, failures: list[OSError]) -> None:
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        origin = home("memory")
        write(f"{directory}/tasks", "0")
        try:
            os.write(writing, bytes(PIPE))
        finally:
            write(f"{origin}/tasks", "0")
    except OSError as error:
        # ENOMEM and EAGAIN: the charge failed, which is all the same to the OOM killer.
        if error.errno not in (errno.ENOMEM, errno.EAGAIN):
            failures.append(error)
    finally:
        os.close(reading)
        os.close(writing)
