"""Containers on the bridge: addresses, the way out, each other, and nothing left behind."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests import root_only
from tests.network.conftest import (
    HOST,
    LATE,
    NEIGHBOUR,
    Root,
    Roots,
    listen,
    namespace,
    run,
    talk,
    wire,
)
from tuidock.engine.errors import BadSpec, NetworkError
from tuidock.engine.types import ContainerSpec, Port

pytestmark = pytest.mark.root(root_only.BRIDGE)
WEB = Port(80, "tcp", 8080)


def test_container_has_address_and_default_route(root: Root) -> None:
    pid, endpoint = root.start("a")
    assert (endpoint.address, endpoint.gateway, endpoint.prefix) == ("10.89.0.2", "10.89.0.1", 24)
    assert "inet 10.89.0.2/24 brd 10.89.0.255" in run("ip", "address", "show", "eth0", pid=pid)
    assert "default via 10.89.0.1 dev eth0" in run("ip", "route", pid=pid)


def test_host_and_container_talk_at_once(root: Root) -> None:
    """The very first packet gets through: no lost ARP question, no port still learning."""
    pid, endpoint = root.start("a")
    with listen(pid, 80) as server:
        assert talk(server, 0, endpoint.address, 80) == ("10.89.0.1", "10.89.0.2")
    with listen(0, 81) as server:
        assert talk(server, pid, endpoint.gateway, 81)[0] == "10.89.0.2"


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_way_out_is_masqueraded(root: Root, neighbour: int, protocol: str) -> None:
    """Without the masquerade rule the neighbour would not know whom to answer."""
    pid, _ = root.start("a")
    with listen(neighbour, 7000, protocol) as server:
        assert talk(server, pid, NEIGHBOUR, 7000) == (HOST, NEIGHBOUR)


def test_packets_are_as_long_as_the_way_out_allows(root: Root, neighbour: int) -> None:
    """As on hosts whose uplink is a tunnel, or a cloud's network of 1400 bytes."""
    plain, _ = root.start("a")
    run("ip", "link", "set", "up0", "mtu", "1400")
    run("ip", "route", "add", "default", "via", NEIGHBOUR)
    narrow, endpoint = root.start("b")
    assert "mtu 1500" in run("ip", "link", "show", "eth0", pid=plain)
    assert "mtu 1400" in run("ip", "link", "show", "eth0", pid=narrow)
    assert "mtu 1400" in run("ip", "link", "show", endpoint.interface)


def test_containers_reach_each_other(root: Root) -> None:
    pid, endpoint = root.start("a")
    other, _ = root.start("b")
    with listen(pid, 80) as server:
        assert talk(server, other, endpoint.address, 80)[0] == "10.89.0.3"


def test_last_one_takes_everything_along(root: Root) -> None:
    before = run("nft", "list", "ruleset"), run("ip", "-br", "link"), run("ip", "route")
    _, one = root.start("a", WEB)
    _, two = root.start("b")
    root.network.disconnect(one.container)
    assert root.network.endpoint(one.container) is None
    assert root.network.endpoint(two.container) == two
    assert root.remains()
    root.network.disconnect(two.container)
    assert (run("nft", "list", "ruleset"), run("ip", "-br", "link"), run("ip", "route")) == before


def test_disconnect_may_come_twice_and_late(root: Root) -> None:
    """The namespace and the pair with it may be gone before, or vanish meanwhile."""
    with namespace() as pid:
        endpoint = root.network.reserve(root.add("a"), ContainerSpec("x", ports=(WEB,)))
        root.network.connect(endpoint, pid)
    root.network.disconnect(endpoint.container)
    root.network.disconnect(endpoint.container)
    root.network.disconnect("f" * 64)
    assert not root.remains()


def test_lease_that_never_connected_leaves_nothing(root: Root) -> None:
    endpoint = root.network.reserve(root.add("a"), ContainerSpec("x", ports=(WEB,)))
    root.network.disconnect(endpoint.container)
    assert not root.remains()


