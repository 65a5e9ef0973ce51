"""Unix sockets that carry whole messages (SOCK_SEQPACKET) and descriptors (SCM_RIGHTS).

`_socket` rather than `socket`: the wrapper costs every `tuidock run` 6 ms of imports, and
none of what it adds is used here. Invariant: a message arrives whole or not at all.
"""

from __future__ import annotations

import _socket
import os
import select
import struct

from tuidock.engine.linux.files import unlink

AF_UNIX = _socket.AF_UNIX
SEQPACKET = _socket.SOCK_SEQPACKET
MAX_MESSAGE = 128 * 1024
"""Bytes; what is longer is cut by the receiver and refused by `Packets.receive`."""
SMALL_MESSAGE = 16 * 1024
MAX_DESCRIPTORS = 250
_SO_SNDBUFFORCE = 32
_ROOM = 1 << 20
Listener = _socket.socket
_SUN_PATH = 108
"""Bytes of a socket's name, unix(7)."""


class Packets:
    """One end of a line of messages, blocking unless told otherwise."""

    def __init__(self, line: _socket.socket) -> None:
        self.line = line

    def fileno(self) -> int:
        return self.line.fileno()

    def close(self) -> None:
        self.line.close()

    def send(self, message: bytes, descriptors: tuple[int, ...] = ()) -> None:
        """Raises OSError; BlockingIOError when non-blocking and there is no room."""
        ancillary = []
        if descriptors:
            packed = struct.pack(f"={len(descriptors)}i", *descriptors)
            ancillary = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, packed)]
        self.line.sendmsg([message], ancillary, _socket.MSG_NOSIGNAL)

    def receive(self, size: int = MAX_MESSAGE) -> tuple[bytes, list[int]]:
        """The next message and the descriptors that came with it; (b"", []) at the end.

        `size`: a small buffer is cheaper where only small messages are expected.

        Raises OSError; BlockingIOError when non-blocking and there is nothing.
        """
        space = _socket.CMSG_SPACE(MAX_DESCRIPTORS * 4)
        flags = _socket.MSG_CMSG_CLOEXEC
        message, ancillary, state, _ = self.line.recvmsg(size, space, flags)
        descriptors: list[int] = []
        for _level, kind, data in ancillary:
            if kind == _socket.SCM_RIGHTS:
                descriptors += struct.unpack(f"={len(data) // 4}i", data[: len(data) // 4 * 4])
        if state & (_socket.MSG_TRUNC | _socket.MSG_CTRUNC):
            for descriptor in descriptors:
                os.close(descriptor)
            raise OSError(90, "message too long")
        return message, descriptors

    def finish(self) -> None:
        """Send no more: the other end hears that, and can still answer. Raises OSError."""
        self.line.shutdown(_socket.SHUT_WR)

    def peer(self) -> tuple[int, int]:
        """(pid, uid) of whoever made the other end."""
        size = struct.calcsize("3i")
        data = self.line.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, size)
        pid, uid, _gid = struct.unpack("3i", data)
        return pid, uid

    def set_blocking(self, *, blocking: bool) -> None:
        self.line.setblocking(blocking)

    def make_room(self) -> None:
        """Enlarge the send buffer, as far as this process may."""
        try:
            self.line.setsockopt(_socket.SOL_SOCKET, _SO_SNDBUFFORCE, _ROOM)
        except PermissionError:
            self.line.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDBUF, _ROOM)


def pair() -> tuple[Packets, Packets]:
    """Two connected ends."""
    one, other = _socket.socketpair(AF_UNIX, SEQPACKET, 0)
    return Packets(one), Packets(other)


def connect(path: str) -> Packets:
    """Raises OSError: FileNotFoundError, ConnectionRefusedError when nobody listens."""
    address, directory = _address(path)
    line = _socket.socket(AF_UNIX, SEQPACKET, 0)
    try:
        line.connect(address)
    except OSError:
        line.close()
        raise
    finally:
        _close(directory)
    return Packets(line)


def listen(path: str) -> _socket.socket:
    """A listening socket at `path`, mode 0600, in place of what was there."""
    listener = _socket.socket(AF_UNIX, SEQPACKET, 0)
    unlink(path)
    address, directory = _address(path)
    try:
        listener.bind(address)
    finally:
        _close(directory)
    os.chmod(path, 0o600)
    listener.listen(128)
    return listener


def listen_stream(path: str) -> _socket.socket:
    """A listening stream socket at a path of less than 108 bytes; accepting does not block."""
    listener = _socket.socket(AF_UNIX, _socket.SOCK_STREAM, 0)
    listener.bind(path)
    listener.listen(1)
    listener.setblocking(False)
    return listener


def _address(path: str) -> tuple[str, int]:
    """A name that fits into sun_path, and the open directory that it goes by; -1 without one.

    `/run/user/1000/tuidock/containers/ID/monitor.sock` is already too long.
    """
    if len(os.fsencode(path)) < _SUN_PATH:
        return path, -1
    directory = os.open(os.path.dirname(path), os.O_PATH | os.O_CLOEXEC)
    return f"/proc/self/fd/{directory}/{os.path.basename(path)}", directory


def _close(descriptor: int) -> None:
    if descriptor >= 0:
        os.close(descriptor)


def accept(listener: _socket.socket) -> Packets:
    """The next connection."""
    descriptor, _ = listener._accept()  # type: ignore[attr-defined]
    return packets(descriptor)


def accept_own(listener: _socket.socket) -> Packets | None:
    """The next connection, if it is of our user or root; None when there is none."""
    try:
        line = accept(listener)
    except BlockingIOError:
        return None
    if line.peer()[1] in (0, os.geteuid()):
        return line
    line.close()
    return None


def datagram_socket() -> _socket.socket:
    """An IPv4 socket to ask the kernel about interfaces with ioctl(2)."""
    return _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM, 0)


def adopt(descriptor: int) -> _socket.socket:
    """A listening socket inherited as a descriptor; accepting does not block."""
    os.set_inheritable(descriptor, False)
    listener = _socket.socket(AF_UNIX, SEQPACKET, 0, descriptor)
    listener.setblocking(False)
    return listener


def packets(descriptor: int) -> Packets:
    """A connected line received as a descriptor."""
    return Packets(_socket.socket(AF_UNIX, SEQPACKET, 0, descriptor))


def readable(packets: Packets, timeout: float) -> bool:
    """Wait until there is a message, or the end; False after `timeout` seconds (< 0: never)."""
    poll = select.poll()
    poll.register(packets.fileno(), select.POLLIN)
    return bool(poll.poll(None if timeout < 0 else timeout * 1000))
