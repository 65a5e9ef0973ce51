"""Children that a monitor never forked: what another runtime's processes leave behind.

As a subreaper a monitor inherits them, and a container cannot end before every process that was
in it is reaped. Invariant: nobody is reaped here whose end somebody waits for, nor anybody
while it is not known yet which of the children a running program has made to stay.
"""

from __future__ import annotations

import os
import signal

from tuidock.engine.linux import process as p

running: set[int] = set()
"""Programs that may yet say which child is to stay."""
kept: set[int] = set()
"""Children whose end somebody waits for."""


def watch(first: int) -> int:
    """Become who inherits them, and keep the container's first process.

    Returns a descriptor that is readable when a child ended.
    """
    p.prctl(p.PR_SET_CHILD_SUBREAPER, 1)
    kept.add(first)
    wakeup, woken = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    os.write(woken, b"\0")  # one may have come before
    return wakeup


def hear(wakeup: int) -> None:
    """A child ended."""
    os.read(wakeup, 4096)
    reap()


def reap() -> None:
    """Bury those that are nobody's."""
    if running:
        return
    for pid in _children() - kept:
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            continue


def _children() -> set[int]:
    me = os.getpid()
    with open(f"/proc/{me}/task/{me}/children", "rb", buffering=0) as file:
        return set(map(int, file.readall().split()))
