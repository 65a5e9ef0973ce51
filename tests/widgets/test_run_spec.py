"""What is typed in the run form, and the command line that does the same."""

from __future__ import annotations

import pytest

from tuidock.engine.types import ContainerSpec, Limits, Mount, Port, RestartPolicy
from tuidock.widgets.run_spec import Fields, command_line, read


def spec_of(**fields: object) -> ContainerSpec:
    reading = read(Fields("debian", **fields))  # type: ignore[arg-type]
    assert reading.problems == {}
    assert reading.spec is not None
    return reading.spec


def problems_of(**fields: object) -> dict[str, str]:
    reading = read(Fields("debian", **fields))  # type: ignore[arg-type]
    assert reading.spec is None
    return reading.problems


def test_an_empty_form_asks_for_the_image_as_it_is() -> None:
    assert spec_of() == ContainerSpec("debian")


def test_everything_at_once() -> None:
    spec = spec_of(
        name="web",
        command="sh -c 'echo hi'",
        env="A=1 B='two words'",
        ports="8080:80, 127.0.0.1:53:53/udp 443",
        mounts="/srv:/data:ro tmpfs:/run",
        memory="256m",
        cpus="1.5",
        pids="100",
        restart="on-failure",
        tty=True,
    )
    assert spec == ContainerSpec(
        image="debian",
        name="web",
        command=("sh", "-c", "echo hi"),
        env=("A=1", "B=two words"),
        ports=(Port(80, "tcp", 8080), Port(53, "udp", 53, "127.0.0.1"), Port(443)),
        mounts=(
            Mount("bind", "/srv", "/data", True),
            Mount("tmpfs", "", "/run"),
        ),
        limits=Limits(memory=256 * 2**20, cpus=1.5, pids=100),
        restart=RestartPolicy("on-failure"),
        tty=True,
        stdin=True,
    )


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("name", "-web", "letters, digits"),
        ("name", "a", "two or more"),
        ("command", "sh -c 'echo", "does not end"),
        ("env", "A", "KEY=value"),
        ("env", "=1", "KEY=value"),
        ("ports", "80:", "8080:80"),
        ("ports", "0:80", "1 to 65535"),
        ("ports", "80:99999", "1 to 65535"),
        ("ports", "80/icmp", "tcp, udp"),
        ("ports", "eighty", "8080:80"),
        ("mounts", "/srv", "from:to"),
        ("mounts", "/srv:data", "path from /"),
        ("mounts", "/srv:/", "path from /"),
        ("mounts", "/srv:/data:rx", "ro or rw"),
        ("mounts", "-x:/data", "path from /, or tmpfs"),
        ("mounts", "cache:/data", "named volume 'cache' is not supported yet"),
        ("memory", "lots", "256m"),
        ("memory", "1m", "6m"),
        ("cpus", "many", "1.5"),
        ("cpus", "0.001", "0.01"),
        ("pids", "-1", "negative"),
        ("pids", "1.5", "whole number"),
    ],
)
def test_problems_are_told_in_words(field: str, typed: str, words: str) -> None:
    problems = problems_of(**{field: typed})
    assert list(problems) == [field]
    assert words in problems[field]


def test_all_problems_at_once() -> None:
    assert set(problems_of(name="-", memory="x", pids="x")) == {"name", "memory", "pids"}


def test_fields_that_clash() -> None:
    assert "bridge" in problems_of(ports="80", network="host")["ports"]
    assert "restart" in problems_of(remove=True, restart="always")


def test_zero_is_no_limit() -> None:
    assert spec_of(memory="0", cpus="0", pids="0").limits == Limits()


def test_percent_of_a_core() -> None:
    assert spec_of(cpus="50%").limits.cpus == 0.5


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, "tuidock run -d debian"),
        ({"name": "web", "tty": True}, "tuidock run -d -it --name web debian"),
        ({"command": "sh -c 'a b'"}, "tuidock run -d debian sh -c 'a b'"),
        ({"ports": "127.0.0.1:53:53/udp 80"}, "tuidock run -d -p 127.0.0.1:53:53/udp -p 80 debian"),
        ({"mounts": "/a:/b:ro tmpfs:/run"}, "tuidock run -d -v /a:/b:ro --tmpfs /run debian"),
        ({"env": "A='x y'"}, "tuidock run -d -e 'A=x y' debian"),
        (
            {"memory": "1.5g", "cpus": "0.25", "pids": "9", "remove": True, "network": "none"},
            "tuidock run -d --rm --network none -m 1.5g --cpus 0.25 --pids-limit 9 debian",
        ),
        ({"restart": "always"}, "tuidock run -d --restart always debian"),
    ],
)
def test_the_command_line_does_the_same(fields: dict[str, object], line: str) -> None:
    assert command_line(spec_of(**fields)) == line


def test_an_address_without_a_port_of_its_own() -> None:
    spec = ContainerSpec("debian", ports=(Port(80, "tcp", 0, "127.0.0.1"),))
    assert "-p 127.0.0.1::80" in command_line(spec)
