"""Values in docker's words."""

from __future__ import annotations

import pytest

from tuidock.cli import words
from tuidock.engine.types import Container, ContainerSpec, ExitRecord, Port, Status


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [
        (0.4, "Less than a second"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "About a minute"),
        (150, "2 minutes"),
        (3600, "About an hour"),
        (3 * 3600, "3 hours"),
        (36 * 3600, "36 hours"),
        (3 * 86400, "3 days"),
        (21 * 86400, "3 weeks"),
        (90 * 86400, "3 months"),
        (1000 * 86400, "2 years"),
    ],
)
def test_durations(seconds: float, wanted: str) -> None:
    assert words.duration(seconds) == wanted


def test_sizes() -> None:
    assert words.size(63_324_592) == "63.32MB"
    assert words.size(0) == "0B"
    assert words.binary_size(1_934 * 1024) == "1.889MiB"


def test_a_status_column() -> None:
    made = Container("i" * 64, "web", "x", "y", ("sh",), 0.0, Status.CREATED, ContainerSpec("x"))
    running = made._replace(status=Status.RUNNING, started=100.0)
    ended = made._replace(status=Status.EXITED, exit=ExitRecord(137, 9, True, 100.0))
    assert words.status(made, 400.0) == "Created"
    assert words.status(running, 400.0) == "Up 5 minutes"
    assert words.status(running._replace(status=Status.PAUSED), 400.0) == "Up 5 minutes (Paused)"
    for health, shown in (("starting", "health: starting"), ("unhealthy", "unhealthy")):
        probed = running._replace(health=health)
        assert words.status(probed, 400.0) == f"Up 5 minutes ({shown})"
    assert words.status(ended, 400.0) == "Exited (137) 5 minutes ago"


def test_ports() -> None:
    assert words.ports([Port(80, host_port=8080), Port(53, "udp", 53, "127.0.0.1")]) == (
        "0.0.0.0:8080->80/tcp, 127.0.0.1:53->53/udp"
    )
