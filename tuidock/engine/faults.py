"""Faults of the machine in words for a person: a full disk, a broken one, no memory.

The last resort at the engine's doors: where more is known, the engine says more itself.
Imported only when something went wrong.
"""

from __future__ import annotations

import _sqlite3
import errno

from tuidock.engine.errors import EngineError, HostError, StorageFull

_HINTS = {
    errno.ENOMEM: "free some memory, or stop something",
    errno.ENOBUFS: "free some memory, or stop something",
    errno.EMFILE: "raise the limit of open files: ulimit -n",
    errno.ENFILE: "this machine has too many open files",
    errno.EROFS: "mount it writable, or choose other directories with --root and --runroot",
    errno.EIO: "look at the disk: the kernel's log says more (dmesg)",
    errno.EACCES: "choose other directories with --root and --runroot",
}
_FULL = (errno.ENOSPC, errno.EDQUOT)
_ROOM = "free some space, or use another --root"


def translated(error: Exception) -> EngineError | None:
    """The engine's word for a fault of the machine; None for what can only be a bug."""
    if isinstance(error, EngineError):
        return error
    if isinstance(error, OSError) and error.errno:
        where = f"{error.filename}: " if error.filename else ""
        text = f"{where}{error.strerror}"
        if error.errno in _FULL:
            return StorageFull(text, _ROOM)
        return HostError(text, _HINTS.get(error.errno, ""))
    if isinstance(error, _sqlite3.Error):
        text = f"the store's database: {error}"
        return StorageFull(text, _ROOM) if "full" in str(error) else HostError(text)
    if isinstance(error, MemoryError):
        return HostError("out of memory", _HINTS[errno.ENOMEM])
    return None
