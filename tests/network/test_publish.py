"""Published ports: open to whom they should be, shut to everybody else."""

from __future__ import annotations

import os
import socket

import pytest

from tests import root_only
from tests.network.conftest import HOST, LATE, NEIGHBOUR, Root, Roots, inside, listen, run, talk
from tuidock.engine.errors import BadSpec, PortInUse
from tuidock.engine.network import encode, firewall, hostports, netlink
from tuidock.engine.types import ContainerSpec, Port

pytestmark = pytest.mark.root(root_only.BRIDGE)
BRIDGE_FILTER = "/proc/sys/net/bridge/bridge-nf-call-iptables"
BOTH = pytest.mark.parametrize("protocol", ["tcp", "udp"])


@BOTH
def test_open_to_neighbours_who_stay_visible(root: Root, neighbour: int, protocol: str) -> None:
    pid, _ = root.start("a", Port(80, protocol, 8080))
    with listen(pid, 80, protocol) as server:
        assert talk(server, neighbour, HOST, 8080) == (NEIGHBOUR, HOST)


@BOTH
@pytest.mark.parametrize("ip", ["127.0.0.1", "127.1.2.3", HOST, "10.89.0.1"])
def test_open_to_the_host_at_each_of_its_addresses(
    root: Root, neighbour: int, protocol: str, ip: str
) -> None:
    """Without route_localnet, or the masquerade of 127.0.0.0/8, nothing answers at loopback."""
    pid, _ = root.start("a", Port(80, protocol, 8080))
    with listen(pid, 80, protocol) as server:
        assert talk(server, 0, ip, 8080)[1] == ip


@BOTH
@pytest.mark.parametrize("filtered", ["0", "1"])
def test_open_to_other_containers_and_to_itself(
    root: Root, neighbour: int, protocol: str, filtered: str
) -> None:
    """Hairpin: without its masquerade, or hairpin mode of the port, the answer goes astray.

    Which of them depends on whether br_netfilter shows bridged packets to the firewall.
    """
    if os.path.exists(BRIDGE_FILTER):
        run("sysctl", "-qw", f"net.bridge.bridge-nf-call-iptables={filtered}")
    run("sysctl", "-qw", "net.ipv4.conf.all.rp_filter=1")
    pid, _ = root.start("a", Port(80, protocol, 8080))
    other, _ = root.start("b")
    with listen(pid, 80, protocol) as server:
        for client in (other, pid):
            for ip in (HOST, "10.89.0.1"):
                assert talk(server, client, ip, 8080) == ("10.89.0.1", ip)
        assert talk(server, 0, "127.0.0.1", 8080)


def test_two_ports_may_lead_to_one_and_protocols_do_not_mix(root: Root, neighbour: int) -> None:
    pid, _ = root.start("a", Port(80, "tcp", 8080), Port(80, "tcp", 8081), Port(53, "udp", 8080))
    with listen(pid, 80) as web, listen(pid, 53, "udp") as names:
        assert talk(web, neighbour, HOST, 8080)
        assert talk(web, neighbour, HOST, 8081)
        assert talk(names, neighbour, HOST, 8080)


def test_bound_to_an_address_means_that_one_only(root: Root, neighbour: int) -> None:
    run("ip", "address", "add", "192.0.2.2/24", "dev", "up0")
    pid, _ = root.start("a", Port(80, "tcp", 8080, "192.0.2.2"))
    with listen(pid, 80) as server:
        assert talk(server, neighbour, "192.0.2.2", 8080)
        with pytest.raises(ConnectionRefusedError):
            talk(server, neighbour, HOST, 8080)
        with pytest.raises(ConnectionRefusedError):
            talk(server, 0, "127.0.0.1", 8080)


def test_same_port_at_two_addresses_leads_to_two_containers(root: Root, neighbour: int) -> None:
    one, _ = root.start("a", Port(80, "tcp", 8080, "127.0.0.1"))
    two, _ = root.start("b", Port(80, "tcp", 8080, HOST))
    with listen(one, 80) as server:
        assert talk(server, 0, "127.0.0.1", 8080)
    with listen(two, 80) as server:
        assert talk(server, neighbour, HOST, 8080)


# --- shut ---------------------------------------------------------------------------------------


def aim_at_loopback(neighbour: int) -> None:
    """Make the neighbour send packets for 127.0.0.1 over the wire."""
    run("ip", "address", "del", "127.0.0.1/8", "dev", "lo", pid=neighbour)
    run("sysctl", "-qw", "net.ipv4.conf.wire.route_localnet=1", pid=neighbour)
    run("ip", "route", "add", "127.0.0.0/8", "via", HOST, pid=neighbour)


