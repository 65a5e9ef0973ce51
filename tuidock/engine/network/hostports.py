"""Ports of the host: which are wanted, which are free.

A published port is translated before any socket sees it, so the kernel alone would let it shadow
a server of the host. Invariant: no port is given out that a socket or another endpoint has.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Sequence

from tuidock.engine.errors import BadSpec, HostError, PortInUse
from tuidock.engine.network import ports
from tuidock.engine.types import ContainerSpec, Port

_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
_ATTEMPTS = 100
_TOLD = 100
"""Rows of ports that a record of a birth names: a message has its limit."""
_RANGE = "/proc/sys/net/ipv4/ip_local_port_range"


def wanted(spec: ContainerSpec, exposed: Sequence[str]) -> list[Port]:
    """What a container publishes: its own list, and with `publish_all` what its image exposes."""
    found = list(spec.ports)
    if spec.publish_all:
        asked = {(port.container_port, port.protocol) for port in found}
        every = [port for text in exposed for port in ports.exposed(text)]
        found += [port for port in every if (port.container_port, port.protocol) not in asked]
    return list(dict.fromkeys(found))


def choose(wanted: Sequence[Port], taken: Sequence[Port]) -> tuple[Port, ...]:
    """Check every host port, and choose one for each that is 0, or of a range.

    Raises PortInUse, BadSpec (an address that this host does not have).
    """
    chosen: list[Port] = []
    for port in sorted(wanted, key=lambda port: (port.host_port == 0, port.host_last)):
        others = [*taken, *chosen]
        if port.host_last:
            chosen.append(_of_range(port, others))
        else:
            chosen.append(_checked(port, others) if port.host_port else _free(port, others))
    return tuple(sorted(chosen, key=lambda port: (port.container_port, port.protocol)))


def described(published: Sequence[Port]) -> list[str]:
    """What it means that these ports are open: a line for each row of them, and not too many."""
    rows: list[list[Port]] = []
    for port in published:
        if rows and _follows(port, rows[-1][-1]):
            rows[-1].append(port)
        else:
            rows.append([port])
    more = [f"{len(rows) - _TOLD} more ports are open"] if len(rows) > _TOLD else []
    return [_row(row[0], row[-1]) for row in rows[:_TOLD]] + more


def _follows(port: Port, other: Port) -> bool:
    return port == other._replace(
        host_port=other.host_port + 1, container_port=other.container_port + 1
    )


def _row(first: Port, last: Port) -> str:
    hosts, inside = (
        f"{low}-{high}" if high > low else f"{low}"
        for low, high in (
            (first.host_port, last.host_port),
            (first.container_port, last.container_port),
        )
    )
    return f"{first.host_ip or '*'}:{hosts}/{first.protocol} leads to {inside}"


def clash(port: Port, other: Port) -> bool:
    """Whether two publications want the same packets."""
    same = (port.host_port, port.protocol) == (other.host_port, other.protocol)
    return same and (not port.host_ip or not other.host_ip or port.host_ip == other.host_ip)


def hold(published: Sequence[Port]) -> list[socket.socket]:
    """Bound sockets for published ports: as long as one is open, no server gets that port.

    Nothing is ever read from them. Raises PortInUse, BadSpec.
    """
    held: list[socket.socket] = []
    try:
        held.extend(_bound(port) for port in published if port.protocol in _KINDS)
    except BaseException:
        for sock in held:
            sock.close()
        raise
    return held


def _checked(port: Port, others: Sequence[Port]) -> Port:
    if any(clash(port, other) for other in others):
        raise PortInUse(port.host_ip or "0.0.0.0", port.host_port)
    for sock in hold([port]):
        sock.close()
    return port


def _of_range(port: Port, others: Sequence[Port]) -> Port:
    """The first that is free. Raises PortInUse of the last, when none is."""
    for number in range(port.host_port, port.host_last):
        try:
            return _checked(port._replace(host_port=number, host_last=0), others)
        except PortInUse:
            continue
    return _checked(port._replace(host_port=port.host_last, host_last=0), others)


def _free(port: Port, others: Sequence[Port]) -> Port:
    """A port of the host's ephemeral range, drawn at random so that two roots rarely meet."""
    with open(_RANGE, encoding="ascii") as file:
        low, high = (int(field) for field in file.read().split())
    for _ in range(_ATTEMPTS):
        drawn = low + int.from_bytes(os.urandom(4), "big") % (high - low + 1)
        try:
            return _checked(port._replace(host_port=drawn), others)
        except PortInUse:
            continue
    raise PortInUse(port.host_ip or "0.0.0.0", 0)


def _bound(port: Port) -> socket.socket:
    sock = socket.socket(socket.AF_INET, _KINDS[port.protocol] | socket.SOCK_CLOEXEC)
    try:
        if port.protocol == "tcp":  # connections of yesterday's server do not hold a port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((port.host_ip, port.host_port))
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(port.host_ip or "0.0.0.0", port.host_port) from error
        if error.errno == errno.EACCES:
            raise _privileged(port) from error
        raise BadSpec(
            f"cannot publish on {port.host_ip or '0.0.0.0'}:{port.host_port}: {error.strerror}",
            "publish on an address of this host: see `ip -br address`",
        ) from error
    return sock


def _privileged(port: Port) -> HostError:
    return HostError(
        f"cannot publish on port {port.host_port}, which is root's",
        f"sysctl net.ipv4.ip_unprivileged_port_start={port.host_port}; or publish a higher one",
    )
