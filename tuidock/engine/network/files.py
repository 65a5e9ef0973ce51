"""What a container finds in /etc/hosts, /etc/hostname and /etc/resolv.conf. Pure text, no reads.

Formats: hosts(5), hostname(5), resolv.conf(5).
"""

from __future__ import annotations

from collections.abc import Sequence

HOST_GATEWAY = "host-gateway"
SYSTEMD_RESOLV_CONF = "/run/systemd/resolve/resolv.conf"
"""Where systemd-resolved lists the real servers that its stub on 127.0.0.53 asks."""
_FALLBACK = ("1.1.1.1", "8.8.8.8")


def hosts(
    hostname: str,
    address: str = "",
    add_hosts: Sequence[tuple[str, str]] = (),
    gateway: str = "",
    names: Sequence[str] = (),
) -> str:
    """/etc/hosts: localhost, `add_hosts` (name, address), and the container's own names.

    `host-gateway` as an address becomes `gateway`. Without an `address` (network `none`) the
    own name is on loopback, so that it resolves at all.
    """
    own = " ".join(dict.fromkeys((hostname, *names)))
    lines = [
        "127.0.0.1\tlocalhost",
        "::1\tlocalhost ip6-localhost ip6-loopback",
        "fe00::\tip6-localnet",
        "ff00::\tip6-mcastprefix",
        "ff02::1\tip6-allnodes",
        "ff02::2\tip6-allrouters",
    ]
    for name, target in add_hosts:
        lines.append(f"{gateway or '127.0.0.1' if target == HOST_GATEWAY else target}\t{name}")
    lines.append(f"{address or '127.0.1.1'}\t{own}")
    return "\n".join(lines) + "\n"


def hostname(name: str) -> str:
    """/etc/hostname."""
    return f"{name}\n"


def resolv_source(resolv_conf: str) -> str:
    """Which file of the host to derive from, given the text of its /etc/resolv.conf."""
    servers = _servers(resolv_conf)
    stub = bool(servers) and all(_is_loopback(server) for server in servers)
    return SYSTEMD_RESOLV_CONF if stub else "/etc/resolv.conf"


def resolv_conf(host: str, dns: Sequence[str] = (), *, own_loopback: bool) -> str:
    """/etc/resolv.conf from the host's text.

    `dns` replaces the servers. With `own_loopback` (any network but `host`) servers on the
    host's loopback or by IPv6 are out of reach and left out; when none remains, public ones
    stand in.
    """
    servers = [
        server
        for server in _servers(host)
        if not (own_loopback and (_is_loopback(server) or ":" in server))
    ]
    rest = [line for line in host.splitlines() if line.split()[:1] in (["search"], ["options"])]
    chosen = [*dns] or servers or ([*_FALLBACK] if own_loopback else [])
    return "".join(f"{line}\n" for line in [*rest, *(f"nameserver {one}" for one in chosen)])


def _servers(text: str) -> list[str]:
    lines = [line.split() for line in text.splitlines()]
    return [line[1] for line in lines if len(line) > 1 and line[0] == "nameserver"]


def _is_loopback(server: str) -> bool:
    return server.startswith("127.") or server == "::1"
