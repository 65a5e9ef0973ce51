"""The files that every container gets from us: hosts, hostname and resolv.conf, in /etc."""

from __future__ import annotations

import _socket
import os

from tuidock.engine.containers.records import Record
from tuidock.engine.errors import BadSpec
from tuidock.engine.network import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tuidock.engine.network.ipam import Endpoint
    from tuidock.engine.types import ContainerSpec

_LONGEST_NAME = 64
"""Bytes, as sethostname(2) has it."""


def check(spec: ContainerSpec) -> None:
    """Each of these shall be one word of a line. Raises BadSpec."""
    name = spec.hostname
    if name and not (_is_word(name) and len(os.fsencode(name)) <= _LONGEST_NAME):
        raise BadSpec(f"invalid hostname format: {name!r}", "a word of at most 64 bytes")
    for host, address in spec.add_hosts:
        if not _is_word(host) or not (address == files.HOST_GATEWAY or _is_address(address)):
            raise BadSpec(f'invalid IP address in add-host: "{address}"', "write NAME:ADDRESS")
    for server in spec.dns:
        if not _is_address(server):
            raise BadSpec(f"IP address is not correctly formatted: {server}")


def _is_word(text: str) -> bool:
    return text.isprintable() and len(text.split()) == 1 == len(text.split(" "))


def _is_address(text: str) -> bool:
    for family in (_socket.AF_INET, _socket.AF_INET6):
        try:
            _socket.inet_pton(family, text)
        except (OSError, ValueError):
            continue
        return True
    return False


def contents(record: Record, endpoint: Endpoint | None) -> dict[str, str]:
    """Text by file name. With the host's network they are the host's own, plus what was asked."""
    spec = record.spec
    shared = spec.network == "host"
    name = spec.hostname or (os.uname().nodename if shared else record.id[:12])
    hosts = files.hosts(
        name,
        endpoint.address if endpoint else "",
        spec.add_hosts,
        endpoint.gateway if endpoint else "",
        (record.name,),
    )
    servers = spec.dns or ((endpoint.resolver,) if endpoint and endpoint.resolver else ())
    return {
        "hosts": hosts,
        "hostname": files.hostname(name),
        "resolv.conf": files.resolv_conf(_host_resolvers(), servers, own_loopback=not shared),
    }


def _host_resolvers() -> str:
    """The host's resolv.conf, or the one behind systemd's stub; empty where there is none."""
    text = _read("/etc/resolv.conf")
    source = files.resolv_source(text)
    return text if source == "/etc/resolv.conf" else _read(source) or text


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""