def test_failed_connect_leaves_no_interface(root: Root) -> None:
    _, kept = root.start("kept")
    endpoint = root.network.reserve(root.add("a"), ContainerSpec("x", ports=(WEB,)))
    gone = subprocess.Popen(["true"])
    gone.wait()
    with pytest.raises(NetworkError, match="gone before it had a network"):
        root.network.connect(endpoint, gone.pid)
    assert endpoint.interface not in root.remains()
    assert kept.interface in root.remains()


def test_failure_inside_the_container_removes_the_pair(root: Root) -> None:
    """eth0 exists there already: the pair cannot be born, and no half of it stays."""
    with namespace() as pid:
        run("ip", "link", "add", "eth0", "type", "bridge", pid=pid)
        endpoint = root.network.reserve(root.add("a"), ContainerSpec("x"))
        with pytest.raises(NetworkError, match=r"cannot make the interface .*: File exists"):
            root.network.connect(endpoint, pid)
    assert endpoint.interface not in root.remains()


def test_container_that_starts_again_gets_its_address_again(root: Root) -> None:
    _, first = root.start("a", WEB)
    root.start("b")
    second = root.network.reserve(first.container, ContainerSpec("x", ports=(WEB,)))
    assert second == first
    with namespace() as pid:
        root.network.connect(second, pid)
        with listen(pid, 80) as server:
            assert talk(server, 0, "127.0.0.1", 8080)


def test_connect_again_replaces_what_a_dead_namespace_left(root: Root) -> None:
    """A container restarted by its monitor keeps the lease and brings a new namespace."""
    old, endpoint = root.start("a", WEB)
    with namespace() as pid:
        root.network.connect(endpoint, pid)
        with listen(pid, 80) as server:
            assert talk(server, 0, "127.0.0.1", 8080)
        assert "eth0" not in run("ip", "-br", "link", pid=old)


def test_addresses_are_used_again_with_the_same_mac(root: Root) -> None:
    """A neighbour container that knows the old one's MAC reaches the new one at once."""
    talker, _ = root.start("talker")
    pid, endpoint = root.start("a")
    with listen(pid, 80) as server:
        talk(server, talker, endpoint.address, 80)
    root.network.disconnect(endpoint.container)
    pid, again = root.start("b")
    assert again.address == endpoint.address
    with listen(pid, 80) as server:
        assert talk(server, talker, again.address, 80)


def test_foreign_rules_and_links_are_not_touched(root: Root, neighbour: int) -> None:
    run(
        "nft",
        "add table inet theirs; add chain inet theirs c { type filter hook forward"
        " priority 0; policy accept; }; add rule inet theirs c counter",
    )
    run("ip", "link", "add", "theirs0", "type", "bridge")
    before = (
        run("nft", "-s", "list", "table", "inet", "theirs"),
        run("ip", "-d", "link", "show", "theirs0"),
    )
    _, endpoint = root.start("a", WEB)
    root.network.disconnect(endpoint.container)
    after = (
        run("nft", "-s", "list", "table", "inet", "theirs"),
        run("ip", "-d", "link", "show", "theirs0"),
    )
    assert after == before


def test_flushed_rules_come_back_with_the_next_container(root: Root, neighbour: int) -> None:
    """Isolation does not depend on nobody ever saying `nft flush ruleset` (GO-2025-3829)."""
    first, endpoint = root.start("a", WEB)
    run("nft", "flush", "ruleset")
    root.start("b")
    with listen(first, 80) as server:
        assert talk(server, neighbour, HOST, 8080)[0] == NEIGHBOUR
    with listen(first, 81) as server:
        run("ip", "route", "add", "10.89.0.0/24", "via", HOST, pid=neighbour)
        with pytest.raises(TimeoutError):
            talk(server, neighbour, endpoint.address, 81, patience=LATE)


def test_subnet_avoids_routes_of_the_host(root: Root) -> None:
    run("ip", "link", "add", "vpn", "type", "bridge")
    run("ip", "address", "add", "10.89.0.77/23", "dev", "vpn")
    run("ip", "link", "set", "vpn", "up")
    _, endpoint = root.start("a")
    assert endpoint.address == "10.89.2.2"


