"""What the firewall of a network says: an nftables table, its chains, maps and rules, as messages.

`_rules` has each rule in nft's own words beside it. Published ports live in two maps, so that a
container comes and goes without touching a rule. Imports pyroute2; only loaded when stencils
are made. Nothing here talks to the kernel.
"""

from __future__ import annotations

import socket
from typing import Any

from tuidock.engine.network import encode as nl
from tuidock.engine.network.ipam import Bridge
from tuidock.engine.network.stencils import ADDRESS, MARKERS, number

Attribute = tuple[str, Any]
Expression = dict[str, Any]

# linux/netfilter/nf_tables.h and nf_conntrack_common.h
_REG = 8  # NFT_REG32_00; the next 32 bit registers follow
_VERDICT = 0
_META_IIFNAME, _META_OIFNAME, _META_L4PROTO = 6, 7, 16
_CT_STATE, _CT_STATUS = 0, 2
_ESTABLISHED_OR_RELATED, _DNAT_DONE = 2 | 4, 1 << 5
_NETWORK, _TRANSPORT = 1, 2
_SADDR, _DADDR, _DPORT = (_NETWORK, 12, 4), (_NETWORK, 16, 4), (_TRANSPORT, 2, 2)
_EQUAL, _DIFFERENT = 0, 1
_DROP, _ACCEPT, _JUMP, _RETURN = 0, 1, -3, -5
_LOCAL = 2  # RTN_LOCAL
_PREROUTING, _FORWARD, _OUTPUT, _POSTROUTING = 0, 2, 3, 4
_ADDRESS, _PROTOCOL, _SERVICE = 7, 12, 13  # nft's names of data types, for `nft list`
_LOOPBACK = socket.inet_aton("127.0.0.0")


def encode(bridge: Bridge) -> dict[str, bytes]:
    """Every message about the table that is ever sent, with markers (see `stencils`)."""
    table = [("NFTA_TABLE_NAME", bridge.table)]
    messages = {
        "begin": nl.batch_edge(nl.BATCH_BEGIN),
        "end": nl.batch_edge(nl.BATCH_END),
        "table": nl.table(nl.NEWTABLE, nl.CREATE, table),
        "look for table": nl.table(nl.GETTABLE, 0, table),
        "remove table": nl.table(nl.DELTABLE, 0, table),
    }
    messages["list flows"] = nl.flow(nl.GETFLOW, nl.DUMP, _udp_from_container())
    for name, width, types in (
        ("bound", 12, _types(_ADDRESS, _PROTOCOL, _SERVICE)),
        ("any", 8, _types(_PROTOCOL, _SERVICE)),
    ):
        messages[f"map {name}"] = nl.set_(_map(bridge, name, width, types))
        element = _element(bridge, name)
        messages[f"add to {name}"] = nl.elements(nl.NEWSETELEM, nl.CREATE | nl.EXCL, element)
        messages[f"take from {name}"] = nl.elements(nl.DELSETELEM, 0, element)
    for place, (name, hook) in enumerate(_CHAINS.items()):
        messages[f"chain {place}"] = nl.chain(nl.NEWCHAIN, nl.CREATE, _chain(bridge, name, hook))
    for place, (chain, expressions) in enumerate(_rules(bridge)):
        attributes: list[Attribute] = [
            ("NFTA_RULE_TABLE", bridge.table),
            ("NFTA_RULE_CHAIN", chain),
            ("NFTA_RULE_EXPRESSIONS", expressions),
        ]
        messages[f"rule {place:02}"] = nl.rule(attributes)
    return messages


_CHAINS: dict[str, tuple[str, int, int] | None] = {
    # type, hook, priority; None: only jumped to
    "raw": ("filter", _PREROUTING, -300),
    "published": None,
    "prerouting": ("nat", _PREROUTING, -100),
    "output": ("nat", _OUTPUT, -100),
    "forward": ("filter", _FORWARD, 0),
    "postrouting": ("nat", _POSTROUTING, 100),
}


