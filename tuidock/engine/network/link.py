"""Links: the bridge of a network, and the veth pair that plugs a container into it.

What the messages say is in `wiring`. Invariant: a container's end is born in its network
namespace, nothing is ever moved, and this thread is there only to open a socket.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tuidock.engine.errors import NetworkError
from tuidock.engine.linux.libc import check, libc
from tuidock.engine.network import netlink
from tuidock.engine.network.ipam import Bridge, Endpoint
from tuidock.engine.network.laps import Laps
from tuidock.engine.network.netlink import NetlinkFailure, Step
from tuidock.engine.network.stencils import Stencils, fill, number

CLONE_NEWNET = 0x40000000
_RUNNING = 0x40  # IFF_RUNNING
_FLAGS = struct.Struct("=16x 8x I")
"""struct nlmsghdr, then struct ifinfomsg up to ifi_flags."""
_SIOCGIFMTU = 0x8921
_IFREQ = struct.Struct("=16s i 20x")
_PATIENCE = 0.5
"""Seconds to wait for a carrier."""


def index(name: str) -> int:
    """Index of an interface of this namespace, 0 when there is none."""
    try:
        return socket.if_nametoindex(name)
    except OSError:
        return 0


def names() -> list[str]:
    """Names of all interfaces of this namespace."""
    return [name for _, name in socket.if_nameindex()]


def uplink_mtu() -> int:
    """Bytes that a packet on the default route may have; ethernet's 1500 without such a route.

    A container that knew less of a tunnel or a cloud's network than its host would depend on
    ICMP messages that many firewalls throw away.
    """
    with open("/proc/thread-self/net/route", encoding="ascii") as file:
        names = [fields[0] for line in file if (fields := line.split())[1] == "00000000"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        return min((_mtu(sock, name) for name in names), default=1500)


def _mtu(sock: socket.socket, name: str) -> int:
    try:
        answer = fcntl.ioctl(sock, _SIOCGIFMTU, _IFREQ.pack(name.encode(), 0))
    except OSError:  # the interface went
        return 1500
    return int(_IFREQ.unpack(answer)[1])


# --- the bridge -----------------------------------------------------------------------------


def raise_bridge(bridge: Bridge, stencils: Stencils) -> None:
    """Make the bridge with its address, or complete one, and let packets pass.

    Forwarding is a matter of the whole host (`net.ipv4.ip_forward`), as with docker.
    Raises NetworkError, NeedsRoot, Unsupported.
    """
    with netlink.open_socket(netlink.ROUTE) as sock:
        if not index(bridge.name):
            make = Step(f"make bridge {bridge.name}", fill(stencils["bridge"], {}))
            netlink.request(sock, [make])
        master = number(index(bridge.name))
        give = fill(stencils["bridge address"], {"master": master})
        netlink.request(sock, [Step(f"give {bridge.subnet.gateway} to {bridge.name}", give)])
    # So that answers to a client at 127.0.0.1 find their way back; the firewall keeps
    # containers from using it in the other direction.
    _set(f"net/ipv4/conf/{bridge.name}/route_localnet", "1")
    _set(f"net/ipv6/conf/{bridge.name}/disable_ipv6", "1")
    _set("net/ipv4/ip_forward", "1")


def lower_bridge(bridge: Bridge, stencils: Stencils) -> None:
    """Remove the bridge if it is there."""
    if index(bridge.name):
        _delete(Step(f"remove bridge {bridge.name}", fill(stencils["remove bridge"], {})))


def _set(key: str, value: str) -> None:
    """Write a sysctl unless it has that value; a key that the kernel lacks needs none."""
    path = f"/proc/sys/{key}"
    try:
        with open(path, encoding="ascii") as file:
            if file.read().strip() == value:
                return
        with open(path, "w", encoding="ascii") as file:
            file.write(value)
    except FileNotFoundError:
        return
    except OSError as error:
        raise NetworkError(
            f"network: cannot set {key.replace('/', '.')}: {error.strerror}",
            f"set it by hand: sysctl -w {key.replace('/', '.')}={value}",
        ) from error


# --- a container's plug ---------------------------------------------------------------------


def plug(bridge: Bridge, stencils: Stencils, endpoint: Endpoint, pid: int, laps: Laps) -> None:
    """Give the network namespace of `pid` an eth0 on the bridge, with address and default route.

    A veth of that name that is left from before goes first. On failure nothing is left.
    `laps` are told of each step. Raises NetworkError, NeedsRoot, Unsupported.
    """
    values = {
        "veth": endpoint.interface.encode(),
        "address": socket.inet_aton(endpoint.address),
        "master": number(index(bridge.name)),
        "mtu": number(uplink_mtu()),
    }
    if index(endpoint.interface):
        unplug(endpoint.interface, stencils)
    with _namespace(pid) as namespace:
        values["netns"] = number(namespace)
        try:
            _wire(stencils, values, namespace, endpoint, laps)
        except BaseException:
            unplug(endpoint.interface, stencils)
            raise


def _wire(
    stencils: Stencils, values: dict[str, bytes], namespace: int, to: Endpoint, laps: Laps
) -> None:
    def step(words: str, stencil: str) -> Step:
        return Step(words, fill(stencils[stencil], values))

    with netlink.open_socket(netlink.ROUTE) as outside:
        pair = [
            step(f"make the interface {to.interface}", "veth"),
            step(f"set hairpin mode of {to.interface}", "hairpin"),
        ]
        netlink.request(outside, pair)
        laps.done(*(each.name for each in pair))
        inside, values["index"] = _inside(namespace)
        end = [
            step("bring eth0 up in the container", "eth0 up"),
            step(f"give {to.address} to the container", "eth0 address"),
            step("set the container's default route", "eth0 route"),
        ]
        with inside:
            netlink.request(inside, end)
        laps.done(*(each.name for each in end))
        _await_carrier(outside, step(f"look at {to.interface}", "look"))
        _await_carrier(outside, step("look at the bridge", "look at bridge"))
        laps.done("wait until packets pass")


def _await_carrier(sock: socket.socket, look: Step) -> None:
    """Return when an interface passes packets on.

    The veth's carrier came with the container's end, the bridge's with its first port, but the
    kernel acts on that from a work queue (net/core/link_watch.c). A first packet would be lost
    until then, and with an ARP question a whole second. Since Linux 6.8 to ask is to hurry it.
    """
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        (answer,) = netlink.ask(sock, look)
        (flags,) = _FLAGS.unpack_from(answer)
        if flags & _RUNNING:
            return
        time.sleep(0.0005)


def enslave(bridge: Bridge, stencils: Stencils, interface: str) -> None:
    """Put an existing veth back on the bridge, after somebody removed the bridge."""
    values = {"veth": interface.encode(), "master": number(index(bridge.name))}

    def step(words: str, stencil: str) -> Step:
        return Step(words, fill(stencils[stencil], values))

    with netlink.open_socket(netlink.ROUTE) as sock:
        netlink.request(
            sock,
            [
                step(f"put {interface} on {bridge.name}", "enslave"),
                step(f"set hairpin mode of {interface}", "hairpin"),
            ],
        )
        _await_carrier(sock, step(f"look at {interface}", "look"))
        _await_carrier(sock, step("look at the bridge", "look at bridge"))


def unplug(interface: str, stencils: Stencils) -> None:
    """Remove a veth pair by its end on the host; nothing when the namespace took it along."""
    if index(interface):
        message = fill(stencils["unplug"], {"veth": interface.encode()})
        _delete(Step(f"remove interface {interface}", message))


def _delete(step: Step) -> None:
    try:
        with netlink.open_socket(netlink.ROUTE) as sock:
            netlink.request(sock, [step])
    except NetlinkFailure as failure:
        if failure.code != errno.ENODEV:  # it went between the look and the deed
            raise


@contextmanager
def _namespace(pid: int) -> Iterator[int]:
    """A descriptor of the network namespace of a process."""
    try:
        namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise NetworkError(
            f"network: the container is gone before it had a network: {error.strerror}"
        ) from error
    try:
        yield namespace
    finally:
        os.close(namespace)


def _inside(namespace: int) -> tuple[socket.socket, bytes]:
    """A socket that lives in another network namespace, and the index of eth0 there.

    Only this thread goes there, and it comes back before anything else can happen in it.
    """
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        check(libc.setns(namespace, CLONE_NEWNET), "setns")
        try:
            return netlink.open_socket(netlink.ROUTE), number(index("eth0"))
        finally:
            check(libc.setns(home, CLONE_NEWNET), "setns")
    except OSError as error:
        raise NetworkError(f"network: cannot enter the container's: {error.strerror}") from error
    finally:
        os.close(home)
