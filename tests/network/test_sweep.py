"""After accidents: killed clients, rows that went, a bridge or rules that somebody removed."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time

import pytest

from tests import root_only
from tests.network.conftest import HOST, Root, Roots, listen, namespace, run, talk
from tuidock.engine.errors import NeedsRoot
from tuidock.engine.network import firewall
from tuidock.engine.types import ContainerSpec, Port

pytestmark = pytest.mark.root(root_only.BRIDGE)
WEB = Port(80, "tcp", 8080)

VICTIM = """
import os, signal, sys
from tuidock.engine import store
from tuidock.engine.layout import Layout
from tuidock.engine.network import netlink
from tuidock.engine.network.service import Network
from tuidock.engine.types import ContainerSpec, Port

place, container = Layout(*sys.argv[1:3]), sys.argv[3]
pid, calls = int(sys.argv[4]), int(sys.argv[5])
real = netlink._talk

def count(*arguments):
    global calls
    calls -= 1
    if calls < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    real(*arguments)

netlink._talk = count
network = Network(place, store.connect(place))
network.connect(
    network.reserve(container, ContainerSpec("x", ports=(Port(80, "tcp", 8080),))), pid
)
network.disconnect(container)
print("survived")
"""


@pytest.mark.parametrize("calls", range(20))
def test_client_killed_between_any_two_messages(root: Root, calls: int) -> None:
    """Whatever was half-made: the next client gets a working network, and one sweep leaves nothing.

    Fails where a half-made bridge passes for a whole one.
    """
    container = root.add("a")
    with namespace() as pid:
        arguments = [*root.layout, container, str(pid), str(calls)]
        done = subprocess.run([sys.executable, "-c", VICTIM, *arguments], capture_output=True)
        assert done.returncode == -signal.SIGKILL or done.stdout == b"survived\n", done.stderr
        other, endpoint = root.start("b", Port(80, "tcp", 8081))
        with listen(other, 80) as server:
            assert talk(server, 0, "127.0.0.1", 8081)
        root.network.disconnect(endpoint.container)
        subprocess.run([sys.executable, "-c", VICTIM, *arguments], capture_output=True)
    root.network.sweep(set())
    assert not root.remains()
    assert root.network.endpoint(container) is None


def test_victim_is_really_killed_at_the_latest_of_those_points(root: Root) -> None:
    """Guards the range above: it covers every message that a whole life sends."""
    with namespace() as pid:
        arguments = [*root.layout, root.add("a"), str(pid)]
        lives = [
            subprocess.run([sys.executable, "-c", VICTIM, *arguments, str(calls)]).returncode
            for calls in (0, 19)
        ]
        root.network.sweep(set())
    assert lives == [-signal.SIGKILL, 0]


def test_sweep_spares_what_runs(root: Root) -> None:
    pid, kept = root.start("kept", WEB)
    _, dead = root.start("dead", Port(80, "tcp", 8081))
    done = root.network.sweep({kept.container})
    assert done == [f"released {dead.address} of {dead.container[:12]}"]
    assert root.network.endpoint(dead.container) is None
    with listen(pid, 80) as server:
        assert talk(server, 0, "127.0.0.1", 8080)
    assert dead.interface not in root.remains()
    assert root.network.sweep({kept.container}) == []


def test_sweep_finds_what_a_removed_row_left(root: Root) -> None:
    """A row that goes with its container takes no interface along."""
    _, endpoint = root.start("a", WEB)
    root.db.execute("DELETE FROM container")
    assert root.network.endpoint(endpoint.container) is None
    assert f"removed interface {endpoint.interface}" in root.network.sweep(set())
    assert not root.remains()


def test_released_endpoint_leaves_the_bridge_to_the_next(root: Root, neighbour: int) -> None:
    with namespace() as pid:
        endpoint = root.network.reserve(root.add("a"), ContainerSpec("x", ports=(WEB,)))
        root.network.connect(endpoint, pid)
    root.network.release(endpoint.container)
    root.network.release(endpoint.container)
    assert root.network.endpoint(endpoint.container) is None
    assert "8080" not in run("nft", "list", "table", "ip", root.network.table)
    pid, again = root.start("b", WEB)
    assert again.address == endpoint.address
    with listen(pid, 80) as server:
        assert talk(server, neighbour, HOST, 8080)


def test_bridge_retires_when_nobody_needs_it(root: Root) -> None:
    endpoint = root.network.reserve(root.add("a"), ContainerSpec("x", ports=(WEB,)))
    root.network.retire(0)
    assert root.remains()
    root.network.release(endpoint.container)
    with open(f"{root.layout.runroot}/network.retiring", "w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        root.network.retire(0)
        assert root.remains()
    released = time.time()
    root.network.retire(0.5)
    assert not root.remains()
    assert time.time() - released >= 0.4


def test_disconnect_after_the_row_went_leaves_nothing(root: Root) -> None:
    _, endpoint = root.start("a", WEB)
    root.db.execute("DELETE FROM container")
    root.network.disconnect(endpoint.container)
    assert not root.remains()


def test_sweep_closes_ports_that_a_removed_row_left_open(root: Root) -> None:
    _, gone = root.start("a", WEB)
    _, kept = root.start("b", Port(80, "tcp", 8081))
    root.db.execute("DELETE FROM container WHERE id = ?", (gone.container,))
    root.network.sweep({kept.container})
    listing = run("nft", "list", "table", "ip", root.network.table)
    assert "8081" in listing
    assert "8080" not in listing


def test_sweep_leaves_other_roots_alone(roots: Roots) -> None:
    a, b = roots("a"), roots("b")
    a.start("x", WEB)
    before = a.remains()
    assert b.network.sweep(set()) == []
    assert a.remains() == before


def test_removed_bridge_comes_back_with_its_containers(root: Root) -> None:
    pid, endpoint = root.start("a", WEB)
    run("ip", "link", "del", root.network.bridge_name)
    assert root.network.sweep({endpoint.container}) == [f"made bridge {root.network.bridge_name}"]
    with listen(pid, 80) as server:
        assert talk(server, pid, "10.89.0.1", 8080)
        assert talk(server, 0, "127.0.0.1", 8080)


def test_removed_table_comes_back_with_its_ports(root: Root, neighbour: int) -> None:
    pid, endpoint = root.start("a", WEB)
    run("nft", "flush", "ruleset")
    assert root.network.sweep({endpoint.container}) == [
        f"wrote firewall table {root.network.table}"
    ]
    with listen(pid, 80) as server:
        assert talk(server, neighbour, HOST, 8080)


def test_torn_file_of_messages_is_made_again(root: Root) -> None:
    _, endpoint = root.start("a")
    root.network.disconnect(endpoint.container)
    path = f"{root.layout.runroot}/network.stencils"
    with open(path, "r+") as file:
        file.truncate(os.path.getsize(path) // 2)
    root.start("b")


def test_stolen_port_entry_is_repaired_by_connecting(root: Root) -> None:
    """Somebody edited our table: the whole is written again rather than half-trusted."""
    pid = root.stack.enter_context(namespace())
    endpoint = root.network.reserve(root.add("a"), ContainerSpec("x", ports=(WEB,)))
    run(
        "nft", "add", "element", "ip", root.network.table, "any", "{ tcp . 8080 : 10.89.0.99 . 99 }"
    )
    root.network.connect(endpoint, pid)
    with listen(pid, 80) as server:
        assert talk(server, 0, "127.0.0.1", 8080)


LIVES = """
import sys
from tuidock.engine import store
from tuidock.engine.layout import Layout
from tuidock.engine.network.service import Network
from tuidock.engine.types import ContainerSpec, Port

