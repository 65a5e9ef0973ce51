"""An ordinary user to whom systemd has delegated controllers, as it does by itself."""

from __future__ import annotations

import json
import os

import pytest

from tests import root_only
from tests.cgroup2.conftest import LoggedIn
from tests.rootless.conftest import IMAGE
from tests.waiting import until
from tuidock.engine.cgroups.files import counter, read
from tuidock.engine.runtime import client

pytestmark = [pytest.mark.root(root_only.OTHERS), pytest.mark.cgroup2]
DETACHED = ("run", "-d", "--network", "none")
SPIN = ("sh", "-c", "while :; do :; done")


def _directory(ann: LoggedIn, identifier: str) -> str:
    return f"{ann.cgroup}/{identifier.strip()}"


def test_limits_hold_and_can_be_changed(ann: LoggedIn) -> None:
    """Fails when the base is the scope itself, in which the command lives."""
    flags = ("-m", "64m", "--cpus", "0.5", "--pids-limit", "20", "--name", "web")
    cgroup = _directory(ann, ann.does(*DETACHED, *flags, IMAGE, *SPIN))
    assert read(f"{cgroup}/memory.max") == str(64 << 20)
    assert read(f"{cgroup}/cpu.max") == "50000 100000"
    assert read(f"{cgroup}/pids.max") == "20"
    ann.does("update", "-m", "32m", "--memory-swap", "32m", "--cpus", "0.25", "web")
    assert read(f"{cgroup}/memory.max") == str(32 << 20)
    assert read(f"{cgroup}/memory.swap.max") == "0"
    assert read(f"{cgroup}/cpu.max") == "25000 100000"
    words = ("stats", "--no-stream", "--format", "{{.MemUsage}} {{.PIDs}}", "web")
    assert "/ 32MiB 1" in ann.does(*words)
    assert counter(f"{cgroup}/cpu.stat", "nr_throttled") > 0
    ann.does("rm", "-f", "web")
    assert not os.path.exists(ann.cgroup)


def test_a_limit_that_is_met_kills(ann: LoggedIn) -> None:
    hungry = "x=$(head -c 60m /dev/zero | tr '\\0' x); echo ${#x}"
    flags = ("--network", "none", "-m", "16m", "--memory-swap", "16m", "--name", "hungry")
    assert ann.tuidock("run", *flags, IMAGE, "sh", "-c", hungry).code == 137
    shape = "{{.State.OOMKilled}} {{.State.ExitCode}}"
    assert ann.does("inspect", "-f", shape, "hungry") == "true 137\n"


def test_pause_and_kill_reach_every_process(ann: LoggedIn) -> None:
    script = "for i in 1 2 3; do sleep 1000 & done; sleep 1000"
    cgroup = _directory(ann, ann.does(*DETACHED, "--name", "web", IMAGE, "sh", "-c", script))
    ann.does("pause", "web")
    assert counter(f"{cgroup}/cgroup.events", "frozen") == 1
    assert "(Paused)" in ann.does("ps")
    ann.does("unpause", "web")
    assert counter(f"{cgroup}/cgroup.events", "frozen") == 0
    ann.does("pause", "web")
    pids = read(f"{cgroup}/cgroup.procs").split()
    assert len(pids) == 4
    ann.does("rm", "-f", "web")
    assert not any(os.path.exists(f"/proc/{pid}") for pid in pids)


def test_what_was_started_elsewhere_is_looked_after(ann: LoggedIn) -> None:
    """Also when the launcher in its scope has gone meanwhile."""
    identifier = ann.does(*DETACHED, "--name", "web", IMAGE, "sleep", "1000")
    client.quit_launcher(ann.layout)
    ann.does("update", "-m", "48m", "web")
    assert read(f"{_directory(ann, identifier)}/memory.max") == str(48 << 20)
    ann.does("pause", "web")
    ann.does("unpause", "web")
    ann.does("rm", "-f", "web")
    assert not os.path.exists(ann.cgroup)


def test_monitors_live_in_a_scope_of_their_own(ann: LoggedIn) -> None:
    """Which ends with them, and not with who called. Fails when the launcher is started plainly:
    it stays in the caller's cgroup, and limits are refused.
    """
    identifier = ann.does(*DETACHED, "--name", "web", IMAGE, "sleep", "1000").strip()
    monitor = json.loads(read(f"{ann.layout.run(identifier)}/state.json"))["monitor"][0]
    scope = "/sys/fs/cgroup" + read(f"/proc/{monitor}/cgroup").removeprefix("0::")
    name = os.path.basename(scope)
    assert name.startswith(f"tuidock-{ann.layout.tag}-")
    assert name.endswith(".scope")
    assert f"/user@{ann.uid}.service/" in scope
    ann.does("rm", "-f", "web")
    client.quit_launcher(ann.layout)
    until(lambda: not os.path.exists(scope), 60.0)


def test_doctor_names_what_is_not_delegated(ann: LoggedIn) -> None:
    said = ann.does("doctor")
    assert "cgroups: cgroup v2, no limits of cpuset (--cpuset-cpus)\n" in said
    assert "systemctl restart user@" in said
    refused = ann.tuidock(*DETACHED, "--cpuset-cpus", "0", IMAGE, "true")
    assert refused.code == 125
    assert "cannot limit cpuset: its cgroup controller is not available" in refused.err


def test_devices_are_kept_away_by_the_kernels_own_rules(ann: LoggedIn) -> None:
    """No program may be attached by her; nodes cannot be made, and those of others not opened."""
    script = "mknod /dev/x c 240 11; head -c 1 /dev/vda; head -c 3 /dev/zero | wc -c"
    flags = ("--device", "/dev/vda", "--device", "/dev/zero:/dev/mine")
    said = ann.tuidock("run", "--rm", "--network", "none", *flags, IMAGE, "sh", "-c", script)
    assert said.out == "3\n"
    assert "mknod: /dev/x: Operation not permitted" in said.err
    assert "head: /dev/vda: Permission denied" in said.err
    assert "devices: " in ann.does("doctor")
