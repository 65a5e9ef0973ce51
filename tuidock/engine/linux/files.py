"""File system calls that Python lacks, files replaced in one step, and trees removed by fd.

Nothing here follows a symbolic link unless its docstring says so. Every `tuidock run` imports
this, so what few need is imported where they need it: ctypes alone costs 2 ms.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress

_TRIES = 64
_DIRECTORY = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def syncfs(descriptor: int) -> None:
    """Write the whole file system of `descriptor` to its disk. Raises OSError."""
    from tuidock.engine.linux.libc import check, libc

    check(libc.syncfs(descriptor), "syncfs")


def replace(path: str, content: bytes, *, sync: bool = False) -> None:
    """Give a file, only ours to read, other content in one step: a reader sees one or the other.

    `sync`: also after a power cut, as far as the directory is synced. Raises OSError.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    file = os.open(f"{path}.new", flags, 0o600)
    try:
        write_all(file, content)
        if sync:
            os.fsync(file)
    finally:
        os.close(file)
    os.rename(f"{path}.new", path)


def write_all(descriptor: int, data: bytes) -> None:
    """write(2) until everything is written. Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def unlink(path: str) -> None:
    """unlink(2); absent is fine. Raises OSError."""
    with suppress(FileNotFoundError):
        os.unlink(path)


def remove_tree(parent: int, name: bytes) -> None:
    """Remove `name` below the descriptor `parent`, with everything in it; absent is fine.

    Needs two descriptors whatever the depth: a directory found inside is first moved to
    the top. Somebody else may remove the same meanwhile. Raises OSError.
    """
    try:
        os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        return
    except (IsADirectoryError, PermissionError):  # EPERM: POSIX, for a directory
        _remove_directory(parent, name)


def remove_path(path: str) -> None:
    """As `remove_tree`, by path, whichever of an ordinary user's ids the files belong to.

    Raises OSError.
    """
    try:
        _remove_path(path)
    except PermissionError:
        if os.geteuid() == 0:
            raise
        from tuidock.engine.linux import inside

        inside.call(__name__, "remove_path", path)


def _remove_path(path: str) -> None:
    directory, name = os.path.split(os.path.abspath(path))
    try:
        parent = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        remove_tree(parent, os.fsencode(name))
    finally:
        os.close(parent)


def rename(old: str, new: str) -> None:
    """rename(2), also of a directory that an ordinary user may not write into. Raises OSError."""
    try:
        os.rename(old, new)
    except PermissionError:
        if os.geteuid() == 0:
            raise
        from tuidock.engine.linux import inside

        inside.call("os", "rename", old, new)


def _remove_directory(parent: int, name: bytes) -> None:
    for _ in range(_TRIES):
        try:
            top = os.open(name, os.O_RDONLY | _DIRECTORY, dir_fd=parent)
        except FileNotFoundError:
            return
        try:
            _flatten(top)
        finally:
            os.close(top)
        with suppress(FileNotFoundError):
            try:
                os.rmdir(name, dir_fd=parent)
            except OSError as error:
                if error.errno != errno.ENOTEMPTY:  # somebody has just written there
                    raise
                continue
        return
    raise OSError(errno.ENOTEMPTY, "somebody keeps writing there", os.fsdecode(name))


def _flatten(top: int) -> None:
    prefix = f".{os.urandom(8).hex()}."  # nobody who wrote the tree could have guessed it
    waiting = _unlink_files(top, top, prefix, 0)
    serial = len(waiting)
    while waiting:
        name = waiting.pop()
        here = os.open(name, os.O_RDONLY | _DIRECTORY, dir_fd=top)
        try:
            found = _unlink_files(here, top, prefix, serial)
        finally:
            os.close(here)
        serial += len(found)
        waiting += found
        os.rmdir(name, dir_fd=top)


def _unlink_files(here: int, top: int, prefix: str, serial: int) -> list[str]:
    """Unlink what is no directory, move directories to `top`; their new names."""
    moved: list[str] = []
    as_root = os.geteuid() == 0
    with os.scandir(here) as entries:
        names = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_directory in names:
        with suppress(FileNotFoundError):  # somebody else removes it, too
            if is_directory:
                new = f"{prefix}{serial + len(moved)}"
                if not as_root:  # to move a directory is to write in it
                    os.chmod(name, 0o700, dir_fd=here)
                os.rename(name, new, src_dir_fd=here, dst_dir_fd=top)
                moved.append(new)
            else:
                os.unlink(name, dir_fd=here)
    return moved
