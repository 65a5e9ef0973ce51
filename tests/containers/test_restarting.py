"""Restart policies: pure rules first, then a real container that keeps failing."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests import busybox
from tuidock.engine.containers import restarting
from tuidock.engine.core import Core
from tuidock.engine.errors import BadSpec
from tuidock.engine.layout import Layout
from tuidock.engine.runtime.state import RunState
from tuidock.engine.types import ContainerSpec, ExitRecord, RestartPolicy, Status


def ended(code: int, restarts: int = 0, lasted: float = 1.0, error: str = "") -> RunState:
    record = ExitRecord(code, 0, False, 1000.0 + lasted, error)
    return RunState(Status.EXITED, 0, 1000.0, record, restarts)


@pytest.mark.parametrize(
    ("policy", "state", "wanted"),
    [
        (RestartPolicy(), ended(1), None),
        (RestartPolicy("always"), ended(0), 0.1),
        (RestartPolicy("unless-stopped"), ended(0), 0.1),
        (RestartPolicy("always"), ended(0, restarts=3), 0.8),
        (RestartPolicy("always"), ended(0, restarts=30), 60.0),
        (RestartPolicy("always"), ended(0, restarts=30, lasted=11), 0.1),
        (RestartPolicy("always"), ended(127, error="no such command"), None),
        (RestartPolicy("on-failure"), ended(0), None),
        (RestartPolicy("on-failure"), ended(2), 0.1),
        (RestartPolicy("on-failure", 2), ended(2, restarts=1), 0.2),
        (RestartPolicy("on-failure", 2), ended(2, restarts=2), None),
        (RestartPolicy("always"), RunState(Status.RUNNING), None),
    ],
)
def test_when_it_runs_again(policy: RestartPolicy, state: RunState, wanted: float | None) -> None:
    assert restarting.delay(policy, state) == wanted


def until(look: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


@pytest.mark.root
def test_a_failing_container_is_started_again_as_often_as_asked(layout: Layout) -> None:
    core = Core(layout)
    core.images.add(busybox.config(), [busybox.layer()], "busybox")
    policy = RestartPolicy("on-failure", 2)
    command = ("sh", "-c", "echo again; exit 3")
    spec = ContainerSpec("busybox", "box", command, network="none", restart=policy)
    core.containers.create(spec)
    core.containers.start("box")
    until(lambda: core.containers.get("box").restarts == 2 and not core.containers.get("box").pid)
    files = core.containers.log_files("box")
    with open(files[-1], "rb") as log:
        assert log.read().count(b" again\n") == 3
    core.containers.remove("box")
    core.close()


@pytest.mark.root
def test_a_persons_stop_is_the_last_word(layout: Layout) -> None:
    """Without the mark that `stop` leaves, `always` starts it again."""
    core = Core(layout)
    core.images.add(busybox.config(), [busybox.layer()], "busybox")
    always = RestartPolicy("always")
    command = ("sh", "-c", "sleep 0.2")
    core.containers.create(ContainerSpec("busybox", "box", command, network="none", restart=always))
    core.containers.start("box")
    until(lambda: core.containers.get("box").restarts > 0)
    core.containers.stop("box", 0)
    core.containers.revive("box")
    assert core.containers.get("box").status is Status.EXITED
    core.containers.remove("box")
    core.close()


def test_a_policy_and_rm_exclude_each_other(layout: Layout) -> None:
    core = Core(layout)
    core.images.add(busybox.config(), [busybox.layer()], "busybox")
    policy = RestartPolicy("always")
    spec = ContainerSpec("busybox", network="none", remove=True, restart=policy)
    with pytest.raises(BadSpec, match="conflicting options"):
        core.containers.create(spec)
    core.close()
