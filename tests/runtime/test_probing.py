"""Probes in real containers: run, timed, killed, kept, and taken over by another monitor."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from typing import Any

import pytest

from tests import root_only
from tests.runtime.conftest import Box
from tests.runtime.test_monitor import memory_kb
from tests.waiting import until
from tuidock.engine import journal
from tuidock.engine.cgroups.cgroup import open_cgroup
from tuidock.engine.runtime import client, health
from tuidock.engine.runtime.health import Health
from tuidock.engine.types import Status


def checked(
    box: Box,
    line: str,
    *command: str,
    on_failure: str = "none",
    interval: float = 0.05,
    timeout: float = 10,
    retries: int = 1,
    **asked: Any,
) -> str:
    """A running container with a health check; durations in seconds."""
    container = box.create(*(command or ("sleep", "1000")), **asked)
    check = {"Test": ["CMD-SHELL", line], "Retries": retries}
    check |= {"Interval": int(interval * 1e9), "Timeout": int(timeout * 1e9)}
    config = box.config(container)
    config["annotations"] |= {health.CHECK: json.dumps(check), health.ON_FAILURE: on_failure}
    with open(f"{box.layout.container(container)}/config.json", "w") as file:
        json.dump(config, file)
    client.start(box.layout, container, gate=False, attach=False).wait_started()
    return container


def look(box: Box, container: str) -> Health:
    found = health.read(box.layout, container)
    assert found
    return found


def becomes(box: Box, container: str, status: str) -> Health:
    until(lambda: health.read_status(box.layout, container) == status)
    return look(box, container)


def actions(box: Box) -> list[str]:
    return [each.action for each in journal.read(box.layout)]


def test_a_container_starts_becomes_healthy_and_unhealthy(box: Box) -> None:
    container = checked(box, "echo looked; test -e /tmp/fine", retries=3)
    assert look(box, container).status == "starting"
    sick = becomes(box, container, "unhealthy")
    assert sick.streak == 3
    assert [(each.exit_code, each.output) for each in sick.log] == [(1, "looked\n")] * 3
    box.exec(container, "touch", "/tmp/fine")
    well = becomes(box, container, "healthy")
    assert well.streak == 0
    assert well.log[-1].exit_code == 0
    assert well.log[-1].start <= well.log[-1].end

    def told() -> list[str]:
        return [each for each in actions(box) if each.startswith("health_status")]

    until(lambda: len(told()) > 1)  # the journal hears of it after the file
    assert told() == ["health_status: unhealthy", "health_status: healthy"]


def test_a_probe_leaves_no_word_of_a_command_of_a_person(box: Box) -> None:
    container = checked(box, "true")
    becomes(box, container, "healthy")
    until(lambda: len(look(box, container).log) == health.KEPT)
    assert not [each for each in actions(box) if each.startswith("exec")]


def test_a_probe_is_the_containers_user_in_its_cage(box: Box) -> None:
    """As an exec: the same user, environment, directory and filters."""
    line = "id -u; echo $COLOUR; pwd; grep -E 'Seccomp:|CapEff' /proc/self/status"
    asked: dict[str, Any] = {"user": "web", "env": ("COLOUR=red",), "working_dir": "/tmp"}
    container = checked(box, line, **asked)
    said = becomes(box, container, "healthy").log[-1].output.split()
    assert said == ["33", "red", "/tmp", "CapEff:", "0000000000000000", "Seccomp:", "2"]


def test_a_probe_that_cannot_be_run_says_why(box: Box) -> None:
    container = checked(box, "x")
    box.config(container)
    config = box.config(container)
    config["annotations"][health.CHECK] = json.dumps({"Test": ["CMD", "no-such"], "Retries": 1})
    found = becomes(box, container, "unhealthy").log[-1]
    assert found.exit_code == 127
    assert "not found" in found.output


def test_output_is_cut_and_never_blocks_the_probe(box: Box) -> None:
    container = checked(box, "yes | dd bs=64k count=40 2>/dev/null; exit 3")
    found = becomes(box, container, "unhealthy").log[-1]
    assert found.exit_code == 3
    assert found.output == "y\n" * 2048 + "..."


def test_a_late_probe_is_killed_with_all_it_started(box: Box) -> None:
    """Fails when only the probe itself is killed (`_kin` without sessions and parents)."""
    line = "echo begun; (sleep 777 & setsid sleep 777 & wait) & sleep 777"
    container = checked(box, line, timeout=0.3, interval=0.05)
    found = becomes(box, container, "unhealthy").log[-1]
    assert found.exit_code == -1
    assert found.output == "Health check exceeded timeout (0.3s): begun\n"
    os.kill(box.process(f"tuidock-monitor {container[:12]}"), signal.SIGSTOP)  # no further probe
    assert len(sleepers(box, container)) in (0, 3)  # all of the next one, none of the last


def sleepers(box: Box, container: str) -> list[int]:
    """Pids of the container's `sleep 777`, told by the namespace that all of it share."""
    found = []
    inside = os.stat(f"/proc/{box.state(container).pid}/ns/pid").st_ino
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/cmdline") as file:
                slept = file.read().split("\0")[:2] == ["sleep", "777"]
            if slept and os.stat(f"/proc/{pid}/ns/pid").st_ino == inside:
                found.append(int(pid))
    return found


