"""A container's health on the screen: a mark in the list, and what its probes said."""

from __future__ import annotations

from tests.ui.conftest import Stage
from tuidock.engine.types import Container, ContainerSpec, HealthCheck
from tuidock.screens.detail import Detail
from tuidock.screens.health import report


async def probed(stage: Stage, line: str, name: str = "probed") -> Container:
    check = HealthCheck(("CMD-SHELL", line), interval=1.0, retries=2)
    spec = ContainerSpec("busybox:1.37", name, ("sh", "-c", "sleep inf"), health=check)
    it = await stage.engine.containers.create(spec)
    await stage.engine.containers.start(it.id)
    await stage.until(lambda: name in stage.names())
    return it


def state(stage: Stage, name: str) -> str:
    return next(str(row[3]) for row in stage.rows() if row[1] == name)


async def test_the_list_marks_health(stage: Stage) -> None:
    await probed(stage, "echo fine", "well")
    await probed(stage, "echo broken; exit 3", "ill")
    assert state(stage, "ill").endswith("…")
    await stage.turn(3)
    await stage.until(lambda: state(stage, "well").endswith("✓"))
    await stage.until(lambda: state(stage, "ill").endswith("✗"))
    assert state(stage, "web") == "up 1h", "it has no health check"


async def test_the_detail_shows_the_last_probes_output(stage: Stage) -> None:
    await probed(stage, "echo connection refused; exit 3", "ill")
    await stage.until(lambda: stage.names()[0] == "ill")
    await stage.press("g")
    stage.app.screen.query_one(Detail).open("health")
    await stage.turn(3)
    await stage.until(lambda: stage.shows("unhealthy"))
    await stage.until(lambda: stage.shows("connection refused"))
    assert stage.shows("exit 3")


async def test_a_container_without_a_check_says_how_to_get_one(stage: Stage) -> None:
    stage.app.screen.query_one(Detail).open("health")
    await stage.until(lambda: stage.shows("It has no health check"))


def test_output_cannot_command_the_terminal() -> None:
    """40. Fails when the output is shown as it came."""
    probe = {"Start": "2026-01-02T03:04:05.6Z", "ExitCode": 0, "Output": "a\x1b]52;c;eA==\x07b"}
    health = {"Status": "healthy", "FailingStreak": 0, "Log": [probe]}
    shown = report({"State": {"Health": health}, "Config": {}}).plain
    assert "\x1b" not in shown
    assert "ab" in shown
