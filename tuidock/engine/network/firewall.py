"""The nftables table of one network in the kernel: written whole, changed by map elements.

Invariant: no table but ours is ever changed, and every change is one transaction. The reverse
of that: an accept of ours cannot overrule a foreign drop; `foreign_drops` finds those.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Sequence

from tuidock.engine.network import netlink
from tuidock.engine.network.ipam import Endpoint
from tuidock.engine.network.netlink import NetlinkFailure, Step
from tuidock.engine.network.stencils import Stencils, fill
from tuidock.engine.types import Finding, Port

_FORWARD, _DROPPED = 2, 0  # NF_INET_FORWARD, NF_DROP
_FAMILIES = {1: "inet", 2: "ip"}  # NFPROTO_INET, NFPROTO_IPV4
PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}


def present(stencils: Stencils) -> bool:
    """Whether the table is there (somebody may have flushed the ruleset)."""
    try:
        with netlink.open_socket(netlink.NETFILTER) as sock:
            netlink.request(
                sock, [Step("look for the firewall", _plain(stencils, "look for table"))]
            )
    except NetlinkFailure as failure:
        if failure.code == errno.ENOENT:
            return False
        raise
    return True


def make(stencils: Stencils, endpoints: Iterable[Endpoint]) -> None:
    """Write the table where there is none. Raises NetworkError, NeedsRoot, Unsupported."""
    _transact(stencils, _table(stencils, endpoints))


def replace(stencils: Stencils, endpoints: Iterable[Endpoint]) -> None:
    """Replace the whole table by what it should be, in one transaction.

    Connections that are being translated go on. Costs some 20 ms more than `make`, since the
    kernel waits until no packet can be in the old table. Raises as `make`.
    """
    create, delete = _plain(stencils, "table"), _plain(stencils, "remove table")
    clear = [Step("find the firewall table", create), Step("remove the firewall table", delete)]
    _transact(stencils, [*clear, *_table(stencils, endpoints)])


def _table(stencils: Stencils, endpoints: Iterable[Endpoint]) -> list[Step]:
    steps = [Step("make the firewall table", _plain(stencils, "table"))]
    for kind in ("map ", "chain ", "rule "):
        names = sorted(name for name in stencils if name.startswith(kind))
        steps += [Step(f"make firewall {name}", _plain(stencils, name)) for name in names]
    for endpoint in endpoints:
        steps += _elements(stencils, "add to", endpoint)
    return steps


def remove(stencils: Stencils) -> None:
    """Remove the table if it is there."""
    step = Step("remove the firewall table", _plain(stencils, "remove table"))
    _tolerant(stencils, [step])


def publish(stencils: Stencils, endpoint: Endpoint) -> bool:
    """Open an endpoint's ports; False when the table is not as expected: only `replace` helps."""
    try:
        _transact(stencils, _elements(stencils, "add to", endpoint))
    except NetlinkFailure as failure:
        if failure.code in (errno.ENOENT, errno.EEXIST):
            return False
        raise
    return True


def retract(stencils: Stencils, endpoint: Endpoint) -> None:
    """Close an endpoint's ports, as far as they are open."""
    steps = _elements(stencils, "take from", endpoint)
    if steps and not _tolerant(stencils, steps):
        for step in steps:
            _tolerant(stencils, [step])


def forget_flows(stencils: Stencils, endpoint: Endpoint) -> None:
    """End the translation of UDP flows to an endpoint, which have no end of their own.

    Otherwise a client that goes on sending would reach whoever gets the address next. pyroute2
    is only imported when there is such a flow. Raises NetworkError, NeedsRoot, Unsupported.
    """
    if not any(port.protocol == "udp" for port in endpoint.ports):
        return
    question = fill(stencils["list flows"], {"address": socket.inet_aton(endpoint.address)})
    with netlink.open_socket(netlink.NETFILTER) as sock:
        answers = netlink.ask(sock, Step("list tracked flows", question))
        if not answers:
            return
        from tuidock.engine.network import encode

        for message in encode.flow_deletions(answers, endpoint.address):
            try:
                netlink.request(sock, [Step("end a tracked flow", message)])
            except NetlinkFailure as failure:
                if failure.code != errno.ENOENT:  # it timed out meanwhile
                    raise


