"""Copies a file of one layer into another, and attributes from one file to another.

Invariant: overlayfs' own attributes are never copied.
"""

from __future__ import annotations

import os
import stat

from tuidock.engine.images.layers.owners import OVERLAY_PREFIX

_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_AT_ONCE = 1 << 30


def copy_file(source: bytes, directory: int, name: bytes) -> int:
    """Copy anything but a directory, with all its attributes, to a new name; bytes of data.

    Raises OSError.
    """
    status = os.lstat(source)
    if stat.S_ISREG(status.st_mode):
        return _copy_regular(source, directory, name)
    if stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink(source), name, dir_fd=directory)
    else:
        os.mknod(name, status.st_mode, status.st_rdev, dir_fd=directory)
    os.chown(name, status.st_uid, status.st_gid, dir_fd=directory, follow_symlinks=False)
    if not stat.S_ISLNK(status.st_mode):
        os.chmod(name, stat.S_IMODE(status.st_mode), dir_fd=directory)
    times = (status.st_atime_ns, status.st_mtime_ns)
    os.utime(name, ns=times, dir_fd=directory, follow_symlinks=False)
    return 0


def _copy_regular(source: bytes, directory: int, name: bytes) -> int:
    reading = os.open(source, _READ)
    try:
        writing = os.open(name, _CREATE, 0o600, dir_fd=directory)
        try:
            return _copy_data(reading, writing)
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def _copy_data(reading: int, writing: int) -> int:
    size = 0
    while copied := os.sendfile(writing, reading, None, _AT_ONCE):
        size += copied
    copy_attributes(reading, writing)
    status = os.fstat(reading)
    os.utime(writing, ns=(status.st_atime_ns, status.st_mtime_ns))
    return size


def copy_attributes(source: int, target: int) -> None:
    """Owner, mode and extended attributes, from descriptor to descriptor; times are not copied.

    Raises OSError.
    """
    status = os.fstat(source)
    os.chown(target, status.st_uid, status.st_gid)
    os.chmod(target, stat.S_IMODE(status.st_mode))
    for key in map(os.fsencode, os.listxattr(source)):
        if not key.startswith((OVERLAY_PREFIX, b"user.tuidock.", b"trusted.overlay.")):
            os.setxattr(target, key, os.getxattr(source, key))
