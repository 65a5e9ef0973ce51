"""A container that is held still while somebody looks into it from outside.

No kernel thaws what was frozen by a process that is no more, so the monitor does. Invariant: a
freeze with a mark in the run directory ends with the process that the mark names, at the latest.
"""

from __future__ import annotations

import os
import select
from contextlib import suppress

from tuidock.engine.errors import Unsupported
from tuidock.engine.linux import sockets
from tuidock.engine.linux.files import replace, unlink
from tuidock.engine.linux.proc import open_pidfd, start_time
from tuidock.engine.runtime.protocol import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tuidock.engine.runtime.ward import Ward


_PATIENCE = 2.0
"""Seconds that a monitor gets to look; one that is stopped looks later."""


def _mark(run: str) -> str:
    return f"{run}/still"


# --- who freezes ----------------------------------------------------------------------------------


def announce(run: str) -> None:
    """Before we freeze: leave a mark, and have the monitor watch us. Raises OSError.

    Without a monitor the next one, which every command calls for, finds the mark.
    """
    path = _mark(run)
    replace(path, f"{os.getpid()} {start_time(os.getpid())}".encode())
    with suppress(ConnectionError, FileNotFoundError):
        line = sockets.connect(f"{run}/monitor.sock")
        line.send(encode({"op": "still"}))
        sockets.readable(line, _PATIENCE)
        line.close()


def held(run: str) -> bool:
    """Whether somebody has left a mark."""
    return os.path.exists(_mark(run))


def revoke(run: str) -> None:
    """After the container was thawed; it may be gone by now."""
    unlink(_mark(run))


# --- the monitor ----------------------------------------------------------------------------------


class Stillness:
    """Watches who holds one container still."""

    def __init__(self, ward: Ward) -> None:
        self._ward = ward
        self._run = ward.layout.run(ward.id)
        self._holder = -1
        """A pidfd."""

    def interest(self) -> dict[int, tuple[int, Callable[[], object]]]:
        """Readable when the holder has ended."""
        return {} if self._holder < 0 else {self._holder: (select.POLLIN, self._over)}

    def look(self) -> None:
        """Watch whom the mark names, if there is one; the holder before has thawed."""
        self._let_go()
        try:
            with open(_mark(self._run), "rb", buffering=0) as file:
                pid, born = map(int, file.read(64).split())
        except FileNotFoundError:
            return
        if start_time(pid) == born:
            with suppress(ProcessLookupError):
                self._holder = open_pidfd(pid)
        if start_time(pid) != born:  # it is gone, and its number perhaps another's
            self._let_go()
            self._thaw()

    def _over(self) -> None:
        """It has ended, unless another took its place in this very moment."""
        if select.select([self._holder], [], [], 0)[0]:
            self._let_go()
            self._thaw()

    def _thaw(self) -> None:
        """What it would have done, if it has left its mark."""
        if os.path.exists(_mark(self._run)):
            with suppress(OSError, Unsupported):  # it went with the container
                self._ward.cgroup().thaw()
            revoke(self._run)

    def _let_go(self) -> None:
        if self._holder >= 0:
            os.close(self._holder)
            self._holder = -1
