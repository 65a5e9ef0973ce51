"""Pseudo-terminals made inside a container, whose processes may be hostile.

Invariant: the master comes from a real devpts, its slave by TIOCGPTPEER from the master, so
that no exchange of names below /dev/pts can slip in another device (CVE-2025-52565).
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import struct
import termios

from tuidock.engine.linux.libc import check, libc
from tuidock.engine.linux.openat2 import PLAIN
from tuidock.engine.named import NamedTuple
from tuidock.engine.runtime import asking as a

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tuidock.engine.linux.stub import Stub
    from tuidock.engine.runtime.asking import Descriptor

_DEVPTS_MAGIC = 0x1CD1
_TIOCGPTPEER = 0x5441
_TIOCSPTLCK = 0x40045431


class Terminal(NamedTuple):
    """The two ends, as descriptors that the stub and its starter share."""

    master: int
    slave: int


def open_terminal(stub: Stub, root: Descriptor) -> Terminal:
    """Have a pty made in the /dev/pts of a container's root. Raises OSError."""
    flags = os.O_RDWR | os.O_NOCTTY
    opened = a.open_in(stub, root, "dev/pts/ptmx", flags, PLAIN)
    stub.run()
    master = opened.known
    if _magic(master) != _DEVPTS_MAGIC:
        raise OSError(errno.EINVAL, "not a devpts file system", "/dev/pts")
    stub.add("ioctl", master, _TIOCSPTLCK, struct.pack("i", 0))
    slave = stub.call("ioctl", master, _TIOCGPTPEER, flags | os.O_CLOEXEC)
    return Terminal(master, slave)


def _magic(descriptor: int) -> int:
    """`f_type` of the file system, the first word of struct statfs."""
    buffer = ctypes.create_string_buffer(256)
    check(libc.fstatfs(descriptor, buffer), "fstatfs")
    return int(struct.unpack_from("@l", buffer)[0])


def take(stub: Stub, slave: int) -> None:
    """Make the slave the controlling terminal of the stub's session."""
    stub.add("ioctl", slave, termios.TIOCSCTTY, 0)


def make_console(stub: Stub, root: Descriptor, slave: int) -> None:
    """Bind a terminal over /dev/console."""
    target = a.make_file(stub, root, "/dev/console", 0o600)
    a.move_mount(stub, a.open_tree(stub, slave), target)


def set_size(terminal: int, columns: int, rows: int) -> None:
    """Tell the terminal its size in characters; its foreground job gets SIGWINCH."""
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
