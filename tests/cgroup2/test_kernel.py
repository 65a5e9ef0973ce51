"""What only cgroup v2 has: pressure, OOM kills of groups, the device program as the one guard."""

from __future__ import annotations

import os

import pytest

from tests import root_only
from tests.cgroups.conftest import BUSY, Start
from tests.cli.conftest import Cli
from tests.metrics.conftest import New
from tests.waiting import until
from tuidock.engine.cgroups.files import counter, read, write
from tuidock.engine.layout import Layout
from tuidock.engine.metrics.sampler import Sampler

pytestmark = [pytest.mark.root(root_only.LIMITS), pytest.mark.cgroup2]
ID = "c" * 64
MB = 1 << 20
NONE = ("--network", "none")


def test_pressure_is_that_of_the_container(
    layout: Layout, new_container: New, start: Start
) -> None:
    """Fails when the machine's pressure is read, or another cgroup's."""
    held = new_container(ID, cpu={"quota": 5000, "period": 100_000})
    idle = new_container("d" * 64)
    busy = start(held, BUSY)
    calm = start(idle, "import sys; sys.stdin.read()")
    sampler = Sampler(layout)

    def pressures() -> tuple[float, float]:
        mine, other = sampler.sample([(ID, busy.pid), ("d" * 64, calm.pid)])
        return mine.pressure_cpu, other.pressure_cpu

    until(lambda: pressures()[0] > 5, 60)
    assert pressures()[1] < pressures()[0]
    assert sampler.sample([(ID, busy.pid)])[0].pressure_of == "container"
    sampler.close()


def test_above_high_it_is_slowed_down_and_not_killed(tuidock: Cli, place: Layout) -> None:
    """Fails when `unified` of the OCI resources is not written, or not taken back."""
    hungry = (
        "until test -e /go; do sleep 0.1; done; x=$(head -c 30m /dev/zero | tr '\\0' x); sleep 1000"
    )
    words = ("--memory-high", "16m", "--name", "hungry", "busybox", "sh", "-c", hungry)
    identifier = tuidock("run", "-d", *NONE, *words).stdout.strip()
    cgroup = f"/sys/fs/cgroup/tuidock-{place.tag}/{identifier}"
    assert read(f"{cgroup}/memory.high") == str(16 * MB)
    pid = int(read(f"{cgroup}/cgroup.procs").split()[0])
    sampler = Sampler(place)
    assert sampler.sample([(identifier, pid)])[0].memory_high_events == 0
    tuidock("exec", "hungry", "touch", "/go")
    until(lambda: sampler.sample([(identifier, pid)])[0].memory_high_events > 0, 60)
    sampler.close()
    tuidock("update", "--memory-high", "0", "hungry")
    assert read(f"{cgroup}/memory.high") == "max"
    assert counter(f"{cgroup}/memory.events", "oom_kill") == 0
    tuidock("update", "--memory-high", "20m", "hungry")
    tuidock("restart", "-t", "0", "hungry")
    assert read(f"{cgroup}/memory.high") == str(20 * MB)


def test_rates_of_a_running_container_are_set_and_lifted(tuidock: Cli, place: Layout) -> None:
    identifier = tuidock("run", "-d", *NONE, "--name", "web", "busybox", "sleep", "1000").stdout
    path = f"/sys/fs/cgroup/tuidock-{place.tag}/{identifier.strip()}/io.max"
    rates = ("--device-write-iops", "/dev/vda:30", "--device-read-bps", "/dev/vda:2mb")
    tuidock("update", *rates, "web")
    assert "rbps=2097152 wbps=max riops=max wiops=30" in read(path)
    tuidock("update", "--device-write-iops", "/dev/vda:0", "web")
    assert "rbps=2097152 wbps=max riops=max wiops=max" in read(path)
    tuidock("update", "--device-read-bps", "/dev/vda:0", "web")
    assert read(path) == ""


def test_a_group_that_dies_together_is_an_oom_kill(tuidock: Cli, place: Layout) -> None:
    """The kernel kills the first process with the hungry one; the reason is still known."""
    hungry = "sleep 1000 & until test -e /go; do sleep 0.1; done; tail /dev/zero"
    words = ("-m", "24m", "--memory-swap", "24m", "--name", "hungry", "busybox", "sh", "-c", hungry)
    identifier = tuidock("run", "-d", *NONE, *words).stdout.strip()
    cgroup = f"/sys/fs/cgroup/tuidock-{place.tag}/{identifier}"
    write(f"{cgroup}/memory.oom.group", "1")
    pids = read(f"{cgroup}/cgroup.procs").split()
    tuidock("exec", "hungry", "touch", "/go")
    assert tuidock("wait", "hungry").stdout == "137\n"
    assert tuidock("inspect", "-f", "{{.State.OOMKilled}}", "hungry").stdout == "true\n"
    assert not any(os.path.exists(f"/proc/{pid}") for pid in pids)


def test_the_program_is_all_that_keeps_devices_away(tuidock: Cli, place: Layout) -> None:
    """Without a user namespace a container may make any node. Fails without the program."""
    attempt = "mknod /dev/disk b 254 0; dd if=/dev/disk of=/dev/null count=1"
    words = (*NONE, "--userns", "host", "busybox", "sh", "-c", attempt)
    said = tuidock("run", "--rm", *words, code=1).stderr
    assert "can't open '/dev/disk': Operation not permitted" in said
    numbers = os.stat("/dev/vda").st_rdev
    rule = f"b {os.major(numbers)}:{os.minor(numbers)} r"
    attempt = attempt.replace("254 0", f"{os.major(numbers)} {os.minor(numbers)}")
    words = (*NONE, "--userns", "host", "busybox", "sh", "-c", attempt)
    tuidock("run", "--rm", *words, code=1)
    tuidock("run", "--rm", "--device-cgroup-rule", rule, *words)


def test_controllers_come_down_beside_systemds_own(tuidock: Cli, place: Layout) -> None:
    """Fails when a controller that systemd does not use is not enabled at the root."""
    flags = ("--cpuset-cpus", "0", "--blkio-weight", "200", "--device-read-bps", "/dev/vda:1mb")
    identifier = tuidock("run", "-d", *NONE, *flags, "busybox", "sleep", "1000").stdout.strip()
    cgroup = f"/sys/fs/cgroup/tuidock-{place.tag}/{identifier}"
    assert read(f"{cgroup}/cpuset.cpus.effective") == "0"
    assert "rbps=1048576 wbps=max" in read(f"{cgroup}/io.max")
    assert counter(f"{cgroup}/cgroup.events", "populated") == 1
