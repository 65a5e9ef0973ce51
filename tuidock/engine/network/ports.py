"""Docker's `-p` grammar: text to ports, and nothing else. Cheap to import; knows no kernel."""

from __future__ import annotations

from tuidock.engine.errors import BadSpec
from tuidock.engine.types import Port

PROTOCOLS = ("tcp", "udp", "sctp")
_HINT = "[[HOST_IP:]HOST_PORT[-LAST]:]CONTAINER_PORT[-LAST][/tcp|udp|sctp], as in 127.0.0.1:8080:80"


def parse(text: str) -> list[Port]:
    """The ports that one `-p` asks for, in ascending order.

    `host_port` 0 asks for a free one; `host_ip` is empty for every address of the host.
    Raises BadSpec in docker's words.
    """
    rest, _, protocol = text.partition("/")
    host_ip, host, container = _parts(rest, text)
    protocol = protocol.lower() or "tcp"
    if protocol not in PROTOCOLS or text.count("/") > 1:
        raise _bad(f"invalid proto: {text.partition('/')[2]}")
    inside = _range(container, "containerPort")
    outside = _range(host, "hostPort") if host else range(0)
    if len(outside) > 1 and len(inside) == 1 and outside[0]:  # any one of them
        return [Port(inside[0], protocol, outside[0], _address(host_ip), outside[-1])]
    if host and len(outside) != len(inside):
        raise _bad(f"invalid ranges specified for container and host Ports: {container} and {host}")
    return [
        Port(port, protocol, outside[place] if host else 0, _address(host_ip))
        for place, port in enumerate(inside)
    ]


def exposed(text: str) -> list[Port]:
    """The ports of an image's `ExposedPorts` key or of `--expose`: `80`, `80/udp`, `80-82/tcp`."""
    if ":" in text:
        raise _bad(f"invalid containerPort: {text}")
    return parse(text)


def _parts(rest: str, text: str) -> tuple[str, str, str]:
    """(host address, host ports, container ports), the first two perhaps empty."""
    if rest.startswith("["):
        raise _bad(f"IPv6 addresses cannot be published yet: {text}")
    fields = rest.split(":")
    if len(fields) > 3:
        raise _bad(f"invalid IP address: {':'.join(fields[:-2])}")
    if not fields[-1]:
        raise _bad(f"no port specified: {text}<empty>")
    host_ip, host, container = ["", "", *fields][-3:]
    return host_ip, host, container


def _range(text: str, what: str) -> range:
    first, dash, last = text.partition("-")
    if not _is_port(first) or (dash and not _is_port(last)):
        raise _bad(f"invalid {what}: {text}")
    low, high = int(first), int(last or first)
    if high < low or (what == "containerPort" and low == 0):
        raise _bad(f"invalid {what}: {text}")
    return range(low, high + 1)


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 6 and int(text) < 65536


def _address(text: str) -> str:
    """A checked IPv4 address; 0.0.0.0 says what nothing says."""
    fields = text.split(".")
    if not text or fields == ["0"] * 4:
        return ""
    ok = len(fields) == 4 and all(
        field.isascii() and field.isdigit() and str(int(field)) == field and int(field) < 256
        for field in fields
    )
    if not ok:
        raise _bad(f"invalid IP address: {text}")
    return text


def _bad(message: str) -> BadSpec:
    return BadSpec(message, f"ports are published as {_HINT}")