def test_what_a_probe_leaves_in_the_background_holds_nothing_up(box: Box) -> None:
    container = checked(box, "setsid yes & echo done")
    found = becomes(box, container, "healthy")
    assert found.log[-1].exit_code == 0


@pytest.mark.root(root_only.LIMITS)
def test_a_paused_container_is_not_probed(box: Box) -> None:
    """Fails without the look at the freezer: the probe hangs frozen, and times out."""
    container = checked(box, "true", timeout=0.2)
    becomes(box, container, "healthy")
    cgroup = open_cgroup(box.layout.tag, container)
    cgroup.freeze()
    before = look(box, container).log
    monitor = box.process(f"tuidock-monitor {container[:12]}")
    slept = switches(monitor)
    until(lambda: switches(monitor) > slept + 20)  # it woke up for probes that were due
    cgroup.thaw()
    until(lambda: look(box, container).log[-1] not in before)
    assert {each.exit_code for each in look(box, container).log} == {0}
    assert "health_status: unhealthy" not in actions(box)


@pytest.mark.root(root_only.LIMITS)
def test_a_probe_that_is_paused_gets_its_time_when_it_can_go_on(box: Box) -> None:
    """Fails without the look at the freezer when its time is up."""
    container = checked(box, "sleep 0.3", timeout=0.5, interval=0.01)
    until(lambda: look(box, container).running)
    cgroup = open_cgroup(box.layout.tag, container)
    cgroup.freeze()
    monitor = box.process(f"tuidock-monitor {container[:12]}")
    slept = switches(monitor)
    until(lambda: switches(monitor) > slept + 1)  # its time was up twice
    cgroup.thaw()
    until(lambda: look(box, container).log)
    assert look(box, container).log[0].exit_code == 0


def switches(pid: int) -> int:
    with open(f"/proc/{pid}/status") as file:
        return int(file.read().partition("voluntary_ctxt_switches:")[2].split()[0])


def test_another_monitor_goes_on_where_one_was_killed(box: Box) -> None:
    """Streak and log are kept, the probe in flight is ended. Fails without `go_on`."""
    line = "echo $$ >> /tmp/probes; test $(wc -l < /tmp/probes) -le 2 && exit 1; sleep 777"
    container = checked(box, line, retries=5, interval=0.3)
    until(lambda: len(look(box, container).log) == 2 and sleepers(box, container))
    until(lambda: look(box, container).running)
    before = look(box, container)
    os.kill(box.process(f"tuidock-monitor {container[:12]}"), signal.SIGKILL)
    first = sleepers(box, container)
    client.adopt(box.layout, container)
    until(lambda: not os.path.exists(f"/proc/{first[0]}"))
    until(lambda: sleepers(box, container))
    after = look(box, container)
    assert (after.status, after.streak) == ("starting", 2)
    assert after.log == before.log


def test_unhealthy_may_mean_the_end(box: Box) -> None:
    container = checked(box, "exit 1", on_failure="kill")
    ended = box.monitor(container).wait(None)
    assert ended
    assert (ended.code, ended.signal) == (137, 9)
    assert box.state(container).status is Status.EXITED
    kept = look(box, container)
    assert (kept.status, kept.log[0].exit_code) == ("unhealthy", 1)


def test_a_container_may_end_in_the_middle_of_a_probe(box: Box) -> None:
    container = checked(box, "sleep 777", "sh", "-c", "trap 'exit 4' TERM; sleep 1000 & wait")
    until(lambda: sleepers(box, container))
    box.monitor(container).signal(signal.SIGTERM)
    ended = box.monitor(container).wait(None)
    assert ended
    assert ended.code == 4
    assert look(box, container).log == ()


def test_a_monitor_that_probes_stays_small(box: Box) -> None:
    """Nothing is kept of a probe. Fails when `Command` knows its `_Running`, which knows it:
    the collector is off, and such a cycle stays for ever.
    """
    container = checked(box, "echo >> /tmp/n; yes | dd count=9 2>/dev/null", interval=0.001)
    counter = f"{box.layout.container(container)}/upper/tmp/n"
    monitor = box.process(f"tuidock-monitor {container[:12]}")

    def after(probes: int) -> int:
        until(lambda: os.path.exists(counter) and os.path.getsize(counter) >= probes)
        return memory_kb(monitor, "Anonymous")

    after(30)
    box.descriptors(monitor, container)  # what its black box takes it has from now on
    early = after(160)  # an ordinary user's takes its last quarter of a megabyte after the sixtieth
    assert after(500) <= early + 200
