"""What runs in the demo: the starter image, and three containers made of it."""

from __future__ import annotations

import socket
import sys
import time
from typing import NamedTuple

from tuidock.engine.core import Core
from tuidock.engine.errors import HostError, NetworkError, RuntimeFailure
from tuidock.engine.images import starter
from tuidock.engine.types import Container, ContainerSpec, Image, Limits, Port

MEBIBYTE = 1 << 20

CHATTER = ContainerSpec(
    image=starter.REFERENCE,
    name="chatter",
    command=("chatter",),
    network="none",
    limits=Limits(memory=32 * MEBIBYTE, pids=32),
)
WAVES = ContainerSpec(
    image=starter.REFERENCE,
    name="waves",
    command=("waves",),
    network="none",
    limits=Limits(memory=96 * MEBIBYTE, cpus=0.6, pids=32),
)
WEB = ContainerSpec(
    image=starter.REFERENCE,
    name="web",
    command=("website", "80"),
    ports=(Port(80, host_ip="127.0.0.1"),),
    limits=Limits(memory=64 * MEBIBYTE, pids=32),
)


class Actor(NamedTuple):
    """One container of the demo."""

    container: Container
    obstacles: tuple[str, ...] = ()
    """Why it got less than it was meant to have: no limits, or no network of its own."""

    @property
    def port(self) -> int:
        """Where the web server answers on 127.0.0.1."""
        ports = self.container.ports
        return ports[0].host_port if ports else int(self.container.command[-1])


def add_image(core: Core) -> Image:
    """Make the starter image and add it to the store. Raises Unsupported, StorageFull."""
    made = starter.build()
    return core.images.add(made.config, [made.layer], made.reference)


def set_scene(core: Core) -> None:
    """Everything at once, for the interface."""
    print("making a starter image of this machine's own tools ...", file=sys.stderr)
    add_image(core)
    for actor in (start_website(core), run(core, WAVES), run(core, CHATTER)):
        for obstacle in actor.obstacles:
            print(f"{actor.container.name}: {obstacle}", file=sys.stderr)


def start_website(core: Core) -> Actor:
    """On the bridge with a published port; where that cannot be, on the host's network."""
    shared = WEB._replace(network="host", ports=(), command=("website", str(free_port())))
    return run(core, WEB, shared)


def run(core: Core, *specs: ContainerSpec) -> Actor:
    """Start the first of these that can be, each with its limits or else without.

    Raises the last reason when none can.
    """
    obstacles: list[str] = []
    *attempts, last = [it for spec in specs for it in (spec, spec._replace(limits=Limits()))]
    for spec in attempts:
        try:
            return Actor(_start(core, spec), tuple(obstacles))
        except (HostError, NetworkError, RuntimeFailure) as error:
            if error.message not in obstacles:
                obstacles.append(error.message)
    return Actor(_start(core, last), tuple(obstacles))


def _start(core: Core, spec: ContainerSpec) -> Container:
    """Create and start; a container of that name from an earlier scene makes way."""
    for container in core.containers.list():
        if container.name == spec.name and container.image == spec.image:
            core.containers.remove(container.id, force=True)
    container = core.containers.create(spec)
    core.containers.start(container.id)
    return core.containers.get(container.id)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def fetch(port: int, patience: float = 5.0) -> bytes:
    """What the web server answers to `GET /`; it may still be starting. Raises OSError."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return _get(port)
        except ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _get(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    if not answer:
        raise ConnectionResetError("the web server closed the connection without an answer")
    return answer