def test_subnet_stays_until_a_route_contradicts(root: Root) -> None:
    _, endpoint = root.start("a")
    root.network.disconnect(endpoint.container)
    run("ip", "link", "add", "vpn", "type", "bridge")
    run("ip", "link", "set", "vpn", "up")
    run("ip", "route", "add", "10.90.0.0/16", "dev", "vpn")
    _, endpoint = root.start("b")
    assert endpoint.address == "10.89.0.2"
    root.network.disconnect(endpoint.container)
    run("ip", "route", "add", "10.89.0.128/25", "dev", "vpn")
    _, endpoint = root.start("c")
    assert endpoint.address == "10.89.1.2"


def test_unknown_network_is_refused(root: Root) -> None:
    with pytest.raises(BadSpec, match="network web not found"):
        root.network.reserve(root.add("a"), ContainerSpec("x", network="web"))


def test_two_roots_live_side_by_side(roots: Roots) -> None:
    """Own bridge, own table, own subnet; neither is a way into the other.

    Without the drop at the end of the forward chain b would be reached through the host.
    """
    a, b = roots("a"), roots("b")
    here, one = a.start("x")
    there, two = b.start("x")
    assert one.gateway != two.gateway
    with listen(there, 80) as server, pytest.raises(TimeoutError):
        talk(server, here, two.address, 80, patience=LATE)
    with listen(here, 80) as server, pytest.raises(TimeoutError):
        talk(server, there, one.address, 80, patience=LATE)
    a.network.disconnect(one.container)
    assert not a.remains()
    with listen(there, 80) as server:
        assert talk(server, 0, two.address, 80)


def test_what_the_host_forwards_for_others_is_left_alone(root: Root, neighbour: int) -> None:
    """Fails without the first rule of the forward chain: a router would stop routing."""
    root.start("a")
    with namespace() as far:
        wire(far, "up1", "198.51.100.1", "198.51.100.9")
        run("ip", "route", "add", "default", "via", "198.51.100.1", pid=far)
        run("ip", "route", "add", "default", "via", HOST, pid=neighbour)
        with listen(far, 7000) as server:
            assert talk(server, neighbour, "198.51.100.9", 7000) == (NEIGHBOUR, "198.51.100.9")


def test_both_of_two_roots_reach_the_world(roots: Roots, neighbour: int) -> None:
    (one, _), (two, _) = roots("a").start("x"), roots("b").start("y")
    with listen(neighbour, 7000) as server:
        assert talk(server, one, NEIGHBOUR, 7000)[0] == HOST
        assert talk(server, two, NEIGHBOUR, 7000)[0] == HOST


def test_forwarding_is_switched_on(root: Root, neighbour: int) -> None:
    run("sysctl", "-qw", "net.ipv4.ip_forward=0")
    root.start("a")
    assert run("sysctl", "-n", "net.ipv4.ip_forward") == "1\n"


def test_messages_are_not_encoded_twice(root: Root) -> None:
    """`tuidock run` may not load pyroute2: the second process of a root does not."""
    _, endpoint = root.start("a")
    program = (
        "import sys; from tuidock.engine import store; from tuidock.engine.layout import Layout;"
        "from tuidock.engine.network.service import Network; from tuidock.engine.types import *;"
        "place = Layout(*sys.argv[1:3]); network = Network(place, store.connect(place));"
        "endpoint = network.reserve(sys.argv[3], ContainerSpec('x', ports=(Port(80),)));"
        "network.connect(endpoint, int(sys.argv[4])); network.disconnect(sys.argv[3]);"
        "print(sorted({'pyroute2', 'asyncio', 'dataclasses', 'hashlib', 'subprocess', 'logging'}"
        " & set(sys.modules)))"
    )
    root.network.disconnect(endpoint.container)
    with namespace() as pid:
        said = run(sys.executable, "-c", program, *root.layout, endpoint.container, str(pid))
    assert said == "[]\n"