def test_published_on_loopback_is_shut_to_neighbours(root: Root, neighbour: int) -> None:
    """Neither by the host's address nor by a packet for 127.0.0.1 on the wire (as docker 28).

    The second fails without the return for 127.0.0.0/8 in the prerouting chain: translation
    comes before the kernel would throw the packet away as a martian.
    """
    pid, _ = root.start("a", Port(80, "tcp", 8080, "127.0.0.1"))
    with listen(pid, 80) as server:
        assert talk(server, 0, "127.0.0.1", 8080)
        with pytest.raises(ConnectionRefusedError):
            talk(server, neighbour, HOST, 8080)
        aim_at_loopback(neighbour)
        with pytest.raises(TimeoutError):
            talk(server, neighbour, "127.0.0.1", 8080, source=NEIGHBOUR, patience=LATE)


def test_container_address_is_shut_to_neighbours(root: Root, neighbour: int) -> None:
    """Whoever knows the way to the subnet gets no further than the forward chain's drop.

    Not even to a port that is published: that one is open at the host's address.
    """
    pid, endpoint = root.start("a", Port(80, "tcp", 8080, "127.0.0.1"))
    run("ip", "route", "add", "10.89.0.0/24", "via", HOST, pid=neighbour)
    for port in (80, 81):
        with listen(pid, port) as server:
            assert talk(server, 0, endpoint.address, port)
            with pytest.raises(TimeoutError):
                talk(server, neighbour, endpoint.address, port, patience=LATE)


def test_loopback_of_the_host_is_shut_to_containers(root: Root) -> None:
    """route_localnet lets packets for 127.0.0.1 in; the raw chain's drop keeps them out."""
    pid, _ = root.start("a")
    run("ip", "address", "del", "127.0.0.1/8", "dev", "lo", pid=pid)
    run("sysctl", "-qw", "net.ipv4.conf.eth0.route_localnet=1", pid=pid)
    run("ip", "route", "add", "127.0.0.0/8", "via", "10.89.0.1", pid=pid)
    with listen(0, 9000) as server:
        assert talk(server, pid, "10.89.0.1", 9000)
        with pytest.raises(TimeoutError):
            talk(server, pid, "127.0.0.1", 9000, source="10.89.0.2", patience=LATE)


def test_shut_again_when_the_container_ends(root: Root, neighbour: int) -> None:
    _, one = root.start("a", Port(80, "tcp", 8080))
    pid, _ = root.start("b", Port(80, "tcp", 8081))
    root.network.disconnect(one.container)
    with listen(pid, 80) as server:
        assert talk(server, neighbour, HOST, 8081)
        with pytest.raises(ConnectionRefusedError):
            talk(server, neighbour, HOST, 8080)


def test_udp_flow_ends_with_its_container(root: Root, neighbour: int) -> None:
    """Its client goes on sending, and must not reach who has the address now.

    Fails without forgetting the flow: an established one asks no rule.
    """
    first, one = root.start("a", Port(53, "udp", 5353), Port(54, "udp", 5354))
    root.start("keeper", Port(53, "udp", 5355))
    with listen(first, 53, "udp") as server, inside(neighbour):
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.sendto(b"question", (HOST, 5353))
        assert server.recv(64) == b"question"
    root.network.disconnect(one.container)
    second, two = root.start("b")
    assert two.address == one.address
    with listen(second, 53, "udp") as server, client:
        client.sendto(b"question", (HOST, 5353))
        server.settimeout(LATE)
        with pytest.raises(TimeoutError):
            server.recv(64)


def test_flows_of_others_live_on_where_the_kernel_knows_no_filter(
    root: Root, neighbour: int
) -> None:
    """Fails without a look at each flow: before Linux 5.8 the dump lists them all."""
    for number, name in enumerate("ab"):
        pid, _ = root.start(name, Port(53, "udp", 5353 + number))
        with listen(pid, 53, "udp") as server:
            talk(server, neighbour, HOST, 5353 + number)
    with netlink.open_socket(netlink.NETFILTER) as sock:
        question = encode.flow(encode.GETFLOW, encode.DUMP, [])
        answers = netlink.ask(sock, netlink.Step("list all", question))
    assert len(answers) > 1
    assert len(encode.flow_deletions(answers, "10.89.0.2")) == 1
    assert encode.flow_deletions(answers, "10.89.0.77") == []


def test_published_ports_of_another_root_are_open_as_to_anybody(
    roots: Roots, neighbour: int
) -> None:
    a, b = roots("a"), roots("b")
    pid, _ = a.start("x", Port(80, "tcp", 8080))
    client, _ = b.start("y")
    with listen(pid, 80) as server:
        assert talk(server, client, HOST, 8080) == ("10.89.0.1", HOST)


# --- which are free -----------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("ip", ["", "127.0.0.1"])
def test_port_of_a_server_is_refused_before_anything_happens(
    root: Root, protocol: str, ip: str
) -> None:
    with listen(0, 8080, protocol), pytest.raises(PortInUse) as refused:
        root.start("a", Port(80, protocol, 8080, ip))
    assert refused.value.message == (
        f"Bind for {ip or '0.0.0.0'}:8080 failed: port is already allocated"
    )
    assert not root.remains()
    assert root.network.endpoint(root.db.execute("SELECT id FROM container").fetchone()[0]) is None