def _rules(bridge: Bridge) -> list[tuple[str, list[Expression]]]:
    """(chain, expressions) of every rule; `br` stands for the bridge, `net` for its subnet."""
    br, subnet = bridge.name, bridge.subnet
    net = (subnet.base.to_bytes(4, "big"), subnet.prefix)
    loopback = (_LOOPBACK, 8)
    inward, outward = _interface(_META_IIFNAME, br), _interface(_META_OIFNAME, br)
    leaving = _interface(_META_OIFNAME, br, _DIFFERENT)
    return [
        # iifname br ip daddr 127.0.0.0/8 drop
        # (route_localnet would let containers reach services of the host's loopback)
        ("raw", [*inward, *_within(_DADDR, *loopback), _verdict(_DROP)]),
        # dnat to ip daddr . meta l4proto . th dport map @bound
        (
            "published",
            [_payload(_DADDR, 0), _meta(_META_L4PROTO, 1), _payload(_DPORT, 2), *_dnat("bound")],
        ),
        # dnat to meta l4proto . th dport map @any
        ("published", [_meta(_META_L4PROTO, 0), _payload(_DPORT, 1), *_dnat("any")]),
        # ip daddr 127.0.0.0/8 return
        # (a neighbour's packet to 127.0.0.1 must stay a martian, not become a container's)
        ("prerouting", [*_within(_DADDR, *loopback), _verdict(_RETURN)]),
        # fib daddr type local jump published
        ("prerouting", [*_to_this_host(), _verdict(_JUMP, "published")]),
        ("output", [*_to_this_host(), _verdict(_JUMP, "published")]),
        # oifname != br accept
        ("forward", [*leaving, _verdict(_ACCEPT)]),
        # iifname br accept
        ("forward", [*inward, _verdict(_ACCEPT)]),
        # ct state established,related accept
        ("forward", [*_ct_bits(_CT_STATE, _ESTABLISHED_OR_RELATED), _verdict(_ACCEPT)]),
        # ct status dnat accept
        ("forward", [*_ct_bits(_CT_STATUS, _DNAT_DONE), _verdict(_ACCEPT)]),
        # drop: what nobody published, for neighbours and for bridges of other roots
        ("forward", [_verdict(_DROP)]),
        # ip saddr net oifname != br masquerade
        ("postrouting", [*_within(_SADDR, *net), *leaving, _expression("masq")]),
        # ip saddr net oifname br ct status dnat masquerade
        # (hairpin: both ends on the bridge, the answer must pass here to be translated back)
        (
            "postrouting",
            [
                *_within(_SADDR, *net),
                *outward,
                *_ct_bits(_CT_STATUS, _DNAT_DONE),
                _expression("masq"),
            ],
        ),
        # ip saddr 127.0.0.0/8 oifname br masquerade
        ("postrouting", [*_within(_SADDR, *loopback), *outward, _expression("masq")]),
    ]


def _chain(bridge: Bridge, name: str, hook: tuple[str, int, int] | None) -> list[Attribute]:
    attributes: list[Attribute] = [("NFTA_CHAIN_TABLE", bridge.table), ("NFTA_CHAIN_NAME", name)]
    if hook:
        kind, place, priority = hook
        where = [("NFTA_HOOK_HOOKNUM", place), ("NFTA_HOOK_PRIORITY", priority)]
        attributes += [
            ("NFTA_CHAIN_HOOK", {"attrs": where}),
            ("NFTA_CHAIN_POLICY", _ACCEPT),
            ("NFTA_CHAIN_TYPE", kind),
        ]
    return attributes


def _map(bridge: Bridge, name: str, width: int, types: int) -> list[Attribute]:
    return [
        ("NFTA_SET_TABLE", bridge.table),
        ("NFTA_SET_NAME", name),
        ("NFTA_SET_FLAGS", {"NFT_SET_MAP"}),
        ("NFTA_SET_KEY_TYPE", types),
        ("NFTA_SET_KEY_LEN", width),
        ("NFTA_SET_DATA_TYPE", _types(_ADDRESS, _SERVICE)),
        ("NFTA_SET_DATA_LEN", 8),
        ("NFTA_SET_ID", width),
    ]


def _element(bridge: Bridge, name: str) -> list[Attribute]:
    def data(marker: str) -> Expression:
        return {"attrs": [("NFTA_DATA_VALUE", MARKERS[marker])]}

    both = [("NFTA_SET_ELEM_KEY", data(name)), ("NFTA_SET_ELEM_DATA", data("target"))]
    return [
        ("NFTA_SET_ELEM_LIST_TABLE", bridge.table),
        ("NFTA_SET_ELEM_LIST_SET", name),
        ("NFTA_SET_ELEM_LIST_ELEMENTS", [{"attrs": both}]),
    ]


