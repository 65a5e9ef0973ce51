"""openat2(2): opening a path that somebody hostile may have written, below a directory.

Invariant: no result lies outside the directory that was given.
"""

from __future__ import annotations

import errno
import os
import stat
import struct

from tuidock.engine.linux.libc import syscall

RESOLVE_NO_XDEV = 1
RESOLVE_NO_MAGICLINKS = 2
RESOLVE_NO_SYMLINKS = 4
RESOLVE_BENEATH = 8
RESOLVE_IN_ROOT = 16

IN_ROOT = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS
"""As chroot would resolve it, without /proc's magic."""
PLAIN = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS
"""No symbolic link at all, not even in the middle."""

_OPENAT2 = 437
TRIES = 128
"""The kernel answers EAGAIN when a rename raced with `..`."""


def openat2(directory: int, path: str, flags: int, resolve: int = IN_ROOT, mode: int = 0) -> int:
    """Open `path` below `directory`, close-on-exec. Raises OSError."""
    how = struct.pack("=QQQ", flags | os.O_CLOEXEC, mode, resolve)
    name = os.fsencode(path)
    for _ in range(TRIES):
        try:
            return syscall(_OPENAT2, "openat2", directory, name, how, len(how), path=path)
        except OSError as error:
            if error.errno != errno.EAGAIN:
                raise
    raise OSError(errno.EAGAIN, "openat2: the path keeps changing", path)


def make_directory(root: int, path: str, mode: int = 0o755) -> int:
    """Open the directory `path` below `root`, making what is missing, one name at a time.

    Returns an O_PATH descriptor. A symbolic link is followed inside the root, a missing
    name is created only below a directory that is already open, so that no exchange of
    names can lead outside (CVE-2024-45310). Raises OSError.
    """
    here = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=root)
    walked = ""
    for name in [part for part in path.split("/") if part not in ("", ".")]:
        walked += f"/{name}"
        below = _step(root, here, walked, name, mode)
        os.close(here)
        here = below
    return here


def _step(root: int, here: int, walked: str, name: str, mode: int) -> int:
    for _ in range(TRIES):
        try:
            return openat2(root, walked, os.O_PATH | os.O_DIRECTORY)
        except FileNotFoundError:
            if name == "..":
                raise
        try:
            os.mkdir(name, mode, dir_fd=here)
        except FileExistsError:
            if not _is_directory(here, name):
                raise NotADirectoryError(errno.ENOTDIR, "not a directory", walked) from None
    raise OSError(errno.EAGAIN, "the path keeps changing", walked)


def _is_directory(here: int, name: str) -> bool:
    """False for a file and for a link that leads nowhere."""
    return stat.S_ISDIR(os.stat(name, dir_fd=here, follow_symlinks=False).st_mode)


def make_file(root: int, path: str, mode: int = 0o644) -> int:
    """Open the file `path` below `root` as O_PATH, making it, and its directories, if missing."""
    try:
        return openat2(root, path, os.O_PATH)
    except FileNotFoundError:
        parent, _, name = path.rstrip("/").rpartition("/")
        directory = make_directory(root, parent)
    try:
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        os.close(os.open(name, flags, mode, dir_fd=directory))
    finally:
        os.close(directory)
    return openat2(root, path, os.O_PATH)


def destination(root: int, path: str) -> str:
    """Where a path leads below `root`, by its links, although what it leads to is missing.

    Only a word, that may be true no more when it is used. Raises OSError ELOOP.
    """
    found: list[str] = []
    left = path.split("/")[::-1]
    for _ in range(_MOST_NAMES):
        if not left:
            return "/" + "/".join(found)
        name = left.pop()
        if name == "..":
            found = found[:-1]
        elif name not in ("", "."):
            target = _target(root, "/".join([*found, name]))
            found = [] if target.startswith("/") else [*found, *([] if target else [name])]
            left += target.split("/")[::-1]
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)


_MOST_NAMES = 1000


def _target(root: int, path: str) -> str:
    """What a symbolic link says; empty for anything else, and for what is missing."""
    try:
        link = openat2(root, path, os.O_PATH | os.O_NOFOLLOW)
    except OSError:
        return ""
    try:
        return os.readlink("", dir_fd=link)
    except OSError:  # no link
        return ""
    finally:
        os.close(link)


def read_small(root: int, path: str, limit: int) -> bytes:
    """The content of a regular file below `root`, at most `limit` bytes of it.

    Raises OSError; a file that is longer raises EFBIG, one that is not regular EINVAL (a
    fifo would block for ever).
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
    return read_opened(openat2(root, path, flags), path, limit)


def read_opened(file: int, path: str, limit: int) -> bytes:
    """The same for a descriptor, opened so that reading cannot block, which is closed."""
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        if status.st_size > limit:
            raise OSError(errno.EFBIG, f"larger than {limit} bytes", path)
        return os.read(file, limit + 1)[:limit]
    finally:
        os.close(file)
