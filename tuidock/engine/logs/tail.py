"""The growing end of a rotated file of lines, as something a loop can wait for.

Serves logs and the journal. Invariant: between two reads that both find nothing, `fileno()`
becomes readable as soon as something is written.
"""

from __future__ import annotations

import os
import select

from tuidock.engine.errors import HostError
from tuidock.engine.linux.inotify import IN_CREATE, IN_MODIFY, IN_MOVED_TO, Inotify
from tuidock.engine.logs.files import LogFiles, blocks


class Tail:
    """Whole lines from `place` on, across rotations."""

    def __init__(self, path: str) -> None:
        """From the beginning of what is there. Raises HostError, OSError without a directory."""
        self._inotify = _watch(os.path.dirname(path))
        # Readable while a read may find something that inotify has already told of.
        self._more = os.eventfd(1, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll = select.epoll()
        for source in (self._more, self._inotify.fileno()):
            self._epoll.register(source, select.EPOLLIN)
        self.log = LogFiles(path)
        self.place = self.log.start

    def fileno(self) -> int:
        return self._epoll.fileno()

    def skip(self) -> None:
        """Go to the end of what is there now."""
        self.place = self.log.end

    def read(self, size: int) -> bytes:
        """About `size` bytes of whole lines; empty when nothing new is there. Raises OSError."""
        if self.place >= self.log.end:
            # In this order: what is written after the drain wakes us again.
            self._inotify.drain()
            if not self.log.grow():
                self._disarm()
                return b""
        start, data = next(blocks(self.log, self.place, self.log.end, size))
        self.place = start + len(data)
        self.log.forget(self.place)
        os.eventfd_write(self._more, 1)
        return data

    def _disarm(self) -> None:
        try:
            os.eventfd_read(self._more)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Let go of all descriptors; harmless when repeated."""
        if not self._epoll.closed:
            self._epoll.close()
            self._inotify.close()
            self.log.close()
            os.close(self._more)


def _watch(directory: str) -> Inotify:
    try:
        inotify = Inotify()
    except OSError as error:
        raise HostError(
            "cannot follow files: no inotify instance is left",
            "raise the sysctl fs.inotify.max_user_instances",
        ) from error
    try:
        inotify.watch(directory, IN_MODIFY | IN_CREATE | IN_MOVED_TO)
    except BaseException:
        inotify.close()
        raise
    return inotify
