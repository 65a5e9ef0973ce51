"""The way netlink messages travel: one `send` for a batch of steps, and the kernel's answers.

The kernel handles a request inside `send`, so all answers lie in the socket when it returns:
there is nothing to wait for, and silence is an error. What a message says is not known here.
Formats: netlink(7), "Netlink protocol" of the kernel documentation (extended acknowledgement).
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
from collections.abc import Sequence

from tuidock.engine.errors import NeedsRoot, NetworkError, Unsupported
from tuidock.engine.named import NamedTuple

ROUTE = 0
NETFILTER = 12

_HEADER = struct.Struct("=IHHII")
_ACK = 0x4
_ERROR = 2
_DONE = 3
_CAPPED, _TLVS = 0x100, 0x200
_ATTR_MSG = 1
_SOL_NETLINK = 270
_CAP_ACK, _EXT_ACK = 10, 11
_MODULES = "bridge veth nf_tables nft_chain_nat nft_ct nft_fib_ipv4 nft_masq nft_nat"
_MISSING = {errno.EOPNOTSUPP, errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT}


class Step(NamedTuple):
    """One message, and what it does in words for a person."""

    name: str
    message: bytes


class NetlinkFailure(NetworkError):
    """The kernel refused a step."""

    def __init__(self, step: str, code: int, reason: str = "", hint: str = "") -> None:
        detail = f" ({reason})" if reason else ""
        super().__init__(f"network: cannot {step}: {os.strerror(code)}{detail}", hint)
        self.code = code


def open_socket(protocol: int) -> socket.socket:
    """A netlink socket of the calling thread's network namespace.

    Raises Unsupported where the kernel lacks the protocol, NeedsRoot, NetworkError.
    """
    try:
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        sock.bind((0, 0))
    except OSError as error:
        raise _translated("open a netlink socket", error.errno or errno.EIO, "") from error
    sock.setsockopt(_SOL_NETLINK, _CAP_ACK, 1)
    sock.setsockopt(_SOL_NETLINK, _EXT_ACK, 1)
    return sock


def request(sock: socket.socket, steps: Sequence[Step]) -> None:
    """Carry out independent steps in order with one send; all are tried.

    Raises the first failure (NetlinkFailure, NeedsRoot, Unsupported).
    """
    _talk(sock, steps, dict.fromkeys(range(len(steps)), _ACK))


def transact(sock: socket.socket, edges: tuple[bytes, bytes], steps: Sequence[Step]) -> None:
    """Carry out steps all or none, between the edges of an nf_tables batch.

    Only the last one asks for an answer, since a thousand of them would overflow the socket;
    a failing step answers in any case. Raises as `request`.
    """
    begin, end = edges
    framed = [Step("begin a transaction", begin), *steps, Step("commit a transaction", end)]
    _talk(sock, framed, {len(steps): _ACK})


def ask(sock: socket.socket, step: Step) -> list[bytes]:
    """All messages of the answer to a question, a dump or a single one. Raises as `request`."""
    sock.send(_framed(step.message, 0, _ACK))
    found: list[bytes] = []
    while True:
        for kind, _, message in _messages(sock.recv(1 << 16)):
            if kind == _ERROR:
                _check(step, message)
            if kind in (_ERROR, _DONE):  # an error of 0 is the acknowledgement
                return found
            found.append(message)


def _talk(sock: socket.socket, steps: Sequence[Step], flags: dict[int, int]) -> None:
    batch = b"".join(
        _framed(step.message, number, flags.get(number, 0)) for number, step in enumerate(steps)
    )
    try:
        sock.send(batch)
        waiting = _answers(sock, steps, set(flags))
    except OSError as error:
        raise _translated(steps[-1].name, error.errno or errno.EIO, "") from error
    if waiting:
        raise NetlinkFailure(steps[min(waiting)].name, errno.EPROTO, "no answer")


def _answers(sock: socket.socket, steps: Sequence[Step], waiting: set[int]) -> set[int]:
    """Read what is there; the numbers of the steps that are still without an answer."""
    while True:
        try:
            data = sock.recv(1 << 16, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return waiting
        for kind, number, message in _messages(data):
            if kind == _ERROR:
                _check(steps[number], message)
                waiting.discard(number)


def _framed(message: bytes, number: int, flags: int) -> bytes:
    length, kind, given, _, port = _HEADER.unpack_from(message)
    return _HEADER.pack(length, kind, given | flags, number, port) + message[_HEADER.size :]


def _messages(data: bytes) -> list[tuple[int, int, bytes]]:
    """(type, sequence number, whole message) of each message of a datagram."""
    found = []
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, _, number, _ = _HEADER.unpack_from(data, offset)
        found.append((kind, number, data[offset : offset + length]))
        offset += (max(length, _HEADER.size) + 3) & ~3
    return found


def _check(step: Step, message: bytes) -> None:
    """Raise what an NLMSG_ERROR says, if it says something."""
    code = -int.from_bytes(message[16:20], sys.byteorder, signed=True)
    if code:
        raise _translated(step.name, code, _reason(message))


def _reason(message: bytes) -> str:
    """The kernel's own words in an extended acknowledgement."""
    flags = _HEADER.unpack_from(message)[2]
    if not flags & _TLVS:
        return ""
    echoed = 16 if flags & _CAPPED else _HEADER.unpack_from(message, 20)[0]
    offset = 20 + ((echoed + 3) & ~3)
    while offset + 4 <= len(message):
        length, kind = struct.unpack_from("=HH", message, offset)
        if kind & 0x3FFF == _ATTR_MSG:
            return message[offset + 4 : offset + length].rstrip(b"\0").decode(errors="replace")
        offset += (max(length, 4) + 3) & ~3
    return ""


def _translated(step: str, code: int, reason: str) -> NetworkError | NeedsRoot | Unsupported:
    if code in (errno.EPERM, errno.EACCES):
        return NeedsRoot(f"network: cannot {step}: {os.strerror(code)}", "run tuidock as root")
    if code in _MISSING:
        return Unsupported(
            f"network: cannot {step}: the kernel lacks it",
            f"load the kernel modules: modprobe -a {_MODULES}",
        )
    return NetlinkFailure(step, code, reason)
