"""Machine code of ours, made executable.

Invariant: what can be executed cannot be written.
"""

from __future__ import annotations

import ctypes
import errno
import os

from tuidock.engine.linux.libc import libc

_PAGE = 4096
_MFD_CLOEXEC, _MFD_EXEC = 1, 0x10


def executable(code: bytes) -> int:
    """Its address, 0 where there is none or where none may be executed.

    By a file in memory: the kernel then sees to the caches, and nothing is writable.
    """
    if not code:
        return 0
    try:
        file = _executable_file()
        os.write(file, code)
        libc.mmap.restype = ctypes.c_long
        readable_and_executable, private = 1 | 4, 2
        length, start = ctypes.c_size_t(_PAGE), ctypes.c_long(0)
        found = libc.mmap(None, length, readable_and_executable, private, file, start)
    except OSError:
        return 0
    os.close(file)
    return 0 if found == -1 else int(found)


def _executable_file() -> int:
    try:
        return os.memfd_create("tuidock-stub", _MFD_CLOEXEC | _MFD_EXEC)
    except OSError as error:
        if error.errno != errno.EINVAL:  # before Linux 6.3, where all of them are executable
            raise
        return os.memfd_create("tuidock-stub", _MFD_CLOEXEC)
