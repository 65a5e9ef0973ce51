"""Files that several processes work on: locked, replaced, made durable; and what a disk says."""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tuidock.engine.errors import Cancelled, HostError, StorageFull
from tuidock.engine.linux import files


def lock(path: str, cancelled: threading.Event | None = None) -> int:
    """Open and lock a file that others may rename or unlink when they are done with it.

    Raises Cancelled, OSError.
    """
    while True:
        fd = try_lock(path)
        if fd is not None:
            return fd
        if (cancelled or threading.Event()).wait(0.05):
            raise Cancelled("cancelled")


def try_lock(path: str) -> int | None:
    """As `lock`, but None when somebody else has it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.stat(path).st_ino == os.fstat(fd).st_ino:
            return fd
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(fd)
        raise
    os.close(fd)
    return None


def sync_directory(path: str) -> None:
    """Make a rename in it durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def replace(path: str, body: bytes) -> None:
    """Give a small file new content, atomically and durably. Raises StorageFull, HostError."""
    with storage():
        files.replace(path, body, sync=True)
        sync_directory(os.path.dirname(path))


@contextmanager
def storage() -> Iterator[None]:
    """Say what the disk, or SQLite, said in a person's words."""
    try:
        yield
    except BrokenPipeError:
        raise  # no disk says that, but whoever no longer reads what a callback prints
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _full() from error
        raise HostError(f"the image store fails: {error.strerror or error}") from error
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL:
            raise _full() from error
        raise HostError(f"the image store fails: {error}") from error


def _full() -> StorageFull:
    return StorageFull(
        "no space left on device for images",
        "remove images with `tuidock rmi`, or use another --root",
    )
