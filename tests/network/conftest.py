"""A small world for every test: a host with nothing on it, and machines beside and inside it.

The test's own thread moves into a fresh network namespace, which is the host; other machines and
containers are namespaces kept by sleeping processes. Sockets are opened in a namespace and used
from here, so no test needs a helper program, a thread or a wait. All traffic stays inside.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest

from tuidock.engine import store
from tuidock.engine.layout import Layout
from tuidock.engine.linux.libc import check, libc
from tuidock.engine.network.ipam import Endpoint
from tuidock.engine.network.service import Network
from tuidock.engine.types import ContainerSpec, Port

CLONE_NEWNET = 0x40000000
HOST, NEIGHBOUR = "192.0.2.1", "192.0.2.9"
KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
PATIENCE = 30.0
"""Seconds for a packet that is to arrive, on a machine that has much else to do."""
LATE = 1.5
"""Seconds after which one was dropped that is not to arrive; a lost ARP question takes one."""


def run(*command: str, pid: int = 0) -> str:
    """Run a program of the machine, in the network namespace of `pid`."""
    into = ["nsenter", "-t", str(pid), "-n"] if pid else []
    done = subprocess.run([*into, *command], capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


def unshare_net() -> None:
    check(libc.unshare(CLONE_NEWNET), "unshare")


@contextmanager
def inside(pid: int) -> Iterator[None]:
    """This thread in another network namespace; pid 0 stays where it is."""
    if not pid:
        yield
        return
    with closing_fd("/proc/thread-self/ns/net") as home:
        with closing_fd(f"/proc/{pid}/ns/net") as there:
            check(libc.setns(there, CLONE_NEWNET), "setns")
        try:
            yield
        finally:
            check(libc.setns(home, CLONE_NEWNET), "setns")


@contextmanager
def closing_fd(path: str) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def namespace() -> Iterator[int]:
    """A process that sleeps in a network namespace of its own, with lo up; its pid."""
    sleeper = subprocess.Popen(["sleep", "infinity"], preexec_fn=unshare_net)
    try:
        run("ip", "link", "set", "lo", "up", pid=sleeper.pid)
        yield sleeper.pid
    finally:
        sleeper.kill()
        sleeper.wait()


# --- talking --------------------------------------------------------------------------------


def listen(pid: int, port: int, protocol: str = "tcp", ip: str = "0.0.0.0") -> socket.socket:
    with inside(pid):
        server = socket.socket(socket.AF_INET, KINDS[protocol])
    server.settimeout(PATIENCE)
    server.bind((ip, port))
    if protocol == "tcp":
        server.listen()
    return server


def talk(
    server: socket.socket,
    pid: int,
    ip: str,
    port: int,
    source: str = "",
    patience: float = PATIENCE,
) -> tuple[str, str]:
    """Send a question from `pid` and get its answer; the peers as server and client see them.

    Raises OSError (TimeoutError, ConnectionRefusedError) where no packet gets through.
    """
    with inside(pid):
        client = socket.socket(socket.AF_INET, server.type)
    with client:
        client.settimeout(patience)
        server.settimeout(patience)
        if source:
            client.bind((source, 0))
        client.connect((ip, port))
        client.send(b"question")
        seen = _answer(server)
        assert client.recv(64) == b"answer"
        return seen, client.getpeername()[0]


def _answer(server: socket.socket) -> str:
    if server.type == socket.SOCK_DGRAM:
        data, peer = server.recvfrom(64)
        assert data == b"question"
        server.sendto(b"answer", peer)
        return str(peer[0])
    connection, peer = server.accept()
    with connection:
        connection.settimeout(PATIENCE)
        assert connection.recv(64) == b"question"
        connection.send(b"answer")
    return str(peer[0])


# --- the world -------------------------------------------------------------------------------


@pytest.fixture
def host() -> Iterator[None]:
    """The test's thread on a host of its own, with nothing but lo and one uplink."""
    with closing_fd("/proc/thread-self/ns/net") as home:
        unshare_net()
        try:
            run("ip", "link", "set", "lo", "up")
            yield
        finally:
            check(libc.setns(home, CLONE_NEWNET), "setns")


@pytest.fixture
def neighbour(host: None) -> Iterator[int]:
    """Another machine on the host's wire: 192.0.2.9, the host being 192.0.2.1."""
    with namespace() as pid:
        wire(pid, "up0", HOST, NEIGHBOUR)
        yield pid


def wire(pid: int, name: str, ours: str, theirs: str) -> None:
    run("ip", "link", "add", name, "type", "veth", "peer", "name", "wire", "netns", str(pid))
    run("ip", "address", "add", f"{ours}/24", "dev", name)
    run("ip", "link", "set", name, "up")
    run("ip", "address", "add", f"{theirs}/24", "dev", "wire", pid=pid)
    run("ip", "link", "set", "wire", "up", pid=pid)


class Root:
    """One engine root: its network, and containers that are only namespaces."""

    def __init__(self, layout: Layout, db: sqlite3.Connection, stack: ExitStack) -> None:
        self.layout = layout
        self.db = db
        self.network = Network(layout, db)
        self.stack = stack

    def add(self, name: str) -> str:
        """A row for a container, as `create` leaves one; its id."""
        container = name.encode().hex().ljust(64, "0")
        self.db.execute(
            "INSERT INTO container (id, name, image, image_id, created, command, spec, layer_keys)"
            " VALUES (?, ?, '', '', 0, '[]', '{}', '[]')",
            (container, name),
        )
        return container

    def start(self, name: str, *ports: Port) -> tuple[int, Endpoint]:
        """A connected container: pid of its namespace, and its endpoint."""
        pid = self.stack.enter_context(namespace())
        endpoint = self.network.reserve(self.add(name), ContainerSpec("x", ports=ports))
        self.network.connect(endpoint, pid)
        return pid, endpoint

    def remains(self) -> str:
        """Interfaces and tables of this root, as the machine's own programs see them."""
        links = [line for line in run("ip", "-br", "link").splitlines() if self.layout.tag in line]
        tables = [t for t in run("nft", "list", "tables").splitlines() if self.layout.tag in t]
        return "\n".join(links + tables)


Roots = Callable[[str], Root]


@pytest.fixture
def roots(layout: Layout, host: None) -> Iterator[Roots]:
    """Makes further roots on the same host."""
    with ExitStack() as stack:

        def make(name: str) -> Root:
            place = Layout(f"{layout.root}/{name}", f"{layout.runroot}/{name}")
            place.make()
            return Root(place, stack.enter_context(closing(store.connect(place))), stack)

        yield make


@pytest.fixture
def root(roots: Roots) -> Root:
    return roots("a")
