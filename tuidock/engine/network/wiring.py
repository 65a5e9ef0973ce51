"""What is said to rtnetlink about a network: bridge, veth pair, addresses, routes, as messages.

Invariant: MAC addresses follow from IPv4 addresses, so a neighbour's ARP entry stays true when
an address changes hands. Imports pyroute2; only loaded when stencils are made.
"""

from __future__ import annotations

import socket

from tuidock.engine.network import encode as nl
from tuidock.engine.network.encode import Attributes, nested
from tuidock.engine.network.ipam import Bridge
from tuidock.engine.network.stencils import ADDRESS, MARKERS, marker_number

_NEW = nl.CREATE | nl.EXCL
_UP = {"flags": 1, "change": 1}  # IFF_UP
_MTU = ("IFLA_MTU", marker_number("mtu"))
_MAIN_TABLE, _STATIC, _EVERYWHERE, _UNICAST = 254, 4, 0, 1


def encode(bridge: Bridge) -> dict[str, bytes]:
    """Every message about links that is ever sent, with markers (see `stencils`)."""
    return {**_bridge(bridge), **_veth(), **_inside(bridge)}


def _bridge(bridge: Bridge) -> dict[str, bytes]:
    named = [("IFLA_IFNAME", bridge.name)]
    gateway = bridge.subnet.gateway
    kind = nested(("IFLA_INFO_KIND", "bridge"))
    # An own MAC: without one a bridge takes a port's, and changes it as ports come and go.
    made = [*named, ("IFLA_ADDRESS", _mac(socket.inet_aton(gateway))), ("IFLA_LINKINFO", kind)]
    return {
        "bridge": nl.link(nl.NEWLINK, _NEW, made, **_UP),
        "bridge address": nl.address(
            nl.CREATE | nl.REPLACE,
            _addresses(bridge, gateway),
            prefixlen=bridge.subnet.prefix,
            index=marker_number("master"),
        ),
        "look at bridge": nl.link(nl.GETLINK, 0, named),
        "remove bridge": nl.link(nl.DELLINK, 0, named),
    }


def _veth() -> dict[str, bytes]:
    """The pair, seen from the host."""
    named = ("IFLA_IFNAME", MARKERS["veth"].decode())
    enslaved = ("IFLA_MASTER", marker_number("master"))
    hairpin = nested(
        ("IFLA_INFO_SLAVE_KIND", "bridge"),
        ("IFLA_INFO_SLAVE_DATA", nested(("IFLA_BRPORT_MODE", 1))),
    )
    return {
        "veth": nl.link(
            nl.NEWLINK, _NEW, [named, enslaved, _MTU, ("IFLA_LINKINFO", _pair())], **_UP
        ),
        "enslave": nl.link(nl.NEWLINK, 0, [named, enslaved], **_UP),
        "hairpin": nl.link(nl.NEWLINK, 0, [named, ("IFLA_LINKINFO", hairpin)]),
        "look": nl.link(nl.GETLINK, 0, [named]),
        "unplug": nl.link(nl.DELLINK, 0, [named]),
    }


def _pair() -> nl.Nested:
    """The kind veth, and its other end in the container's namespace."""
    peer = nested(
        ("IFLA_IFNAME", "eth0"),
        _MTU,
        ("IFLA_ADDRESS", _mac(ADDRESS)),
        ("IFLA_NET_NS_FD", marker_number("netns")),
    )
    return nested(("IFLA_INFO_KIND", "veth"), ("IFLA_INFO_DATA", nested(("VETH_INFO_PEER", peer))))


def _inside(bridge: Bridge) -> dict[str, bytes]:
    """The pair's other end, seen from the container."""
    index = marker_number("index")
    return {
        "eth0 up": nl.link(nl.NEWLINK, 0, [], index=index, **_UP),
        "eth0 address": nl.address(
            _NEW,
            _addresses(bridge, socket.inet_ntoa(ADDRESS)),
            prefixlen=bridge.subnet.prefix,
            index=index,
        ),
        "eth0 route": nl.route(
            _NEW,
            [("RTA_GATEWAY", bridge.subnet.gateway)],
            table=_MAIN_TABLE,
            proto=_STATIC,
            scope=_EVERYWHERE,
            type=_UNICAST,
        ),
    }


def _addresses(bridge: Bridge, address: str) -> Attributes:
    return [
        ("IFA_LOCAL", address),
        ("IFA_ADDRESS", address),
        ("IFA_BROADCAST", bridge.subnet.broadcast),
    ]


def _mac(address: bytes) -> str:
    """Locally administered, ending in the IPv4 address."""
    return ":".join(f"{byte:02x}" for byte in b"\x02\x74" + address)
