"""File system calls that Python lacks: syncfs, close_range, landlock; trees removed by fd.

Nothing here follows a symbolic link unless its docstring says so.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from tuidock.engine.linux import inside
from tuidock.engine.linux.libc import check, libc, syscall

_CLOSE_RANGE = 436
_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446
_PR_SET_NO_NEW_PRIVS = 38

_DIRECTORY = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def syncfs(descriptor: int) -> None:
    """Write the whole file system of `descriptor` to its disk. Raises OSError."""
    check(libc.syncfs(descriptor), "syncfs")


def close_range(first: int, last: int = 0x7FFFFFFF) -> None:
    """Close every descriptor from `first` to `last` inclusive. Raises OSError."""
    syscall(_CLOSE_RANGE, "close_range", first, last, 0)


def remove_tree(parent: int, name: bytes) -> None:
    """Remove `name` below the descriptor `parent`, with everything in it; absent is fine.

    Needs two descriptors whatever the depth: a directory found inside is first moved to
    the top. Raises OSError.
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
    directory, name = os.path.split(os.path.abspath(path))
    try:
        parent = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        remove_tree(parent, os.fsencode(name))
    except PermissionError:
        if os.geteuid() == 0:
            raise
        inside.call(__name__, "remove_path", path)
    finally:
        os.close(parent)


def rename(old: str, new: str) -> None:
    """rename(2), also of a directory that an ordinary user may not write into. Raises OSError."""
    try:
        os.rename(old, new)
    except PermissionError:
        if os.geteuid() == 0:
            raise
        inside.call("os", "rename", old, new)


def _remove_directory(parent: int, name: bytes) -> None:
    top = os.open(name, os.O_RDONLY | _DIRECTORY, dir_fd=parent)
    try:
        _flatten(top)
    finally:
        os.close(top)
    os.rmdir(name, dir_fd=parent)


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
        if is_directory:
            new = f"{prefix}{serial + len(moved)}"
            if not as_root:  # to move a directory is to write in it
                os.chmod(name, 0o700, dir_fd=here)
            os.rename(name, new, src_dir_fd=here, dst_dir_fd=top)
            moved.append(new)
        else:
            os.unlink(name, dir_fd=here)
    return moved


def landlock_version() -> int:
    """ABI version of landlock, 0 where the kernel has none or does not use it."""
    try:
        return syscall(_LANDLOCK_CREATE_RULESET, "landlock_create_ruleset", 0, 0, 1)
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EOPNOTSUPP):
            return 0
        raise


_WRITE_RIGHTS = {1: 0x1FF2, 2: 0x3FF2, 3: 0x7FF2, 5: 0xFFF2}
"""Everything but executing and reading, by ABI version (linux/landlock.h)."""


def landlock(directory: int) -> bool:
    """Let this thread and its future children touch files only beneath `directory`.

    Reading and executing are restricted too. False where landlock is missing or too old to
    allow links between directories (ABI 1). Raises OSError.
    """
    version = landlock_version()
    if version < 2:
        return False
    rights = _WRITE_RIGHTS[max(known for known in _WRITE_RIGHTS if known <= version)] | 0xD
    attribute = struct.pack("Q", rights)
    size = len(attribute)
    ruleset = syscall(_LANDLOCK_CREATE_RULESET, "landlock_create_ruleset", attribute, size, 0)
    try:
        rule = struct.pack("=Qi", rights, directory)
        syscall(_LANDLOCK_ADD_RULE, "landlock_add_rule", ruleset, 1, rule, 0)
        check(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(PR_SET_NO_NEW_PRIVS)")
        syscall(_LANDLOCK_RESTRICT_SELF, "landlock_restrict_self", ruleset, 0)
    finally:
        os.close(ruleset)
    return True


libc.syncfs.argtypes = [ctypes.c_int]