def _elements(stencils: Stencils, verb: str, endpoint: Endpoint) -> list[Step]:
    return [_element(stencils, verb, endpoint.address, port) for port in endpoint.ports]


def _element(stencils: Stencils, verb: str, address: str, port: Port) -> Step:
    """Keys and data are padded to 32 bits field by field, as nft concatenates."""
    name = "bound" if port.host_ip else "any"
    key = bytes((PROTOCOLS[port.protocol], 0, 0, 0)) + _service(port.host_port)
    if port.host_ip:
        key = socket.inet_aton(port.host_ip) + key
    target = socket.inet_aton(address) + _service(port.container_port)
    message = fill(stencils[f"{verb} {name}"], {name: key, "target": target})
    return Step(f"{verb} published ports {port.host_port}/{port.protocol}", message)


def _service(port: int) -> bytes:
    return port.to_bytes(2, "big") + b"\0\0"


def _plain(stencils: Stencils, name: str) -> bytes:
    return fill(stencils[name], {})


def _transact(stencils: Stencils, steps: Sequence[Step]) -> None:
    if steps:
        edges = _plain(stencils, "begin"), _plain(stencils, "end")
        with netlink.open_socket(netlink.NETFILTER) as sock:
            netlink.transact(sock, edges, steps)


def _tolerant(stencils: Stencils, steps: Sequence[Step]) -> bool:
    """Remove things; False when one of them was not there, and so nothing was done."""
    try:
        _transact(stencils, steps)
    except NetlinkFailure as failure:
        if failure.code != errno.ENOENT:
            raise
        return False
    return True


# --- what others do -----------------------------------------------------------------------


def published(table: str) -> list[Port]:
    """What the table of another root translates, container ports left 0; empty without a table.

    Imports pyroute2: only for a host with several roots. Raises as `foreign_drops`.
    """
    from tuidock.engine.network import encode

    keys: list[bytes] = []
    with netlink.open_socket(netlink.NETFILTER) as sock:
        for name in ("any", "bound"):
            where = [("NFTA_SET_ELEM_LIST_TABLE", table), ("NFTA_SET_ELEM_LIST_SET", name)]
            message = encode.elements(encode.GETSETELEM, encode.DUMP, where)
            try:
                answers = netlink.ask(sock, Step(f"list ports of {table}", message))
            except NetlinkFailure as failure:
                if failure.code == errno.ENOENT:
                    return []
                raise
            keys += encode.read_keys(answers)
    return [_port(key) for key in keys]


def _port(key: bytes) -> Port:
    """The reverse of the keys in `_element`."""
    ip = socket.inet_ntoa(key[:4]) if len(key) == 12 else ""
    protocol = next(name for name, number in PROTOCOLS.items() if number == key[-8])
    return Port(0, protocol, int.from_bytes(key[-4:-2], "big"), ip)


def foreign_drops() -> list[Finding]:
    """Base chains of others that drop forwarded packets by policy, one finding each.

    Imports pyroute2: for `doctor`, not for `run`. Raises NeedsRoot, Unsupported, NetworkError.
    """
    from tuidock.engine.network import encode

    with netlink.open_socket(netlink.NETFILTER) as sock:
        question = Step("list chains", encode.chain(encode.GETCHAIN, encode.DUMP, [], family=0))
        chains = encode.read_chains(netlink.ask(sock, question))
    return [
        _drop(f"{_FAMILIES[chain.family]} {chain.table}", chain.name)
        for chain in chains
        if chain.family in _FAMILIES and (chain.hook, chain.policy) == (_FORWARD, _DROPPED)
    ]


def _drop(table: str, chain: str) -> Finding:
    return Finding(
        "forwarding",
        "warning",
        f"the chain {chain} of table {table} drops forwarded packets: "
        "containers may not reach the network, nor be reached",
        f"unless it lets them through already: nft insert rule {table} {chain} "
        "iifname 'td*' accept, and the same for oifname",
    )