def _udp_from_container() -> list[Attribute]:
    """A filter of the kernel's (Linux 5.8): flows whose answers come from the address, by UDP."""
    ip = ("CTA_TUPLE_IP", {"attrs": [("CTA_IP_V4_SRC", socket.inet_ntoa(ADDRESS))]})
    protocol = ("CTA_TUPLE_PROTO", {"attrs": [("CTA_PROTO_NUM", socket.IPPROTO_UDP)]})
    which = {"attrs": [("CTA_FILTER_ORIG_FLAGS", 0), ("CTA_FILTER_REPLY_FLAGS", 1 << 0 | 1 << 3)]}
    return [("CTA_TUPLE_REPLY", {"attrs": [ip, protocol]}), ("CTA_FILTER", which)]


def _types(*types: int) -> int:
    """nft joins the types of a concatenation six bits each."""
    joined = 0
    for kind in types:
        joined = joined << 6 | kind
    return joined


# --- expressions -----------------------------------------------------------------------------


def _expression(kind: str, **attributes: object) -> Expression:
    data = [(f"NFTA_{kind.upper()}_{name.upper()}", value) for name, value in attributes.items()]
    return {"attrs": [("NFTA_EXPR_NAME", kind), ("NFTA_EXPR_DATA", {"attrs": data})]}


def _value(data: bytes) -> Expression:
    return {"attrs": [("NFTA_DATA_VALUE", data)]}


def _payload(field: tuple[int, int, int], register: int) -> Expression:
    base, offset, width = field
    return _expression("payload", dreg=_REG + register, base=base, offset=offset, len=width)


def _meta(key: int, register: int) -> Expression:
    return _expression("meta", dreg=_REG + register, key=key)


def _compare(data: bytes, how: int = _EQUAL) -> Expression:
    return _expression("cmp", sreg=_REG, op=how, data=_value(data))


def _mask(mask: bytes) -> Expression:
    zero = _value(bytes(len(mask)))
    return _expression("bitwise", sreg=_REG, dreg=_REG, len=len(mask), mask=_value(mask), xor=zero)


def _interface(key: int, name: str, how: int = _EQUAL) -> list[Expression]:
    return [_meta(key, 0), _compare(name.encode().ljust(16, b"\0"), how)]


def _within(field: tuple[int, int, int], base: bytes, prefix: int) -> list[Expression]:
    mask = (0xFFFFFFFF << 32 - prefix & 0xFFFFFFFF).to_bytes(4, "big")
    return [_payload(field, 0), _mask(mask), _compare(base)]


def _ct_bits(key: int, bits: int) -> list[Expression]:
    return [
        _expression("ct", dreg=_REG, key=key),
        _mask(number(bits)),
        _compare(bytes(4), _DIFFERENT),
    ]


def _to_this_host() -> list[Expression]:
    # pyroute2 takes the result for flags: these two add up to 3, NFT_FIB_RESULT_ADDRTYPE.
    address_type = {"NFT_FIB_RESULT_UNSPEC", "NFT_FIB_RESULT_OIF"}
    return [
        _expression("fib", dreg=_REG, result=address_type, flags=2),  # NFTA_FIB_F_DADDR
        _compare(number(_LOCAL)),
    ]


def _dnat(name: str) -> list[Expression]:
    """Look registers up in a map and go to what it says; no entry ends the rule."""
    return [
        _expression("lookup", set=name, sreg=_REG, dreg=_REG),
        _expression("nat", type=1, family=2, reg_addr_min=_REG, reg_proto_min=_REG + 1),
    ]


def _verdict(code: int, chain: str = "") -> Expression:
    verdict: list[Attribute] = [("NFTA_VERDICT_CODE", code)]
    if chain:
        verdict.append(("NFTA_VERDICT_CHAIN", chain))
    return _expression(
        "immediate",
        dreg=_VERDICT,
        data={"attrs": [("NFTA_DATA_VERDICT", {"attrs": verdict})]},
    )
