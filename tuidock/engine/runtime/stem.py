"""The stem: a process that does nothing but fork, so that monitors share nearly all its memory.

Whatever a process writes to after a fork it does not share with that child any more, and two
children not with each other. The launcher hears, starts and reaps, and so makes a bad parent;
the stem does the same few things for each child. Invariant: monitors are the launcher's
children, not the stem's, so that killing it harms nothing.
"""

from __future__ import annotations

import os
import signal
import sys

from tuidock.engine.errors import RuntimeFailure
from tuidock.engine.linux import process as p
from tuidock.engine.linux import sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from tuidock.engine.linux.sockets import Packets

    Live = Callable[[bytes, list[int]], None]
    """The life of a child: what it was told, and the descriptors that came with it."""


class Stem:
    """The launcher's side of it."""

    def __init__(self, title: str, live: Live) -> None:
        self.pid = 0
        self._title = title
        self._live = live
        self._line: Packets | None = None

    def fork(self, message: bytes, descriptors: tuple[int, ...] = ()) -> int:
        """Fork a child that lives as told; its pid. Raises RuntimeFailure."""
        for _ in range(2):
            line = self._line or self._plant()
            try:
                line.send(message, descriptors)
                if answer := line.receive(sockets.SMALL_MESSAGE)[0]:
                    return _pid(answer)
            except OSError:  # somebody killed it
                pass
            self.fell()
        raise RuntimeFailure("cannot fork a monitor")

    def fell(self) -> None:
        """Let go of it: it leaves, if it has not yet."""
        if self._line:
            self._line.close()
        self._line, self.pid = None, 0

    def _plant(self) -> Packets:
        self._line, theirs = sockets.pair()
        self.pid = os.fork()
        if self.pid == 0:
            p.set_title(self._title)
            _stand(theirs, self._live)
        theirs.close()
        return self._line


def _pid(answer: bytes) -> int:
    if (number := int(answer)) > 0:
        return number
    raise RuntimeFailure(f"cannot fork a monitor: {os.strerror(-number)}")


def _stand(line: Packets, live: Live) -> NoReturn:
    """The life of the stem."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    p.close_range(3, line.fileno() - 1)
    p.close_range(line.fileno() + 1)
    while True:
        message, descriptors = line.receive(sockets.SMALL_MESSAGE)
        if not message:
            os._exit(0)
        line.send(_fork(line, live, message, descriptors))
        for descriptor in descriptors:
            os.close(descriptor)


def _fork(line: Packets, live: Live, message: bytes, descriptors: list[int]) -> bytes:
    """The child's pid, or errno below zero."""
    try:
        child = p.clone_sibling()
    except OSError as error:
        return b"-%d" % (error.errno or 0)
    if child:
        return b"%d" % child
    try:
        line.close()
        live(message, descriptors)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(0)
