"""The files that every container gets from us: hosts, hostname and resolv.conf, in /etc."""

from __future__ import annotations

import os

from tuidock.engine.containers.records import Record
from tuidock.engine.network import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tuidock.engine.network.ipam import Endpoint


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
