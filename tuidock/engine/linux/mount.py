"""The mount system calls, by descriptor wherever the kernel allows it (fsopen(2), open_tree(2)).

Invariant: a mount that was not attached yet disappears when its descriptor is closed, so a
failed step leaves nothing behind.
"""

from __future__ import annotations

import ctypes
import os
import struct

from tuidock.engine.linux.libc import check, libc, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# <linux/mount.h>, the parts in use
AT_EMPTY_PATH = 0x1000
AT_FDCWD = -100
AT_RECURSIVE = 0x8000
AT_SYMLINK_NOFOLLOW = 0x100
FSCONFIG_CMD_CREATE = 6
FSCONFIG_SET_FLAG = 0
FSCONFIG_SET_STRING = 1
FSMOUNT_CLOEXEC = 1
FSOPEN_CLOEXEC = 1
MNT_DETACH = 2
MOUNT_ATTR_IDMAP = 0x100000
MOUNT_ATTR_NOATIME = 0x10
MOUNT_ATTR_NODEV = 4
MOUNT_ATTR_NOEXEC = 8
MOUNT_ATTR_NOSUID = 2
MOUNT_ATTR_RDONLY = 1
MOUNT_ATTR_STRICTATIME = 0x20
MOUNT_ATTR__ATIME = 0x70
MOVE_MOUNT_F_EMPTY_PATH = 4
MOVE_MOUNT_T_EMPTY_PATH = 0x40
MS_NODEV = 4
MS_PRIVATE = 1 << 18
MS_REC = 1 << 14
MS_SLAVE = 1 << 19
OPEN_TREE_CLOEXEC = os.O_CLOEXEC
OPEN_TREE_CLONE = 1

_FSCONFIG = 431
_FSMOUNT = 432
_FSOPEN = 430
_MOUNT_SETATTR = 442
_MOVE_MOUNT = 429
_OPEN_TREE = 428


def open_tree(directory: int, path: str, *, recursive: bool = False) -> int:
    """A detached copy of the mount at `path` (empty: of `directory` itself)."""
    flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH
    if recursive:
        flags |= AT_RECURSIVE
    return syscall(_OPEN_TREE, "open_tree", directory, os.fsencode(path), flags, path=path)


def move_mount(mount: int, target: int, path: str = "") -> None:
    """Attach a detached mount over the file or directory open as `target`, or `path` below it."""
    flags = MOVE_MOUNT_F_EMPTY_PATH | (0 if path else MOVE_MOUNT_T_EMPTY_PATH)
    syscall(_MOVE_MOUNT, "move_mount", mount, b"", target, os.fsencode(path), flags, path=path)


def mount_setattr(
    mount: int,
    attributes: int = 0,
    *,
    clear: int = 0,
    propagation: int = 0,
    userns: int = 0,
    recursive: bool = False,
) -> None:
    """Change attributes of a mount, of every mount below it with `recursive`.

    `userns` is the descriptor of the user namespace for MOUNT_ATTR_IDMAP.
    """
    request = struct.pack("=QQQQ", attributes, clear, propagation, userns)
    flags = AT_EMPTY_PATH | (AT_RECURSIVE if recursive else 0)
    syscall(_MOUNT_SETATTR, "mount_setattr", mount, b"", flags, request, len(request))


def new_mount(kind: str, options: Iterable[tuple[str, str]], attributes: int = 0) -> int:
    """A new, detached mount of a file system; an option without a value is a flag.

    Raises OSError, with the file system's own explanation where it gives one.
    """
    context = syscall(_FSOPEN, "fsopen", kind.encode(), FSOPEN_CLOEXEC, path=kind)
    try:
        for key, value in options:
            _configure(context, key, value)
        syscall(_FSCONFIG, "fsconfig", context, FSCONFIG_CMD_CREATE, None, None, 0)
        return syscall(_FSMOUNT, "fsmount", context, FSMOUNT_CLOEXEC, attributes)
    except OSError as error:
        raise OSError(error.errno, _explained(context, error), kind) from error
    finally:
        os.close(context)


def mount_at(target: str, kind: str, options: Iterable[tuple[str, str]], flags: int = 0) -> None:
    """mount(2): its options may be a page long, where fsconfig(2) takes 255 bytes of each."""
    text = ",".join(f"{key}={value}" if value else key for key, value in options)
    name = kind.encode()
    done = libc.mount(name, os.fsencode(target), name, ctypes.c_ulong(flags), os.fsencode(text))
    check(done, f"mount {kind}", target)


def _configure(context: int, key: str, value: str) -> None:
    command = FSCONFIG_SET_STRING if value else FSCONFIG_SET_FLAG
    text = os.fsencode(value) if value else None
    syscall(_FSCONFIG, f"fsconfig {key}", context, command, key.encode(), text, 0)


def _explained(context: int, error: OSError) -> str:
    return "; ".join([error.strerror or str(error), *messages(context)])


def messages(context: int) -> list[str]:
    """What the kernel left in a context of fsopen(2) to explain an error."""
    said = []
    try:
        while message := os.read(context, 1024):
            said.append(message.decode(errors="replace").strip()[2:])  # after `e `
    except OSError:  # ENODATA: all read
        pass
    return said


def set_propagation(path: str, flags: int) -> None:
    """`mount --make-rprivate` and its sisters."""
    check(libc.mount(None, os.fsencode(path), None, ctypes.c_ulong(flags), None), "mount", path)


def pivot_root(new_root: str, put_old: str) -> None:
    """Change the root mount of this mount namespace."""
    check(libc.pivot_root(os.fsencode(new_root), os.fsencode(put_old)), "pivot_root", new_root)


def unmount(path: str, flags: int = MNT_DETACH) -> None:
    """umount2(2)."""
    check(libc.umount2(os.fsencode(path), flags), "umount2", path)
