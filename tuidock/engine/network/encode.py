"""Netlink messages as bytes, made by pyroute2; nobody else imports it on the way of a container.

Only pyroute2's message classes are used: its sockets stand on asyncio, which the blocking
engine never loads. Importing this module costs some 170 ms, so it happens once per root, when
`stencils` has no cut messages yet, and in `tuidock doctor`.
Every message leaves with sequence number 0 and without NLM_F_ACK: `netlink` fills both in.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any, NamedTuple

from pyroute2.netlink import nlmsg
from pyroute2.netlink.nfnetlink import NFNL_SUBSYS_CTNETLINK, NFNL_SUBSYS_NFTABLES, nfgen_msg
from pyroute2.netlink.nfnetlink.nfctsocket import nfct_msg
from pyroute2.netlink.nfnetlink.nftsocket import (
    nft_chain_msg,
    nft_rule_msg,
    nft_set_elem_list_msg,
    nft_set_msg,
    nft_table_msg,
)
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

Attributes = Sequence[tuple[str, Any]]
Nested = dict[str, Any]

REQUEST = 0x1
CREATE = 0x400
EXCL = 0x200
REPLACE = 0x100
DUMP = 0x300
APPEND = 0x800

NEWLINK, DELLINK, GETLINK = 16, 17, 18
NEWADDR = 20
NEWROUTE = 24

NEWTABLE, GETTABLE, DELTABLE = 0, 1, 2
NEWCHAIN, GETCHAIN = 3, 4
NEWRULE = 6
NEWSET = 9
NEWSETELEM, GETSETELEM, DELSETELEM = 12, 13, 14
GETFLOW, DELFLOW = 1, 2
BATCH_BEGIN, BATCH_END = 0x10, 0x11


def nested(*attributes: tuple[str, Any]) -> Nested:
    return {"attrs": list(attributes)}


# --- rtnetlink ----------------------------------------------------------------------------


def link(kind: int, how: int, attributes: Attributes, **header: int) -> bytes:
    """RTM_NEWLINK and its kin; `header` holds fields of struct ifinfomsg."""
    return _encode(ifinfmsg(), kind, how, attributes, header)


def address(how: int, attributes: Attributes, **header: int) -> bytes:
    """RTM_NEWADDR; `header` holds fields of struct ifaddrmsg."""
    return _encode(ifaddrmsg(), NEWADDR, how, attributes, {"family": socket.AF_INET, **header})


def route(how: int, attributes: Attributes, **header: int) -> bytes:
    """RTM_NEWROUTE; `header` holds fields of struct rtmsg."""
    return _encode(rtmsg(), NEWROUTE, how, attributes, {"family": socket.AF_INET, **header})


# --- nf_tables ------------------------------------------------------------------------------


def batch_edge(kind: int) -> bytes:
    """BATCH_BEGIN or BATCH_END: what lies between is one transaction."""
    return _encode(nfgen_msg(), kind, 0, None, {"res_id": NFNL_SUBSYS_NFTABLES})


def table(kind: int, how: int, attributes: Attributes) -> bytes:
    return _nft(nft_table_msg(), kind, how, attributes)


def chain(kind: int, how: int, attributes: Attributes, family: int = socket.AF_INET) -> bytes:
    return _nft(nft_chain_msg(), kind, how, attributes, family)


def rule(attributes: Attributes) -> bytes:
    return _nft(nft_rule_msg(), NEWRULE, CREATE | APPEND, attributes)


def set_(attributes: Attributes) -> bytes:
    return _nft(nft_set_msg(), NEWSET, CREATE | EXCL, attributes)


def elements(kind: int, how: int, attributes: Attributes) -> bytes:
    return _nft(nft_set_elem_list_msg(), kind, how, attributes)


# --- connection tracking --------------------------------------------------------------------


def flow(kind: int, how: int, attributes: Attributes) -> bytes:
    """IPCTNL_MSG_CT_GET and its kin."""
    kind |= NFNL_SUBSYS_CTNETLINK << 8
    return _encode(nfct_msg(), kind, how, attributes, {"nfgen_family": socket.AF_INET})


def flow_deletions(answers: Sequence[bytes], address: str) -> list[bytes]:
    """What deletes each flow to `address` that a dump listed, and no newer one with its tuple.

    Kernels before 5.8 know no filter and list the flows of everybody.
    """
    deletions = []
    for data in answers:
        message = nfct_msg(data)
        message.decode()
        if message.get_nested("CTA_TUPLE_REPLY", "CTA_TUPLE_IP", "CTA_IP_V4_SRC") == address:
            named = [(name, message.get_attr(name)) for name in ("CTA_TUPLE_ORIG", "CTA_ID")]
            deletions.append(flow(DELFLOW, 0, named))
    return deletions


# --- answers --------------------------------------------------------------------------------


class Chain(NamedTuple):
    """A chain in the kernel; hook and policy are None for one that is only jumped to."""

    family: int
    table: str
    name: str
    hook: int | None
    policy: int | None


def read_chains(answers: Sequence[bytes]) -> list[Chain]:
    """Decode answers to GETCHAIN."""
    return [_read_chain(data) for data in answers]


def _read_chain(data: bytes) -> Chain:
    message = nft_chain_msg(data)
    message.decode()
    return Chain(
        message["nfgen_family"],
        message.get_attr("NFTA_CHAIN_TABLE"),
        message.get_attr("NFTA_CHAIN_NAME"),
        message.get_nested("NFTA_CHAIN_HOOK", "NFTA_HOOK_HOOKNUM"),
        message.get_attr("NFTA_CHAIN_POLICY"),
    )


def read_keys(answers: Sequence[bytes]) -> list[bytes]:
    """Decode answers to GETSETELEM: the keys of all elements."""
    keys: list[bytes] = []
    for data in answers:
        message = nft_set_elem_list_msg(data)
        message.decode()
        found = message.get_attr("NFTA_SET_ELEM_LIST_ELEMENTS") or []
        keys += (one.get_attr("NFTA_SET_ELEM_KEY").get_attr("NFTA_DATA_VALUE") for one in found)
    return keys


def _nft(
    message: nlmsg, kind: int, how: int, attributes: Attributes, family: int = socket.AF_INET
) -> bytes:
    """An empty family 0 asks a dump for every family."""
    kind |= NFNL_SUBSYS_NFTABLES << 8
    return _encode(message, kind, how, attributes, {"nfgen_family": family})


def _encode(
    message: nlmsg, kind: int, how: int, attributes: Attributes | None, header: dict[str, int]
) -> bytes:
    message["header"]["type"] = kind
    message["header"]["flags"] = REQUEST | how
    message["header"]["sequence_number"] = 0
    for field, value in header.items():
        message[field] = value
    if attributes is not None:
        message["attrs"] = [list(attribute) for attribute in attributes]
    message.encode()
    return bytes(message.data)
