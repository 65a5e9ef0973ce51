"""What runs in the demo: the starter image, and three containers made of it."""

from __future__ import annotations

import socket
import sys
import time
from typing import NamedTuple

from tuidock.engine.core import Core
from tuidock.engine.errors import HostError, NetworkError
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


class Website(NamedTuple):
    """The web server, and where it answers."""

    container: Container
    port: int
    """On 127.0.0.1."""
    obstacle: str = ""
    """Why it has no network of its own, when it has none."""


def add_image(core: Core) -> Image:
    """Make the starter image and add it to the store. Raises Unsupported, StorageFull."""
    made = starter.build()
    return core.images.add(made.config, [made.layer], made.reference)


def set_scene(core: Core) -> None:
    """Everything at once, for the interface."""
    print("making a starter image of this machine's own tools ...", file=sys.stderr)
    add_image(core)
    website = start_website(core)
    if website.obstacle:
        print(f"web shares the host's network: {website.obstacle}", file=sys.stderr)
    for spec in (WAVES, CHATTER):
        run(core, spec)


def run(core: Core, spec: ContainerSpec) -> Container:
    """Create and start; a container of that name from an earlier scene makes way."""
    for container in core.containers.list():
        if container.name == spec.name and container.image == spec.image:
            core.containers.remove(container.id, force=True)
    container = core.containers.create(spec)
    core.containers.start(container.id)
    return core.containers.get(container.id)


def start_website(core: Core) -> Website:
    """On the bridge with a published port; where that cannot be, on the host's network."""
    try:
        container = run(core, WEB)
    except (NetworkError, HostError) as error:
        port = free_port()
        spec = WEB._replace(network="host", ports=(), command=("website", str(port)))
        return Website(run(core, spec), port, error.message)
    return Website(container, container.ports[0].host_port)


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
