"""Locks the unpacking process in: namespaces, a new root, landlock, capabilities, limits.

Must be called while the process has one thread: namespaces, capabilities and landlock belong
to threads. Without privileges landlock alone holds.
"""

from __future__ import annotations

import os
import resource
import struct
import sys

from tuidock.engine.linux.landlock import landlock
from tuidock.engine.linux.libc import check, libc, syscall
from tuidock.engine.linux.process import close_range

_CLONE_NEWNS, _CLONE_NEWIPC, _CLONE_NEWNET = 0x00020000, 0x08000000, 0x40000000
_MS_BIND, _MS_REC, _MS_PRIVATE = 1 << 12, 1 << 14, 1 << 18
_MNT_DETACH = 2
_CAPSET, _PIVOT_ROOT = 126, 155
_CAPABILITIES_V3 = 0x20080522
_CHOWN, _DAC_OVERRIDE, _FOWNER, _FSETID, _MKNOD, _SETFCAP = 0, 1, 3, 4, 27, 31
_KEPT = sum(1 << n for n in (_CHOWN, _DAC_OVERRIDE, _FOWNER, _FSETID, _MKNOD, _SETFCAP))
_DESCRIPTORS = 4096


def lock_in(root: int, last: int, memory: int) -> None:
    """Leave this process the directory `root`, descriptors up to `last`, and `memory` bytes.

    Raises OSError.
    """
    close_range(last + 1)
    _limit(memory)
    os.umask(0)
    if os.geteuid() == 0:
        _pivot(root)
    landlock(root)
    _drop_capabilities()
    sys.meta_path.clear()  # an import from here on would run the layer's code
    sys.path.clear()


def _limit(memory: int) -> None:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _pivot(root: int) -> None:
    """Make `root` the root directory of a mount namespace that has no other mount."""
    # Not getcwd(3), which has to read every directory on the way once the mount is another one's.
    here = os.fsencode(os.readlink(f"/proc/self/fd/{root}"))
    check(libc.unshare(_CLONE_NEWNS | _CLONE_NEWIPC | _CLONE_NEWNET), "unshare")
    check(libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None), "mount(MS_PRIVATE)")
    check(libc.mount(here, here, None, _MS_BIND, None), "mount(MS_BIND)")
    os.chdir(here)
    syscall(_PIVOT_ROOT, "pivot_root", b".", b".")
    check(libc.umount2(b".", _MNT_DETACH), "umount2")
    os.chdir("/")
    new = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    os.dup2(new, root, inheritable=False)  # the old descriptor was of the host's mount
    os.close(new)


def _drop_capabilities() -> None:
    """Keep what owning files needs; above all not CAP_DAC_READ_SEARCH, which opens by handle."""
    if os.geteuid() != 0:
        return
    header = struct.pack("Ii", _CAPABILITIES_V3, 0)
    low = _KEPT & 0xFFFFFFFF
    syscall(_CAPSET, "capset", header, struct.pack("6I", low, low, 0, 0, 0, 0))