def test_port_of_another_container_is_refused(root: Root) -> None:
    _, endpoint = root.start("a", Port(80, "tcp", 8080))
    with pytest.raises(PortInUse, match=r"127\.0\.0\.1:8080"):
        root.start("b", Port(80, "tcp", 8080, "127.0.0.1"))
    root.network.disconnect(endpoint.container)
    root.start("c", Port(80, "tcp", 8080))


def test_port_of_another_root_is_refused(roots: Roots) -> None:
    """Two tables would both translate it, and nobody could tell which one wins.

    No socket shows it, only the other table's map.
    """
    roots("a").start("x", Port(80, "tcp", 8080))
    other = roots("b")
    with pytest.raises(PortInUse, match=r"0\.0\.0\.0:8080"):
        other.start("y", Port(80, "tcp", 8080))
    with pytest.raises(PortInUse, match=r"127\.0\.0\.1:8080"):
        other.start("z", Port(80, "tcp", 8080, "127.0.0.1"))
    assert not other.remains()
    other.start("w", Port(80, "udp", 8080))


def test_address_of_somebody_else_is_refused(root: Root) -> None:
    with pytest.raises(BadSpec, match=r"cannot publish on 203\.0\.113\.1:8080: Cannot assign"):
        root.start("a", Port(80, "tcp", 8080, "203.0.113.1"))
    assert not root.remains()


def test_yesterdays_connections_do_not_hold_a_port(root: Root) -> None:
    """A server that closed first leaves TIME_WAIT behind; bind would fail without REUSEADDR."""
    server = socket.create_server(("0.0.0.0", 8080))
    with server, socket.create_connection(("127.0.0.1", 8080)) as client:
        connection, _ = server.accept()
        connection.close()
        assert client.recv(1) == b""
    with socket.socket() as plain, pytest.raises(OSError, match="Address already in use"):
        plain.bind(("0.0.0.0", 8080))
    root.start("a", Port(80, "tcp", 8080))


def test_chosen_ports_are_free_different_and_shown(root: Root, neighbour: int) -> None:
    pid, endpoint = root.start("a", Port(80), Port(81), Port(53, "udp"))
    chosen = [port.host_port for port in endpoint.ports]
    assert [port.container_port for port in endpoint.ports] == [53, 80, 81]
    assert all(32768 <= port <= 60999 for port in chosen)
    assert root.network.endpoint(endpoint.container) == endpoint
    with listen(pid, 80) as server:
        assert talk(server, neighbour, HOST, chosen[1])


def test_publish_all_takes_what_the_image_exposes(root: Root) -> None:
    spec = ContainerSpec("x", ports=(Port(80, "tcp", 8080),), publish_all=True)
    endpoint = root.network.reserve(root.add("a"), spec, ["80/tcp", "443/tcp", "53/udp"])
    assert [port[:2] for port in endpoint.ports] == [(53, "udp"), (80, "tcp"), (443, "tcp")]
    assert endpoint.ports[1].host_port == 8080
    assert all(port.host_port for port in endpoint.ports)


def test_without_publish_all_nothing_is_open(root: Root) -> None:
    endpoint = root.network.reserve(root.add("a"), ContainerSpec("x"), ["80/tcp"])
    assert endpoint.ports == ()


def test_held_ports_belong_to_nobody_else(host: None) -> None:
    held = hostports.hold([Port(80, "tcp", 8080), Port(53, "udp", 5353), Port(1, "sctp", 9)])
    try:
        with pytest.raises(OSError, match="Address already in use"):
            listen(0, 8080)
        with pytest.raises(OSError, match="Address already in use"):
            listen(0, 5353, "udp")
    finally:
        for sock in held:
            sock.close()
    listen(0, 8080).close()


def test_a_long_range_is_one_transaction(root: Root, neighbour: int) -> None:
    """A thousand acknowledgements would overflow the socket; one is asked for."""
    wide = [Port(port, "tcp", port) for port in range(20000, 21000)]
    pid, endpoint = root.start("a", *wide)
    with listen(pid, 20999) as server:
        assert talk(server, neighbour, HOST, 20999)
    root.network.disconnect(endpoint.container)
    assert not root.remains()


def test_foreign_drop_is_found(root: Root) -> None:
    assert [f.state for f in root.network.findings()] == ["ok"]
    run(
        "nft",
        "add table inet strict; add chain inet strict forward { type filter hook forward"
        " priority 0; policy drop; }; add chain inet strict input { type filter hook input"
        " priority 0; policy drop; }",
    )
    (finding,) = root.network.findings()
    assert finding.state == "warning"
    assert "forward of table inet strict drops forwarded packets" in finding.detail
    assert firewall.foreign_drops() == [finding]
