"""The memory that a process and all forked from it have in common, as a file in memory.

What a child has written to of anonymous memory is its own for good. What it has written to of
this, it can give back: madvise(2), and the file's content is there again. Invariant: the file
is never written to again, which the kernel sees to.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
from contextlib import suppress

from tuidock.engine.linux import stub
from tuidock.engine.linux.arena import Arena
from tuidock.engine.linux.libc import libc

_LEAST = 32 * mmap.PAGESIZE
"""Smaller areas are not worth a mapping; the C library's own are among them."""
_SEALS = 0x1 | 0x2 | 0x4 | 0x8  # F_SEAL_SEAL, _SHRINK, _GROW, _WRITE
_MFD_CLOEXEC, _MFD_ALLOW_SEALING = 1, 2
_REFUSALS = (errno.EFAULT, errno.ENOMEM, errno.ENOSPC, errno.EINVAL)
_READ_WRITE = mmap.PROT_READ | mmap.PROT_WRITE
_POPULATE_READ = 22
_PRIVATE_FIXED = mmap.MAP_PRIVATE | 0x10
areas: list[tuple[int, int]] = []
"""Start and end of what was laid; of this process, and of all forked from it since."""


def lay() -> None:
    """Make a file of our memory, but for the stack. No-op where that cannot be.

    To be called once, when nearly all is there that is to be shared.
    """
    if not stub.shares_memory():
        return
    found = _large_areas()
    with suppress(OSError):  # then it is as it was, and shared until it is written to
        file = os.memfd_create("tuidock-ground", _MFD_CLOEXEC | _MFD_ALLOW_SEALING)
        try:
            os.posix_fallocate(file, 0, sum(end - start for start, end in found))
            _put_under(file, found)
            fcntl.fcntl(file, fcntl.F_ADD_SEALS, _SEALS)
        finally:
            os.close(file)
        areas.extend(found)


def _large_areas() -> list[tuple[int, int]]:
    found = []
    with open("/proc/self/maps", "rb") as file:
        for line in file:
            addresses, permissions, *_, name = line.split()
            start, end = (int(each, 16) for each in addresses.split(b"-"))
            if permissions == b"rw-p" and name != b"[stack]" and end - start >= _LEAST:
                found.append((start, end))
    return found


def _put_under(file: int, found: list[tuple[int, int]]) -> None:
    """While we stand still, for what is written between copy and mapping would be lost."""
    starter = os.pidfd_open(os.getpid())
    apart = stub.Stub(Arena(shared=False), starter, code=stub.CODE)
    offset = 0
    for start, end in found:
        size = end - start
        place = (start, size, _READ_WRITE, _PRIVATE_FIXED, file, offset)
        apart.add("pwrite64", file, start, size, offset, fine=_REFUSALS, skip=1)
        apart.add("mmap", *place, fine=_REFUSALS)  # what is refused stays as it is
        offset += size
    try:
        apart.run_apart()
    finally:
        apart.close()
        os.close(starter)
    for start, end in found:  # else a page that one child looks at counts as that child's own
        libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _POPULATE_READ)