place, container, pid = Layout(*sys.argv[1:3]), sys.argv[3], int(sys.argv[4])
network = Network(place, store.connect(place))
for _ in range(10):
    network.connect(network.reserve(container, ContainerSpec("x", ports=(Port(80),))), pid)
    with open(f"/proc/{pid}/net/route") as routes:
        assert "eth0" in routes.read()
    network.disconnect(container)
print("survived")
"""


def test_many_clients_at_once(root: Root) -> None:
    """Concurrent lives of containers do not remove each other's bridge or address."""
    root.network.warm()
    with namespace() as one, namespace() as two, namespace() as three:
        clients = [
            subprocess.Popen(
                [sys.executable, "-c", LIVES, *root.layout, root.add(f"c{pid}"), str(pid)],
                stdout=subprocess.PIPE,
                text=True,
            )
            for pid in (one, two, three)
        ]
        assert [client.communicate()[0] for client in clients] == ["survived\n"] * 3
    assert not root.remains()


def test_a_client_waits_for_the_other(root: Root) -> None:
    """Fails without the lock of the root: what one looks at, another may be taking away."""
    root.network.warm()
    with namespace() as pid:
        with open(f"{root.layout.runroot}/network.lock", "w") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            client = subprocess.Popen(
                [sys.executable, "-c", LIVES, *root.layout, root.add("a"), str(pid)],
                stdout=subprocess.PIPE,
            )
            with pytest.raises(subprocess.TimeoutExpired):
                client.wait(1)
            assert not root.remains()
        assert client.communicate()[0] == b"survived\n"


def test_two_roots_that_start_together_get_two_subnets(roots: Roots) -> None:
    """Fails without the lock on the network namespace: both would see 10.89.0.0/24 free."""
    places = [roots(f"r{number}") for number in range(4)]
    for place in places:
        place.network.warm()
        place.db.execute("DELETE FROM network")
    program = VICTIM.replace("network.disconnect(container)\n", "").replace(
        'Port(80, "tcp", 8080)', "Port(80)"
    )
    pids = [place.stack.enter_context(namespace()) for place in places]
    clients = [
        subprocess.Popen(
            [sys.executable, "-c", program, *place.layout, place.add("x"), str(pid), "99"],
            stdout=subprocess.PIPE,
        )
        for place, pid in zip(places, pids, strict=True)
    ]
    for client in clients:
        client.communicate()
    subnets = {place.db.execute("SELECT subnet FROM network").fetchone()[0] for place in places}
    assert len(subnets) == 4


def test_without_privileges_one_line_says_so(root: Root) -> None:
    """The step that was refused, and what to do."""
    root.network.warm()
    container = root.add("a")
    os.seteuid(65534)
    try:
        with pytest.raises(NeedsRoot) as refused:
            firewall.foreign_drops()
    finally:
        os.seteuid(0)
    assert refused.value.message == "network: cannot list chains: Operation not permitted"
    assert refused.value.hint == "run tuidock as root"
    assert root.network.endpoint(container) is None
