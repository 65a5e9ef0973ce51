"""The pure parts: docker's `-p`, subnets and addresses, the files of a container, stencils."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuidock.engine.errors import BadSpec, NetworkError
from tuidock.engine.network import files, hostports, ipam, ports, ruleset, stencils, wiring
from tuidock.engine.types import ContainerSpec, Port

# --- -p -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("80", [Port(80)]),
        ("80/udp", [Port(80, "udp")]),
        ("80/TCP", [Port(80)]),
        ("8080:80", [Port(80, "tcp", 8080)]),
        ("0:80", [Port(80)]),
        ("127.0.0.1::80", [Port(80, "tcp", 0, "127.0.0.1")]),
        ("127.0.0.1:8080:80/sctp", [Port(80, "sctp", 8080, "127.0.0.1")]),
        ("0.0.0.0:8080:80", [Port(80, "tcp", 8080)]),
        (
            "127.0.0.1:8080-8081:80-81/tcp",
            [Port(80, "tcp", 8080, "127.0.0.1"), Port(81, "tcp", 8081, "127.0.0.1")],
        ),
        ("80-82/udp", [Port(80, "udp"), Port(81, "udp"), Port(82, "udp")]),
        ("65535:65535", [Port(65535, "tcp", 65535)]),
        ("8000-8010:80", [Port(80, "tcp", 8000, "", 8010)]),
        ("127.0.0.1:8000-8001:53/udp", [Port(53, "udp", 8000, "127.0.0.1", 8001)]),
        ("8000-8000:80", [Port(80, "tcp", 8000)]),
    ],
)
def test_dockers_grammar(text: str, expected: list[Port]) -> None:
    assert ports.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no port specified: <empty>"),
        ("8080:", "no port specified: 8080:<empty>"),
        ("web", "invalid containerPort: web"),
        ("0", "invalid containerPort: 0"),
        ("65536", "invalid containerPort: 65536"),
        ("82-80", "invalid containerPort: 82-80"),
        ("80-", "invalid containerPort: 80-"),
        ("-80", "invalid containerPort: -80"),
        ("²", "invalid containerPort: ²"),
        ("x:80", "invalid hostPort: x"),
        ("70000:80", "invalid hostPort: 70000"),
        ("80/icmp", "invalid proto: icmp"),
        ("80/tcp/udp", "invalid proto: tcp/udp"),
        ("8080-8085:80-81", "invalid ranges specified for container and host Ports: 80-81 and"),
        ("localhost:8080:80", "invalid IP address: localhost"),
        ("1.2.3:8080:80", "invalid IP address: 1.2.3"),
        ("1.2.3.256:8080:80", "invalid IP address: 1.2.3.256"),
        ("01.2.3.4:8080:80", "invalid IP address: 01.2.3.4"),
        ("1.2.3.4:5:6:7", "invalid IP address: 1.2.3.4:5"),
        ("[::1]:8080:80", "IPv6 addresses cannot be published yet"),
    ],
)
def test_dockers_words_for_what_is_wrong(text: str, words: str) -> None:
    with pytest.raises(BadSpec) as refused:
        ports.parse(text)
    assert refused.value.message.startswith(words)
    assert "CONTAINER_PORT" in refused.value.hint


@given(st.text(alphabet="0123456789:-./tcpudx[] ", max_size=24))
def test_any_text_is_ports_or_a_bad_spec(text: str) -> None:
    try:
        found = ports.parse(text)
    except BadSpec:
        return
    assert found
    assert all(0 < port.container_port < 65536 and 0 <= port.host_port < 65536 for port in found)
    assert all(not port.host_last or port.host_port < port.host_last < 65536 for port in found)


def test_exposed_ports_have_no_host_side() -> None:
    assert ports.exposed("53/udp") == [Port(53, "udp")]
    with pytest.raises(BadSpec):
        ports.exposed("8080:80")


def test_wanted_ports_are_named_once() -> None:
    spec = ContainerSpec("x", ports=(Port(80), Port(80), Port(81)), publish_all=True)
    assert hostports.wanted(spec, ["81/tcp", "82"]) == [Port(80), Port(81), Port(82)]


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        (Port(1, "tcp", 80), Port(2, "tcp", 80), True),
        (Port(1, "tcp", 80), Port(2, "udp", 80), False),
        (Port(1, "tcp", 80), Port(2, "tcp", 81), False),
        (Port(1, "tcp", 80, "1.2.3.4"), Port(2, "tcp", 80), True),
        (Port(1, "tcp", 80, "1.2.3.4"), Port(2, "tcp", 80, "1.2.3.5"), False),
    ],
)
def test_which_publications_clash(one: Port, two: Port, expected: bool) -> None:
    assert hostports.clash(one, two) is expected
    assert hostports.clash(two, one) is expected


# --- addresses ------------------------------------------------------------------------------------


def test_subnet_knows_its_ends() -> None:
    subnet = ipam.parse("10.89.3.0/24")
    assert (str(subnet), subnet.gateway, subnet.broadcast) == (
        "10.89.3.0/24",
        "10.89.3.1",
        "10.89.3.255",
    )


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ("10.89.0.0/16", True),
        ("10.0.0.0/8", True),
        ("10.89.3.128/25", True),
        ("10.89.4.0/24", False),
        ("10.89.2.0/23", True),
        ("192.168.0.0/16", False),
        ("10.89.3.7/32", True),
    ],
)
def test_overlap(other: str, expected: bool) -> None:
    subnet = ipam.parse("10.89.3.0/24")
    assert subnet.overlaps(ipam.parse(other)) is expected
    assert ipam.parse(other).overlaps(subnet) is expected


def test_no_free_subnet_is_said() -> None:
    with pytest.raises(NetworkError, match="no free subnet"):
        ipam.free_subnet([ipam.parse("10.0.0.0/8")])


def test_addresses_go_from_2_to_254_and_then_are_out() -> None:
    subnet = ipam.parse("10.89.0.0/24")
    given_out: list[str] = []
    for _ in range(253):
        given_out.append(ipam.free_address(subnet, given_out))
    assert (given_out[0], given_out[-1]) == ("10.89.0.2", "10.89.0.254")
    assert len(set(given_out)) == 253
    with pytest.raises(NetworkError, match=r"no free address in 10\.89\.0\.0/24"):
        ipam.free_address(subnet, given_out)


# --- files ----------------------------------------------------------------------------------------


def test_hosts_names_the_container_and_the_host() -> None:
    text = files.hosts(
        "web",
        "10.89.0.2",
        [("db", "10.0.0.9"), ("host.docker.internal", "host-gateway")],
        "10.89.0.1",
    )
    lines = [line.split("\t") for line in text.splitlines()]
    assert lines[0] == ["127.0.0.1", "localhost"]
    assert lines[-3:] == [
        ["10.0.0.9", "db"],
        ["10.89.0.1", "host.docker.internal"],
        ["10.89.0.2", "web"],
    ]


def test_hosts_without_a_network_still_resolves_the_own_name() -> None:
    assert files.hosts("web", names=["web", "alias"]).endswith("127.0.1.1\tweb alias\n")


def test_hostname_is_a_line() -> None:
    assert files.hostname("web") == "web\n"


def test_resolvers_of_the_hosts_loopback_are_left_out() -> None:
    host = "# made\nnameserver 127.0.0.53\nnameserver 10.1.1.1\nnameserver fd00::1\nsearch lan\n"
    assert files.resolv_conf(host, own_loopback=True) == "search lan\nnameserver 10.1.1.1\n"
    assert "127.0.0.53" in files.resolv_conf(host, own_loopback=False)


def test_resolvers_stand_in_when_none_is_left() -> None:
    text = files.resolv_conf("nameserver ::1\noptions edns0\n", own_loopback=True)
    assert text == "options edns0\nnameserver 1.1.1.1\nnameserver 8.8.8.8\n"


def test_dns_replaces_the_hosts_resolvers() -> None:
    text = files.resolv_conf("nameserver 10.1.1.1\n", ["127.0.0.9"], own_loopback=True)
    assert text == "nameserver 127.0.0.9\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nameserver 127.0.0.53\n", files.SYSTEMD_RESOLV_CONF),
        ("nameserver 127.0.0.53\nnameserver 10.1.1.1\n", "/etc/resolv.conf"),
        ("", "/etc/resolv.conf"),
    ],
)
def test_source_of_resolvers(text: str, expected: str) -> None:
    assert files.resolv_source(text) == expected


# --- stencils -------------------------------------------------------------------------------------

BRIDGE = ipam.Bridge("td00c0ffee", "tuidock-00c0ffee", ipam.parse("10.89.7.0/24"))
HOLES = {
    "bridge address": {"master"},
    "eth0 address": {"address", "index"},
    "add to any": {"any", "target"},
    "add to bound": {"bound", "target"},
    "list flows": {"address"},
}


def test_messages_have_the_holes_they_should() -> None:
    """A marker that pyroute2 encodes otherwise than expected would leave no hole."""
    made = {**wiring.encode(BRIDGE), **ruleset.encode(BRIDGE)}
    cut = {name: stencils.cut(message) for name, message in made.items()}
    found = {
        name: {piece.name for piece in pieces if isinstance(piece, stencils.Hole)}
        for name, pieces in cut.items()
    }
    assert HOLES["add to bound"] == found["take from bound"] == found["add to bound"]
    assert HOLES["add to any"] == found["take from any"] == found["add to any"]
    assert found["veth"] == {"veth", "master", "netns", "address", "mtu"}
    for name in ("bridge address", "eth0 address", "list flows"):
        assert found[name] == HOLES[name]
    assert not any(found[name] for name in found if name.startswith(("rule", "chain", "map")))


@given(
    veth=st.text("0123456789abcdefv", min_size=15, max_size=15),
    address=st.binary(min_size=4, max_size=4),
    master=st.integers(0, 2**32 - 1),
    netns=st.integers(0, 2**31 - 1),
    mtu=st.integers(68, 65535),
)
def test_filled_stencil_is_what_pyroute2_would_encode(
    veth: str, address: bytes, master: int, netns: int, mtu: int
) -> None:
    """The invariant of stencils, for the message with the most holes."""
    values = {
        "veth": veth.encode(),
        "address": address,
        "master": stencils.number(master),
        "netns": stencils.number(netns),
        "mtu": stencils.number(mtu),
    }
    filled = stencils.fill(stencils.cut(wiring.encode(BRIDGE)["veth"]), values)
    with pytest.MonkeyPatch.context() as patch:
        markers = {**stencils.MARKERS, **values}
        patch.setattr(stencils, "MARKERS", markers)
        patch.setattr(wiring, "MARKERS", markers)
        patch.setattr(wiring, "ADDRESS", address)
        patch.setattr(wiring, "_MTU", ("IFLA_MTU", mtu))
        assert filled == wiring.encode(BRIDGE)["veth"]


def test_holes_take_only_what_fits() -> None:
    with pytest.raises(ValueError, match="address takes 4 bytes, not 3"):
        stencils.fill((stencils.Hole("address"),), {"address": b"abc"})


def test_open_ports_are_told_in_rows() -> None:
    """And no more of them than a message can hold."""
    row = [Port(at, host_port=8000 + at) for at in (80, 81, 82)]
    other = [Port(83, "udp", 8083), Port(84, "tcp", 8084, "127.0.0.1")]
    assert hostports.described([*row, *other]) == [
        "*:8080-8082/tcp leads to 80-82",
        "*:8083/udp leads to 83",
        "127.0.0.1:8084/tcp leads to 84",
    ]
    apart = hostports.described([Port(at, host_port=9000 + at) for at in range(1, 301, 2)])
    assert (len(apart), apart[-1]) == (101, "50 more ports are open")
