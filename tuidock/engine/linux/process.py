"""Processes: clone3(2), namespaces, capabilities, names in `ps`; for single-threaded callers.

Invariant: whoever calls `clone` has one thread, because the child gets a copy of its locks.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import struct
import sys

from tuidock.engine.linux.libc import check, libc, syscall
from tuidock.engine.linux.proc import stat

# <linux/sched.h>
CLONE_INTO_CGROUP = 0x200000000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWNET = 0x40000000
CLONE_NEWNS = 0x00020000
CLONE_NEWPID = 0x20000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWUTS = 0x04000000
CLONE_PARENT = 0x00008000
CLONE_PIDFD = 0x00001000

# <linux/prctl.h>
PR_CAPBSET_DROP = 24
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
PR_SET_CHILD_SUBREAPER = 36
PR_SET_DUMPABLE = 4
PR_SET_KEEPCAPS = 8
PR_SET_NAME = 15
PR_SET_NO_NEW_PRIVS = 38
PR_SET_PDEATHSIG = 1
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2

_CAPABILITY_VERSION_3 = 0x20080522
_CLONE = {"x86_64": 56, "aarch64": 220}.get(os.uname().machine, 0)
_CLONE3 = 435
_CLOSE_RANGE = 436
_CLOSE_RANGE_CLOEXEC = 4
_PIDFD_INFO_EXIT = 8
_PIDFD_SEND_SIGNAL = 424
_POPULATE_WRITE = 23
_SIGCHLD = 17


def clone(flags: int, cgroup: int = 0) -> tuple[int, int]:
    """fork(2) with namespaces. Returns (pid, pidfd) to the parent and (0, -1) to the child.

    `cgroup` is the descriptor of a cgroup v2 directory for CLONE_INTO_CGROUP. Raises OSError.
    """
    pidfd = ctypes.c_int(-1)
    request = ctypes.create_string_buffer(
        struct.pack(
            "=11Q",
            flags | CLONE_PIDFD,
            ctypes.addressof(pidfd),
            *(0, 0, 0 if flags & CLONE_PARENT else _SIGCHLD, 0, 0, 0, 0, 0, cgroup),
        ),
        88,
    )
    pid = syscall(_CLONE3, "clone3", request, 88)
    return (pid, pidfd.value) if pid else (0, -1)


def clone_child() -> int:
    """fork(2) without what Python and the C library do about threads and locks: half the
    memory that the parent has to copy after a fork is written to by that.
    """
    return syscall(_CLONE, "clone", _SIGCHLD, 0, 0, 0, 0)


def clone_sibling() -> int:
    """fork(2), but the child is a child of our parent. For use below a seccomp filter, which
    cannot look into clone3's arguments and therefore refuses it.
    """
    return syscall(_CLONE, "clone", CLONE_PARENT | _SIGCHLD, 0, 0, 0, 0)


def act_as(number: int) -> None:
    """Make and reach files as user and group `number`, and keep every capability.

    Unlike setuid(2), setfsuid(2) leaves alone who may signal and trace us. Raises OSError.
    """
    libc.setfsgid(number)
    libc.setfsuid(number)
    capset(permitted())  # leaving 0 takes those that are about files


def unshare(flags: int) -> None:
    """Leave the namespaces in `flags` for new ones."""
    check(libc.unshare(flags), "unshare")


def setns(descriptor: int, flags: int) -> None:
    """Join the namespaces `flags` of a process (a pidfd), or one namespace."""
    check(libc.setns(descriptor, flags), "setns")


def prctl(option: int, *arguments: int) -> int:
    """prctl(2) with integer arguments."""
    return check(_prctl(option, *(*arguments, 0, 0, 0, 0)[:4]), f"prctl {option}")


_prctl = libc["prctl"]
_prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]


def capability_words(permitted: int) -> tuple[bytes, bytes]:
    """The arguments of capset(2): permitted and, equal to them, effective capabilities, as bits.

    None is inheritable.
    """
    low, high = permitted & 0xFFFFFFFF, permitted >> 32
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    return header, struct.pack("=6I", low, low, 0, high, high, 0)


def capset(permitted: int) -> None:
    """Take all capabilities but these, bits, from the calling process."""
    check(libc.capset(*capability_words(permitted)), "capset")


def permitted() -> int:
    """The capabilities that the calling process may have, as bits; capget(2)."""
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    data = ctypes.create_string_buffer(24)
    check(libc.capget(header, data), "capget")
    _, low, _, _, high, _ = struct.unpack("=6I", data.raw)
    return int(high << 32 | low)


def close_range(first: int, last: int = 0xFFFFFFFF, *, on_exec: bool = False) -> None:
    """Close all descriptors from `first` to `last`, at once or at the next execve."""
    flags = _CLOSE_RANGE_CLOEXEC if on_exec else 0
    if first <= last:
        syscall(_CLOSE_RANGE, "close_range", first, last, flags)


def load_filter(program: bytes) -> None:
    """Install a seccomp BPF program, 8 bytes an instruction, for this process and its children."""
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    block = ctypes.create_string_buffer(header, len(header))
    address = ctypes.c_ulong(ctypes.addressof(block))
    mode = ctypes.c_ulong(SECCOMP_MODE_FILTER)
    check(
        libc.prctl(PR_SET_SECCOMP, mode, address, ctypes.c_ulong(0), ctypes.c_ulong(0)), "seccomp"
    )


def shared_memory() -> list[tuple[int, int]]:
    """Start and end of each area of which we share pages with our parent, just after fork(2)."""
    areas = []
    with open("/proc/self/maps", "rb") as file:
        for line in file:
            addresses, permissions = line.split(None, 2)[:2]
            if permissions == b"rw-p":
                start, end = addresses.split(b"-")
                areas.append((int(start, 16), int(end, 16)))
    return areas


def own_memory(areas: list[tuple[int, int]]) -> None:
    """Copy all of them at once, before they are needed: taken one by one, each page costs several
    microseconds. What was mapped since is left alone. No-op before Linux 5.14.
    """
    for start, end in areas:
        libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _POPULATE_WRITE)


def set_title(title: str) -> None:
    """The name that `ps` and `top` show for this process.

    Only the memory that execve made for the arguments is written, so a long title is cut.
    """
    name = title.encode()
    check(libc.prctl(PR_SET_NAME, ctypes.c_char_p(name[:15]), 0, 0, 0), "prctl")
    if not _arguments:
        _arguments.extend(map(int, stat(os.getpid())[45:47]))
    start, end = _arguments
    if size := end - start:
        ctypes.memmove(start, name[: size - 1].ljust(size, b"\0"), size)


_arguments: list[int] = []
"""Where they begin and end; the same in every process forked from this one."""


def set_hostname(name: str) -> None:
    """sethostname(2)."""
    encoded = name.encode()
    check(libc.sethostname(encoded, ctypes.c_size_t(len(encoded))), "sethostname")


def send_signal(pidfd: int, number: int) -> None:
    """Send a signal to exactly that process. Raises ProcessLookupError when it is gone."""
    syscall(_PIDFD_SEND_SIGNAL, "pidfd_send_signal", pidfd, number, None, 0)


def zombie_status(pid: int, pidfd: int) -> int | None:
    """The wait status of a dead child of somebody else's; None once it was reaped."""
    try:
        os.readlink(f"/proc/{pid}/ns/user")  # whoever may not see this reads 0 as the status
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            status = int(file.read(4096).rpartition(b" ")[2])
        send_signal(pidfd, 0)  # it has its number still, so it was not another's
    except OSError:
        return None
    return status


def exit_status(pidfd: int) -> int | None:
    """The wait status of a process that somebody else reaped; None when it cannot be known.

    Needs PIDFD_GET_INFO with exit information (Linux 6.15).
    """
    size = 64  # struct pidfd_info, first version
    info = bytearray(struct.pack("=Q56x", _PIDFD_INFO_EXIT))
    try:
        fcntl.ioctl(pidfd, 0xC000FF0B | size << 16, info)
    except OSError as error:
        if error.errno in (errno.ENOTTY, errno.EINVAL, errno.ESRCH):
            return None
        raise
    (mask,) = struct.unpack_from("=Q", info)
    return int(struct.unpack_from("=i", info, 60)[0]) if mask & _PIDFD_INFO_EXIT else None


def forbid_imports() -> None:
    """For an interpreter that enters a container: a module that it loads would be the image's."""
    sys.meta_path.clear()
    sys.path.clear()
    sys.path_hooks.clear()
