"""The network of containers: leases, wiring, published ports, and the removal of all that.

The database says what should be, the kernel what is; every verb brings the kernel's side of
one endpoint in line with the database under one lock per root. Invariant: bridge and
firewall table exist exactly while this root has an endpoint.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from tuidock.engine.errors import BadSpec, EngineError, HostError
from tuidock.engine.layout import Layout
from tuidock.engine.network import firewall, hostports, ipam, leases, link, stencils
from tuidock.engine.network.ipam import Bridge, Endpoint, Subnet
from tuidock.engine.network.laps import Lap, Laps
from tuidock.engine.network.stencils import Stencils
from tuidock.engine.store import transaction
from tuidock.engine.types import ContainerSpec, Finding, Port

DEFAULT = "bridge"
"""The network that a container gets without asking."""
_WITHOUT_ROOT = (
    "an ordinary user has no bridge: containers have no network, or with --network host this one",
    "run tuidock as root for a bridge and published ports",
)
_PATIENCE = 5.0
"""Seconds to wait for another root that is choosing its subnet."""
_BRIDGE = re.compile("td[0-9a-f]{8}")
_COLUMNS = "container, network, address, interface, ports"


class Network:
    """The default bridge of one root. Blocking; instances of one root may run side by side."""

    def __init__(self, layout: Layout, db: sqlite3.Connection) -> None:
        self.layout = layout
        self.db = db
        self.bridge_name = f"td{layout.tag}"
        self.table = f"tuidock-{layout.tag}"
        self._lock_file = f"{layout.runroot}/network.lock"

    # --- the life of an endpoint ------------------------------------------------------------

    def reserve(
        self, container_id: str, spec: ContainerSpec, exposed: Sequence[str] = ()
    ) -> Endpoint:
        """Lease an address and host ports before anything starts, and have the bridge ready.

        `exposed` are the `ExposedPorts` of the image, for `publish_all`. An endpoint that the
        container still has is given back first, and its address tried again.
        Raises PortInUse, BadSpec (unknown network), NetworkError, NeedsRoot, Unsupported.
        """
        if spec.network != DEFAULT:
            raise BadSpec(f"network {spec.network} not found", "`bridge` is the one there is")
        wanted = hostports.wanted(spec, exposed)
        with self._lock():
            self._release(container_id)
            try:
                with self._undisturbed():
                    bridge, others = self._bridge(), self._endpoints()
                    endpoint = self._lease(bridge, container_id, wanted)
                    self._raise(bridge, others)
            except BaseException:
                self._release(container_id)
                raise
        return endpoint

    def connect(self, endpoint: Endpoint, pid: int) -> list[Lap]:
        """Plug the network namespace of process `pid` in, and open the published ports.

        Returns what was done, and when.

        The process must not end meanwhile (it waits at the gate). On failure nothing of this
        is left, but the lease stays: `disconnect` ends it.
        Raises NetworkError, NeedsRoot, Unsupported.
        """
        with self._lock():
            laps, bridge = Laps(), self._bridge()
            laps.done(*self._raise(bridge, self._endpoints()))
            patterns = self._stencils(bridge)
            link.plug(bridge, patterns, endpoint, pid, laps)
            if not firewall.publish(patterns, endpoint):
                firewall.replace(patterns, self._endpoints())
            laps.done(*hostports.described(endpoint.ports))
            return laps.all

    def disconnect(self, container_id: str) -> None:
        """Remove interface, published ports and lease; the last one takes the bridge along.

        Call it before the container's row goes, which takes the lease with it: bridge and
        interface are still removed then, open ports only by the next `sweep`. Does nothing
        when there is nothing. Raises NetworkError, NeedsRoot.
        """
        with self._lock():
            self._release(container_id)
            if link.index(self.bridge_name):
                self._strays()
                if not self._endpoints():
                    self._clear(self._bridge())

    def release(self, container_id: str) -> None:
        """As `disconnect`, for a container whose processes are gone, and without their wait.

        The kernel takes some 20 ms to remove an interface, which goes with its namespace
        anyway, and 30 ms for a bridge, which stays until `retire`. Raises as `disconnect`.
        """
        with self._lock():
            endpoint = self.endpoint(container_id)
            if endpoint is not None:
                self._forget(endpoint)

    def retire(self, idle: float = 3.0) -> None:
        """Wait until nothing has needed the bridge for `idle` seconds, then remove it.

        Returns at once while there are endpoints, or when another process already waits. For
        a process in the background, after `release`. Raises NetworkError, NeedsRoot.
        """
        with open(f"{self.layout.runroot}/network.retiring", "w") as waiting:
            try:
                fcntl.flock(waiting, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            while not self._endpoints() and link.index(self.bridge_name):
                # Somebody may set the clock back meanwhile: then it was long ago, too.
                rest = idle - abs(time.time() - os.stat(self._lock_file).st_mtime)
                if rest <= 0:
                    self._retire()
                    return
                time.sleep(min(rest, idle))

    def _retire(self) -> None:
        with self._lock():
            if not self._endpoints():
                self._strays()
                self._clear(self._bridge())

    def endpoint(self, container_id: str) -> Endpoint | None:
        """The lease of a container, None without one."""
        rows = self.db.execute(
            f"SELECT {_COLUMNS} FROM endpoint WHERE container = ?", (container_id,)
        ).fetchall()
        return self._endpoint(rows[0]) if rows else None

    def warm(self) -> None:
        """Have the messages encoded; worth a call while something else takes its time."""
        self._stencils(self._bridge())

    # --- after accidents --------------------------------------------------------------------

    def sweep(self, running: set[str]) -> list[str]:
        """Make the kernel agree with what runs; what was done, in words.

        `running` are the full ids of containers that run, or are about to (created and
        reserved). Raises NetworkError, NeedsRoot, Unsupported.
        """
        if os.geteuid():  # who can have no bridge has nothing to mend
            return []
        with self._lock():
            done = [
                f"released {endpoint.address} of {endpoint.container[:12]}"
                for endpoint in self._endpoints()
                if endpoint.container not in running
            ]
            for endpoint in self._endpoints():
                if endpoint.container not in running:
                    self._release(endpoint.container)
            return done + self._strays() + self._restore()

    def _strays(self) -> list[str]:
        """Remove interfaces that belong to no endpoint."""
        known = {endpoint.interface for endpoint in self._endpoints()}
        strays = [
            name
            for name in link.names()
            if name.startswith(f"{self.bridge_name}v") and name not in known
        ]
        for name in strays:
            link.unplug(name, self._stencils(self._bridge()))
        return [f"removed interface {name}" for name in strays]

    def _restore(self) -> list[str]:
        """Bring back bridge and rules that somebody removed, or remove what nobody needs."""
        endpoints, bridge = self._endpoints(), self._bridge()
        if not endpoints:
            return self._clear(bridge)
        done = self._raise(bridge, endpoints)
        if not done:  # rows may have gone without their ports
            firewall.replace(self._stencils(bridge), endpoints)
        return done

    # --- doctor -----------------------------------------------------------------------------

    def findings(self) -> list[Finding]:
        """What of this host keeps containers from the network; never raises an EngineError."""
        if os.geteuid():
            return [Finding("network", "warning", *_WITHOUT_ROOT)]
        try:
            found = firewall.foreign_drops()
        except EngineError as error:
            return [Finding("network", "missing", error.message, error.hint)]
        return found or [Finding("network", "ok", "bridge, NAT and published ports")]

    # --- bridge and firewall ------------------------------------------------------------------

    def _bridge(self) -> Bridge:
        """The default network, with the subnet it has, or gets now because no route wants it."""
        row = self.db.execute("SELECT subnet FROM network WHERE name = ?", (DEFAULT,)).fetchone()
        if row is None:
            return self._settle(ipam.free_subnet(subnet for _, subnet in ipam.routes()))
        subnet = ipam.parse(row[0])
        if not self._endpoints() and not link.index(self.bridge_name):
            rivals = [other for _, other in ipam.routes() if other.overlaps(subnet)]
            if rivals:  # a route came that was not there when the subnet was chosen
                return self._settle(ipam.free_subnet(other for _, other in ipam.routes()))
        return Bridge(self.bridge_name, self.table, subnet)

    def _settle(self, subnet: Subnet) -> Bridge:
        self.db.execute(
            "INSERT OR REPLACE INTO network (name, subnet) VALUES (?, ?)", (DEFAULT, str(subnet))
        )
        return Bridge(self.bridge_name, self.table, subnet)

    def _raise(self, bridge: Bridge, endpoints: Sequence[Endpoint]) -> list[str]:
        """Make what is missing of bridge and table, for those endpoints; what it was."""
        patterns, done = self._stencils(bridge), []
        there, guarded = link.index(bridge.name), firewall.present(patterns)
        if not (there and guarded):  # the table comes last: without it the bridge may be half-made
            link.raise_bridge(bridge, patterns)
        if not there:
            self._plug_in_again(bridge, endpoints)
            done.append(f"made bridge {bridge.name}")
        if not guarded:
            firewall.make(patterns, endpoints)
            done.append(f"wrote firewall table {bridge.table}")
        return done

    def _plug_in_again(self, bridge: Bridge, endpoints: Sequence[Endpoint]) -> None:
        """Put containers on a bridge that was removed under their feet."""
        plugs = set(link.names())
        for endpoint in endpoints:
            if endpoint.interface in plugs:
                link.enslave(bridge, self._stencils(bridge), endpoint.interface)

    def _clear(self, bridge: Bridge) -> list[str]:
        patterns, done = self._stencils(bridge), []
        if link.index(bridge.name):
            link.lower_bridge(bridge, patterns)
            done.append(f"removed bridge {bridge.name}")
        if firewall.present(patterns):
            firewall.remove(patterns)
            done.append(f"removed firewall table {bridge.table}")
        return done

    def _stencils(self, bridge: Bridge) -> Stencils:
        def encode() -> dict[str, bytes]:
            from tuidock.engine.network import ruleset, wiring

            return {**wiring.encode(bridge), **ruleset.encode(bridge)}

        key = f"{bridge.name} {bridge.subnet} {_program()}"
        return stencils.load(f"{self.layout.runroot}/network.stencils", key, encode)

    # --- leases -------------------------------------------------------------------------------

    def _lease(self, bridge: Bridge, container_id: str, wanted: Sequence[Port]) -> Endpoint:
        with transaction(self.db):
            others = self._endpoints()
            address = ipam.free_address(bridge.subnet, (other.address for other in others))
            taken = [port for other in others for port in other.ports]
            if wanted:
                taken += self._taken_by_other_roots()
            endpoint = Endpoint(
                container_id,
                DEFAULT,
                address,
                bridge.subnet.prefix,
                bridge.subnet.gateway,
                f"{bridge.name}v{ipam.number(address) & 0xFFFF:04x}",
                hostports.choose(wanted, taken),
            )
            self.db.execute(
                f"INSERT INTO endpoint ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)",
                (*endpoint[:3], endpoint.interface, json.dumps(endpoint.ports)),
            )
        return endpoint

    def _taken_by_other_roots(self) -> list[Port]:
        """What the tables of other roots translate; known only once they are connected."""
        tags = [name[2:] for name in link.names() if _BRIDGE.fullmatch(name)]
        tables = [f"tuidock-{tag}" for tag in tags if tag != self.layout.tag]
        return [port for table in tables for port in firewall.published(table)]

    def _release(self, container_id: str) -> None:
        endpoint = self.endpoint(container_id)
        if endpoint is None:
            return
        link.unplug(endpoint.interface, self._stencils(self._bridge()))
        self._forget(endpoint)
        if not self._endpoints():
            self._clear(self._bridge())

    def _forget(self, endpoint: Endpoint) -> None:
        patterns = self._stencils(self._bridge())
        firewall.retract(patterns, endpoint)
        firewall.forget_flows(patterns, endpoint)
        self.db.execute("DELETE FROM endpoint WHERE container = ?", (endpoint.container,))

    def _endpoints(self) -> list[Endpoint]:
        rows = self.db.execute(f"SELECT {_COLUMNS} FROM endpoint WHERE network = ?", (DEFAULT,))
        return [self._endpoint(row) for row in rows.fetchall()]

    def _endpoint(self, row: tuple[str, str, str, str, str]) -> Endpoint:
        container, network, address, interface, published = row
        subnet = self._subnet()
        return Endpoint(
            container,
            network,
            address,
            subnet.prefix,
            subnet.gateway,
            interface,
            tuple(Port(*fields) for fields in json.loads(published)),
        )

    def _subnet(self) -> Subnet:
        row = self.db.execute("SELECT subnet FROM network WHERE name = ?", (DEFAULT,)).fetchone()
        return ipam.parse(row[0])

    # --- locks --------------------------------------------------------------------------------

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """One at a time within this root."""
        try:
            descriptor = os.open(self._lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise HostError(f"cannot lock the network: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            os.utime(descriptor)  # when the network was last needed, for `retire`
            leases.begin_boot(self.layout, self.db)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def _undisturbed(self) -> Iterator[None]:
        """One root at a time while a subnet is chosen and its route appears.

        The lock is on the network namespace itself, which is what roots share. Anybody may hold
        it, so it is waited for only so long: two roots then rely on luck, not on an attacker.
        """
        descriptor = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        deadline = time.monotonic() + _PATIENCE
        try:
            while time.monotonic() < deadline:
                with suppress(BlockingIOError):
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                time.sleep(0.005)
            yield
        finally:
            os.close(descriptor)


def _program() -> str:
    """Changes when the messages may: their makers' times of change."""
    here = os.path.dirname(__file__)
    makers = (f"{here}/{name}.py" for name in ("encode", "stencils", "wiring", "ruleset"))
    return "-".join(str(os.stat(path).st_mtime_ns) for path in makers)
