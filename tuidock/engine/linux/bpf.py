"""bpf(2), as far as a cgroup's say about devices needs it: load a program, attach it.

Invariant: a program lives as long as the cgroup that it is attached to, and no longer; nothing
is pinned.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from tuidock.engine.linux.libc import syscall

# <linux/bpf.h>
_BPF = {"x86_64": 321, "aarch64": 280}.get(os.uname().machine, 0)
_PROG_LOAD = 5
_PROG_ATTACH = 8
_PROG_TYPE_CGROUP_DEVICE = 15
_ATTACH_CGROUP_DEVICE = 6
_LICENSE = b"Apache-2.0"
"""Only who calls the kernel's GPL helpers has to name that one; we call none."""


def load_device_program(instructions: bytes) -> int:
    """A descriptor of the program, 8 bytes an instruction. Raises OSError (EPERM: not allowed)."""
    code = ctypes.create_string_buffer(instructions, len(instructions))
    license = ctypes.create_string_buffer(_LICENSE)
    request = struct.pack(
        "=IIQQ24x",
        _PROG_TYPE_CGROUP_DEVICE,
        len(instructions) // 8,
        ctypes.addressof(code),
        ctypes.addressof(license),
    )
    return _bpf(_PROG_LOAD, "bpf load", request)


def attach_device_program(cgroup: int, program: int) -> None:
    """Let `program` decide for the cgroup v2 open as `cgroup`; one attached before is replaced.

    Without flags the kernel keeps a single program and exchanges it in one step; those of
    ancestors go on to be asked too, and below nobody may attach a further one. Raises OSError.
    """
    request = struct.pack("=IIII", cgroup, program, _ATTACH_CGROUP_DEVICE, 0)
    _bpf(_PROG_ATTACH, "bpf attach", request)


def _bpf(command: int, name: str, request: bytes) -> int:
    if not _BPF:
        raise OSError(errno.ENOSYS, f"{name}: {os.strerror(errno.ENOSYS)}")
    return syscall(_BPF, name, command, request, len(request))
