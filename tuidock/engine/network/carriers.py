"""The programs that carry a network namespace by sockets of an ordinary user, and their words.

Invariant: whichever it is, services on the host's loopback are out of the container's reach.
"""

from __future__ import annotations

import os

from tuidock.engine.errors import HostError
from tuidock.engine.named import NamedTuple
from tuidock.engine.network.ipam import Endpoint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Describe = Callable[[str, Endpoint, int], "Program"]

_SEARCH = ("/usr/bin", "/usr/local/bin", "/bin")
_TUN = "/dev/net/tun"
_MTU = 65520
_READY_FD, _READY = 3, "ready"
"""Where `runtime.uplink` reads that a program is ready: a descriptor, and a fifo."""


class Program(NamedTuple):
    """What `runtime.uplink` is to run for one container."""

    words: list[str]
    orders: list[dict[str, Any]]
    """For its control socket, once it is ready."""
    enter: bool
    """It wants to be root of the container's user namespace from the first; else it enters."""


class Carrier(NamedTuple):
    """A program that is installed."""

    name: str
    path: str
    protocols: tuple[str, ...]
    """Of ports that it can publish."""

    def program(self, endpoint: Endpoint, pid: int) -> Program:
        """How it is run for the namespaces of `pid`."""
        return _PROGRAMS[self.name](self.path, endpoint, pid)


def find() -> Carrier | None:
    """The first one that is installed."""
    return next((each for name in _PROGRAMS if (each := _installed(name))), None)


def usable() -> bool:
    """Whether `need` would not raise."""
    return find() is not None and _may_open_tun()


def _may_open_tun() -> bool:
    return os.access(_TUN, os.R_OK | os.W_OK)


def named(name: str) -> Carrier:
    """One by name. Raises HostError when it was uninstalled meanwhile."""
    return _installed(name) or need()


def need() -> Carrier:
    """The first one, usable. Raises HostError with the command that mends it."""
    carrier = find()
    if carrier is None:
        raise HostError(
            "no network for an ordinary user: neither slirp4netns nor pasta is installed",
            "apt-get install slirp4netns, or passt; or share this machine's with --network host",
        )
    if not _may_open_tun():
        raise HostError(
            f"no network for an ordinary user: {_TUN} may not be opened",
            f"modprobe tun; chmod 666 {_TUN}; or share this machine's with --network host",
        )
    return carrier


def _installed(name: str) -> Carrier | None:
    for directory in _SEARCH:
        path = f"{directory}/{name}"
        if os.access(path, os.X_OK):
            return Carrier(name, path, ("tcp", "udp"))
    return None


def _slirp4netns(path: str, to: Endpoint, pid: int) -> Program:
    """slirp4netns(1), from 1.0 on; ports are opened by its control socket."""
    subnet = to.gateway.rpartition(".")[0]
    words = [
        path,
        "--configure",
        f"--mtu={_MTU}",
        f"--cidr={subnet}.0/{to.prefix}",
        "--disable-host-loopback",
        "--enable-ipv6",
        "--enable-sandbox",
        "--enable-seccomp",
        f"--ready-fd={_READY_FD}",
        "--api-socket=control",
        "--netns-type=path",
        f"/proc/{pid}/ns/net",
        to.interface,
    ]
    orders = [
        {
            "execute": "add_hostfwd",
            "arguments": {
                "proto": port.protocol,
                "host_addr": port.host_ip or "0.0.0.0",
                "host_port": port.host_port,
                "guest_addr": to.address,
                "guest_port": port.container_port,
            },
        }
        for port in to.ports
    ]
    return Program(words, orders, enter=True)


def _pasta(path: str, to: Endpoint, pid: int) -> Program:
    """pasta(1), from 2023 on. Its --no-map-gw keeps the host's loopback out of reach, the
    `none`s what the container's own loopback would be forwarded to.
    """
    words = [
        path,
        "--foreground",
        "--quiet",
        "--config-net",
        "--no-map-gw",
        f"--ns-ifname={to.interface}",
        f"--address={to.address}",
        f"--netmask={to.prefix}",
        f"--gateway={to.gateway}",
        f"--dns-forward={to.resolver}",
        f"--mtu={_MTU}",
        *_published(to, "tcp", "--tcp-ports"),
        *_published(to, "udp", "--udp-ports"),
        "--tcp-ns=none",
        "--udp-ns=none",
        f"--pid={_READY}",
        f"--userns=/proc/{pid}/ns/user",
        f"--netns=/proc/{pid}/ns/net",
    ]
    return Program(words, [], enter=False)


def _published(to: Endpoint, protocol: str, flag: str) -> list[str]:
    ports = [port for port in to.ports if port.protocol == protocol]
    return [
        f"{flag}={port.host_ip or '0.0.0.0'}/{port.host_port}:{port.container_port}"
        for port in ports
    ] or [f"{flag}=none"]


_PROGRAMS: dict[str, Describe] = {"slirp4netns": _slirp4netns, "pasta": _pasta}
"""The one that has a tenth of the other's memory, and no bug with ends of connections in Debian
12, comes first; the other is several times as fast.
"""
