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

from tuidock.engine.linux import mount as m
from tuidock.engine.linux.libc import check, libc
from tuidock.engine.linux.openat2 import PLAIN, make_file, openat2
from tuidock.engine.runtime.protocol import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tuidock.engine.linux.sockets import Packets

_DEVPTS_MAGIC = 0x1CD1
_TIOCGPTPEER = 0x5441
_TIOCSPTLCK = 0x40045431


def open_terminal(line: Packets) -> int:
    """Make a pty in our root's /dev/pts, send the master along `line`, return the slave."""
    root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    flags = os.O_RDWR | os.O_NOCTTY
    master = openat2(root, "dev/pts/ptmx", flags, PLAIN)
    os.close(root)
    if _magic(master) != _DEVPTS_MAGIC:
        raise OSError(errno.EINVAL, "not a devpts file system", "/dev/pts")
    fcntl.ioctl(master, _TIOCSPTLCK, struct.pack("i", 0))
    slave = fcntl.ioctl(master, _TIOCGPTPEER, flags | os.O_CLOEXEC)
    line.send(encode({"terminal": True}), (master,))
    os.close(master)
    return slave


def _magic(descriptor: int) -> int:
    """`f_type` of the file system, the first word of struct statfs."""
    buffer = ctypes.create_string_buffer(256)
    check(libc.fstatfs(descriptor, buffer), "fstatfs")
    return int(struct.unpack_from("@l", buffer)[0])


def adopt(slave: int) -> None:
    """Make the slave this session's controlling terminal and its standard streams."""
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for number in range(3):
        os.dup2(slave, number, inheritable=True)
    if slave > 2:
        os.close(slave)


def make_console() -> None:
    """Bind our terminal (descriptor 0) over /dev/console."""
    root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    target = make_file(root, "/dev/console", 0o600)
    tree = m.open_tree(0, "")
    m.move_mount(tree, target)
    for descriptor in (root, target, tree):
        os.close(descriptor)


def set_size(terminal: int, columns: int, rows: int) -> None:
    """Tell the terminal its size in characters; its foreground job gets SIGWINCH."""
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
