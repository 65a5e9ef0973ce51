"""Addresses: which subnet a bridge may have, which address a container gets. Pure but for one read.

IPv4 addresses are text at the border and integers inside. Invariant: a subnet that is given
out touches no route that the kernel has at that moment.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator

from tuidock.engine.errors import NetworkError
from tuidock.engine.named import NamedTuple
from tuidock.engine.types import Port


class Subnet(NamedTuple):
    """An IPv4 block: its first address as a number, and its prefix length."""

    base: int
    prefix: int

    @property
    def gateway(self) -> str:
        """The bridge's own address, the first of the block."""
        return text(self.base + 1)

    @property
    def broadcast(self) -> str:
        return text(self.base + (1 << 32 - self.prefix) - 1)

    def __str__(self) -> str:
        return f"{text(self.base)}/{self.prefix}"

    def overlaps(self, other: Subnet) -> bool:
        shorter = 32 - min(self.prefix, other.prefix)
        return self.base >> shorter == other.base >> shorter


class Bridge(NamedTuple):
    """What a network is to the kernel: one bridge, one nftables table, one subnet."""

    name: str
    table: str
    subnet: Subnet


class Endpoint(NamedTuple):
    """A container's place on a network, leased until `disconnect`."""

    container: str
    network: str
    address: str
    """IPv4, without prefix."""
    prefix: int
    gateway: str
    interface: str
    """Name of the veth's end on the host."""
    ports: tuple[Port, ...]
    """With the host ports that were really chosen."""
    resolver: str = ""
    """The network's own name server; empty: the host's are asked."""


def number(address: str) -> int:
    """Raises OSError for anything but a dotted quad."""
    return int.from_bytes(socket.inet_aton(address), "big")


def text(value: int) -> str:
    return socket.inet_ntoa(value.to_bytes(4, "big"))


def parse(subnet: str) -> Subnet:
    base, _, prefix = subnet.partition("/")
    return Subnet(number(base), int(prefix))


def pool() -> Iterator[Subnet]:
    """Where subnets come from: /24 blocks from 10.89.0.0 up to 10.127.255.0."""
    return (Subnet(base, 24) for base in range(number("10.89.0.0"), number("10.128.0.0"), 256))


def routes(but: str = "") -> list[tuple[str, Subnet]]:
    """(interface, destination) of the kernel's main table, without default routes and `but`'s.

    proc(5), /proc/net/route: little-endian hex. Through thread-self, for the network
    namespace of this thread rather than of the process's first.
    """
    found = []
    with open("/proc/thread-self/net/route", encoding="ascii") as file:
        for line in list(file)[1:]:
            fields = line.split()
            prefix = int(fields[7], 16).bit_count()
            base = int.from_bytes(bytes.fromhex(fields[1])[::-1], "big")
            if prefix and fields[0] != but:
                found.append((fields[0], Subnet(base, prefix)))
    return found


def free_subnet(taken: Iterable[Subnet]) -> Subnet:
    """The first of the pool that touches nothing taken. Raises NetworkError."""
    occupied = list(taken)
    for subnet in pool():
        if not any(subnet.overlaps(other) for other in occupied):
            return subnet
    raise NetworkError(
        "no free subnet between 10.89.0.0 and 10.127.255.255",
        "routes of this host cover them all: see `ip route`",
    )


def free_address(subnet: Subnet, taken: Iterable[str]) -> str:
    """The lowest address that nobody has. Raises NetworkError when the subnet is full."""
    occupied = {number(address) for address in taken}
    for value in range(subnet.base + 2, subnet.base + (1 << 32 - subnet.prefix) - 1):
        if value not in occupied:
            return text(value)
    raise NetworkError(f"no free address in {subnet}", "stop a container of this network")
