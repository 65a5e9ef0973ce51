"""Restart policies: pure rules first, then a real container that keeps failing."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest

from tests.waiting import until
from tuidock.cli import words
from tuidock.engine.core import Core
from tuidock.engine.errors import BadSpec
from tuidock.engine.linux.proc import start_time
from tuidock.engine.runtime import restarting
from tuidock.engine.runtime.state import RunState, read_run
from tuidock.engine.types import (
    Container,
    ContainerSpec,
    ExitRecord,
    Limits,
    RestartPolicy,
    Status,
)


def ended(
    code: int, restarts: int = 0, lasted: float = 1.0, error: str = "", pause: float = 0.0
) -> RunState:
    record = ExitRecord(code, 0, False, 1000.0 + lasted, error)
    return RunState(Status.EXITED, 0, 1000.0, record, restarts, pause)


@pytest.mark.parametrize(
    ("policy", "state", "wanted"),
    [
        (RestartPolicy(), ended(1), None),
        (RestartPolicy("always"), ended(0), 0.1),
        (RestartPolicy("unless-stopped"), ended(0), 0.1),
        (RestartPolicy("always"), ended(0, restarts=3, pause=0.4), 0.8),
        (RestartPolicy("always"), ended(0, restarts=30, pause=51.2), 60.0),
        (RestartPolicy("always"), ended(0, restarts=30, lasted=11, pause=60.0), 0.1),
        (RestartPolicy("always"), ended(127, error="no such command"), None),
        (RestartPolicy("on-failure"), ended(0), None),
        (RestartPolicy("on-failure"), ended(2), 0.1),
        (RestartPolicy("on-failure", 2), ended(2, restarts=1, pause=0.1), 0.2),
        (RestartPolicy("on-failure", 2), ended(2, restarts=2), None),
        (RestartPolicy("always"), RunState(Status.RUNNING), None),
    ],
)
def test_when_it_runs_again(policy: RestartPolicy, state: RunState, wanted: float | None) -> None:
    assert restarting.delay(policy, state) == wanted


ALWAYS = RestartPolicy("always")
SLOW = "echo again; exit 3"
"""Fails at once: after a few restarts there is time to look at it waiting."""


def start(core: Core, policy: RestartPolicy, script: str, network: str = "none") -> None:
    command = ("sh", "-c", script)
    core.containers.create(
        ContainerSpec("busybox", "box", command, network=network, restart=policy)
    )
    core.containers.start("box")


def wait_for_back_off(core: Core, restarts: int = 3) -> Container:
    """0.8 s at least are left of it, when three were done."""

    def resting() -> bool:
        box = core.containers.get("box")
        return box.status is Status.RESTARTING and box.restarts >= restarts and bool(box.exit)

    until(resting)
    return core.containers.get("box")


@pytest.mark.parametrize("network", ["none", "bridge"])
def test_a_failing_container_is_started_again_as_often_as_asked(core: Core, network: str) -> None:
    start(core, RestartPolicy("on-failure", 2), SLOW, network)
    until(lambda: core.containers.get("box").status is Status.EXITED)
    box = core.containers.get("box")
    assert (box.restarts, box.exit and box.exit.code) == (2, 3)
    with open(core.containers.log_files("box")[-1], "rb") as log:
        assert log.read().count(b" again\n") == 3


def test_waiting_shows_as_restarting(core: Core) -> None:
    start(core, ALWAYS, SLOW)
    box = wait_for_back_off(core)
    assert words.status(box, box.exit.at + 3 if box.exit else 0) == "Restarting (3) 3 seconds ago"
    state = core.containers.inspect("box")["State"]
    assert isinstance(state, dict)
    assert (state["Status"], state["Restarting"], state["Running"]) == ("restarting", True, True)


@pytest.mark.parametrize("end", ["stop", "kill", "update", "remove"])
def test_what_ends_the_waiting(core: Core, end: str) -> None:
    """Fails for `stop` and `kill` without the mark, for `update` if a policy is not told."""
    start(core, ALWAYS, SLOW)
    wait_for_back_off(core)
    if end == "update":
        core.containers.update("box", Limits(), RestartPolicy("no"))
    elif end == "remove":
        core.containers.remove("box", force=True)
        assert core.containers.list() == []
        return
    else:
        getattr(core.containers, end)("box")
    box = core.containers.get("box")
    assert box.status is Status.EXITED
    assert box.exit
    assert box.exit.code == 3


def test_a_person_starts_it_at_once(core: Core) -> None:
    """The monitor that waits makes way; it counts as a first start again."""
    start(core, ALWAYS, "echo again; test -e /once && sleep 1000; >/once; exit 3")
    until(lambda: core.containers.get("box").status is Status.RUNNING)
    core.containers.stop("box", 0)
    core.containers.start("box")
    box = core.containers.get("box")
    assert (box.status, box.restarts) == (Status.RUNNING, 0)


def test_a_persons_stop_is_the_last_word(core: Core) -> None:
    """Without the mark that `stop` leaves, `always` starts it again."""
    start(core, ALWAYS, "sleep 0.2")
    until(lambda: core.containers.get("box").restarts > 0)
    core.containers.stop("box", 0)
    core.containers.revive("box")
    assert core.containers.get("box").status is Status.EXITED


@pytest.mark.parametrize("both", [False, True], ids=["monitor", "monitor and launcher"])
def test_waiting_survives_its_monitor(core: Core, both: bool) -> None:
    """Killed in the back-off: the next sees the time that is left, and goes on. Without a
    launcher to see to it, the next check of the store does.
    """
    start(core, ALWAYS, SLOW)
    box = wait_for_back_off(core)
    if both:
        kill(find(f"tuidock-launcher {core.layout.root}"))
    kill_monitor(core, box.id)
    if both:
        assert core.containers.get("box").status is Status.EXITED
        assert core.check() == ["watched container box again, which had lost its monitor"]
    until(lambda: core.containers.get("box").restarts > box.restarts)


def kill_monitor(core: Core, container_id: str) -> None:
    kill(read_run(core.layout, container_id)["monitor"][0])


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    until(lambda: not start_time(pid))


def find(title: str) -> int:
    """The pid of the process with that command line."""
    (found,) = find_all(title)
    return found


def find_all(title: str) -> list[int]:
    return [pid for pid, words in processes().items() if words.startswith(title)]


def test_waiting_takes_no_more_than_a_monitor(core: Core) -> None:
    """Fails with a process of 20 MB that sleeps until it is time."""
    start(core, ALWAYS, SLOW)
    box = wait_for_back_off(core)

    def alone() -> bool:
        shown = [each for each in processes().values() if core.layout.root in each]
        heavy = [each for each in shown if "aftermath" in each]
        return not heavy and core.containers.get("box").status is Status.RESTARTING

    until(alone)
    assert find_all(f"tuidock-monitor {box.id[:12]}")


def processes() -> dict[int, str]:
    """Command lines by pid."""
    found = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            words = Path(f"/proc/{entry}/cmdline").read_text(errors="replace")
            found[int(entry)] = words.replace("\0", " ")
    return found


def test_a_policy_and_rm_exclude_each_other(core: Core) -> None:
    spec = ContainerSpec("busybox", network="none", remove=True, restart=ALWAYS)
    with pytest.raises(BadSpec, match="conflicting options"):
        core.containers.create(spec)
