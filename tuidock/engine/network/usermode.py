"""The network of an ordinary user's containers: each has its own, carried by a program.

slirp4netns(1) or pasta(1) takes the packets of one network namespace and speaks for them by
ordinary sockets of the user. What the verbs mean is as for the bridge (`service`), but that
containers do not see each other. Invariant: nothing of it has an effect outside of the
container's namespace, except the published ports, which the program itself listens on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from tuidock.engine.errors import BadSpec, HostError, NetworkError
from tuidock.engine.layout import Layout
from tuidock.engine.linux.proc import kill_exactly
from tuidock.engine.network import carriers, hostports, ipam, leases
from tuidock.engine.network.ipam import Endpoint, Subnet
from tuidock.engine.network.laps import Lap, Laps
from tuidock.engine.store import transaction
from tuidock.engine.types import ContainerSpec, Finding, Port

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from typing import Any

    Start = Callable[[str, int, dict[str, Any]], None]
    """Runs a program for (container, pid, program); `runtime.client.start_uplink`."""

_COLUMNS = "container, network, address, interface, ports"
_INTERFACE = "eth0"


class UserNetwork:
    """The networks of one root's containers. Blocking, as `service.Network`, and used as it is."""

    def __init__(self, layout: Layout, db: sqlite3.Connection, start: Start) -> None:
        self.layout = layout
        self.db = db
        self._start = start

    # --- the life of an endpoint ------------------------------------------------------------

    def reserve(
        self, container_id: str, spec: ContainerSpec, exposed: Sequence[str] = ()
    ) -> Endpoint:
        """Choose addresses and host ports before anything starts.

        Raises PortInUse, BadSpec, HostError without a program, NetworkError.
        """
        carrier = carriers.need()
        wanted = hostports.wanted(spec, exposed)
        for port in wanted:
            if port.protocol not in carrier.protocols:
                raise BadSpec(f"{carrier.name} cannot publish {port.protocol} ports")
        self.release(container_id)
        with transaction(self.db):
            leases.begin_boot(self.layout, self.db)
            others = list(self._endpoints())
            taken = [_subnet(other.address) for other in others]
            subnet = ipam.free_subnet([*(each for _, each in ipam.routes()), *taken])
            ports = hostports.choose(wanted, [port for other in others for port in other.ports])
            endpoint = _endpoint(container_id, carrier.name, subnet, ports)
            self.db.execute(
                f"INSERT INTO endpoint ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)",
                (*endpoint[:3], endpoint.interface, json.dumps(ports)),
            )
        return endpoint

    def connect(self, endpoint: Endpoint, pid: int) -> list[Lap]:
        """Have the namespace of process `pid` carried, with the published ports open.

        The process must not end meanwhile (it waits at the gate). Raises NetworkError,
        PortInUse when somebody took a port since `reserve`, RuntimeFailure. Returns what was
        done, and when.
        """
        laps, carrier = Laps(), carriers.named(endpoint.network)
        try:
            self._start(endpoint.container, pid, carrier.program(endpoint, pid)._asdict())
        except NetworkError:
            hostports.choose(endpoint.ports, ())
            raise
        made = f"{carrier.name} carries {endpoint.interface} with {endpoint.address}"
        laps.done(made, *hostports.described(endpoint.ports))
        return laps.all

    def disconnect(self, container_id: str) -> None:
        """End the program, if it has not ended with the container, and the lease."""
        _end(self.layout, container_id)
        self.db.execute("DELETE FROM endpoint WHERE container = ?", (container_id,))

    release = disconnect

    def retire(self) -> None:
        """Nothing is shared that could be idle."""

    def endpoint(self, container_id: str) -> Endpoint | None:
        """The lease of a container, None without one."""
        return next((e for e in self._endpoints() if e.container == container_id), None)

    def _endpoints(self) -> Iterator[Endpoint]:
        for container, network, address, _, ports in self.db.execute(
            f"SELECT {_COLUMNS} FROM endpoint"
        ).fetchall():
            published = tuple(Port(*fields) for fields in json.loads(ports))
            yield _endpoint(container, network, _subnet(address), published)

    # --- after accidents --------------------------------------------------------------------

    def sweep(self, running: set[str]) -> list[str]:
        """End what carries containers that run no more. What was done, in words.

        `running` as for `service.Network.sweep`.
        """
        done = []
        for endpoint in self._endpoints():
            if endpoint.container not in running:
                self.disconnect(endpoint.container)
                done.append(f"released {endpoint.address} of {endpoint.container[:12]}")
        for container_id in _carried(self.layout):
            if container_id not in running:
                _end(self.layout, container_id)
                done.append(f"ended the network of {container_id[:12]}, which does not run")
        return done

    # --- doctor -----------------------------------------------------------------------------

    def findings(self) -> list[Finding]:
        """Whether containers can have a network; never raises an EngineError."""
        try:
            carrier = carriers.need()
        except HostError as error:
            return [Finding("network", "warning", error.message, error.hint)]
        return [Finding("network", "ok", f"{carrier.name} carries it, published ports too")]


def _subnet(address: str) -> Subnet:
    return Subnet(ipam.number(address) & 0xFFFFFF00, 24)


def _endpoint(container: str, network: str, subnet: Subnet, ports: tuple[Port, ...]) -> Endpoint:
    """Addresses as slirp4netns places them in a subnet."""
    gateway, resolver, address = (ipam.text(subnet.base + place) for place in (2, 3, 100))
    interface = _INTERFACE
    return Endpoint(container, network, address, 24, gateway, interface, ports, resolver)


def _carried(layout: Layout) -> list[str]:
    try:
        return os.listdir(os.path.dirname(layout.uplink("")))
    except FileNotFoundError:
        return []


def _end(layout: Layout, container_id: str) -> None:
    """Kill a program that outlived its uplink, and forget both; the uplink may just do so."""
    directory = layout.uplink(container_id)
    with suppress(FileNotFoundError, ValueError):  # nobody, or not yet
        with open(f"{directory}/program", encoding="ascii") as file:
            pid, began = map(int, file.read().split())
        kill_exactly(pid, began)
    with suppress(FileNotFoundError):
        for name in os.listdir(directory):
            with suppress(FileNotFoundError):
                os.unlink(f"{directory}/{name}")
        os.rmdir(directory)
