"""Tests that an ordinary user can run only as root of a user namespace, each in its own process.

As the ordinary user it begins, so that the engine does what it does for one; from `enter` on it is
root among that user's ids, and what it mounts ends with it. Invariant: one thread.
"""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable

import pytest

from tuidock.engine.linux import mount, process, userns

_PASSED = "passed"


def run(test: Callable[[], object]) -> None:
    """Call `test` in a child; what it raises fails the caller's test."""
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.close(reading)
        _be_the_test(test, writing)
    os.close(writing)
    try:
        with open(reading) as told:
            said = told.read()
    finally:
        os.kill(child, signal.SIGKILL)  # it may hang when our time is up
        os.waitpid(child, 0)
    if said != _PASSED:
        pytest.fail(said or "the test's process died", pytrace=False)


def _be_the_test(test: Callable[[], object], writing: int) -> None:
    try:
        test()
        os.write(writing, _PASSED.encode())
    except BaseException:
        os.write(writing, traceback.format_exc().encode()[-60_000:])
    finally:
        os._exit(0)


def enter() -> None:
    """Leave the host's mounts; an ordinary user becomes root of a namespace of its ids."""
    if os.geteuid() == 0:
        return
    userns.enter(userns.own())
    process.unshare(process.CLONE_NEWNS)
    mount.set_propagation("/", mount.MS_REC | mount.MS_PRIVATE)
