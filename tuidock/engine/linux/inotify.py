"""inotify(7): be woken when something changes in a directory, without polling.

What changed is not told, only that something did: whoever is woken looks for itself.
"""

from __future__ import annotations

import errno
import os

from tuidock.engine.linux.libc import check, libc

IN_MODIFY = 0x00000002
IN_MOVED_FROM = 0x00000040
IN_MOVED_TO = 0x00000080
IN_CREATE = 0x00000100
IN_DELETE = 0x00000200


class Inotify:
    """One inotify descriptor; readable while changes are waiting to be drained."""

    def __init__(self) -> None:
        """Raises OSError: EMFILE beyond the sysctl fs.inotify.max_user_instances."""
        self._fd = check(libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), "inotify_init1")

    def fileno(self) -> int:
        return self._fd

    def watch(self, directory: str, mask: int) -> None:
        """Be woken by `mask` on the entries of a directory. Raises OSError."""
        check(
            libc.inotify_add_watch(self._fd, os.fsencode(directory), mask),
            "inotify_add_watch",
            directory,
        )

    def drain(self) -> bool:
        """Forget what waits; False when nothing did."""
        woken = False
        while True:
            try:
                os.read(self._fd, 1 << 16)
            except OSError as error:
                if error.errno != errno.EAGAIN:
                    raise
                return woken
            woken = True

    def close(self) -> None:
        os.close(self._fd)
