"""What becomes of an unhealthy container: all ways through, with the real engine."""

from __future__ import annotations

from typing import Any

import pytest

from tests import busybox
from tests.waiting import until
from tuidock.engine import journal
from tuidock.engine.core import Core
from tuidock.engine.errors import BadSpec
from tuidock.engine.types import Container, ContainerSpec, HealthCheck, RestartPolicy, Status


def start(core: Core, script: str, line: str, action: str, **asked: Any) -> Container:
    check = HealthCheck(("CMD-SHELL", line), interval=0.1, retries=1, on_failure=action)
    spec = ContainerSpec("busybox", "box", ("sh", "-c", script), network="none", health=check)
    core.containers.create(spec._replace(**asked))
    core.containers.start("box")
    return core.containers.get("box")


TRAPPING = "trap 'echo bye; exit 4' TERM; while :; do sleep 0.05; done"


def test_stop_is_a_stop(core: Core) -> None:
    """With the stop signal and its grace time, and no policy starts it again."""
    start(core, TRAPPING, "exit 1", "stop", restart=RestartPolicy("always"))
    until(lambda: core.containers.get("box").status is Status.EXITED)
    until(lambda: "stop" in [each.action for each in journal.read(core.layout)])
    ended = core.containers.get("box")
    assert ended.exit
    assert ended.exit.code == 4
    assert ended.restarts == 0
    assert ended.health == ""
    state = core.containers.inspect("box")["State"]
    assert isinstance(state, dict)
    assert state["Health"]["Status"] == "unhealthy"


def test_restart_begins_anew(core: Core) -> None:
    """Broken in its first life only: a file says which one it is."""
    first = start(core, TRAPPING, "test -e /tmp/again || ! touch /tmp/again", "restart")
    until(lambda: core.containers.get("box").pid not in (0, first.pid))
    until(lambda: core.containers.get("box").health == "healthy")
    told = [each.action for each in journal.read(core.layout)]
    assert "health_status: unhealthy" in told
    until(lambda: "restart" in [each.action for each in journal.read(core.layout)])


def test_kill_is_an_end_that_the_policy_judges(core: Core) -> None:
    start(core, "sleep 1000", "exit 1", "kill", restart=RestartPolicy("on-failure", 1))
    until(lambda: core.containers.get("box").restarts == 1)
    until(lambda: core.containers.get("box").status is Status.EXITED)
    ended = core.containers.get("box")
    assert ended.exit
    assert (ended.exit.code, ended.restarts) == (137, 1)


def test_none_leaves_it_alone(core: Core) -> None:
    first = start(core, "sleep 1000", "exit 1", "none")
    until(lambda: core.containers.get("box").health == "unhealthy")
    assert core.containers.get("box").pid == first.pid


def test_a_container_cannot_be_removed_and_restarted(core: Core) -> None:
    with pytest.raises(BadSpec, match="--rm"):
        start(core, "sleep 1000", "exit 1", "restart", remove=True)


def test_an_image_has_its_check_run(core: Core) -> None:
    check = {"Test": ["CMD-SHELL", "echo of the image"], "Interval": 100_000_000}
    config = busybox.config(Healthcheck=check)
    core.images.add(config, [busybox.layer()], "docker.io/library/checked:latest")
    spec = ContainerSpec("checked", "box", ("sleep", "1000"), network="none")
    core.containers.create(spec)
    core.containers.start("box")
    until(lambda: core.containers.get("box").health == "healthy")
    found = core.containers.inspect("box")
    assert isinstance(found["Config"], dict)
    assert found["Config"]["Healthcheck"] == check
    core.containers.remove("box", force=True)
    core.containers.create(spec._replace(health=HealthCheck(("NONE",))))
    core.containers.start("box")
    assert core.containers.get("box").health == ""
    assert "Health" not in str(core.containers.inspect("box")["State"])
