"""After the power went: states are true at the first command, and what belongs up comes back.

The machine is not booted; all that a boot takes is taken, and the boot's id changed in every
file that survives one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from tests import busybox, machine, root_only
from tests.conftest import power_off
from tuidock.cli import words
from tuidock.engine.core import Core
from tuidock.engine.layout import Layout
from tuidock.engine.linux.proc import start_time
from tuidock.engine.types import Container, ContainerSpec, Port, RestartPolicy, Status

ANOTHER_BOOT = "00000000-0000-0000-0000-000000000000"
FOREVER = ("sleep", "600")

Boot = Callable[[], Core]


@pytest.fixture(params=["gone", "kept"])
def reboot(request: pytest.FixtureRequest, layout: Layout) -> Iterator[Boot]:
    """Power off and on again; the run directory is gone then, or was on a disk."""
    made: list[Core] = []

    def boot() -> Core:
        for core in made:
            core.close()
        if made:
            power_off(layout)
            _drop_network(layout)
            _age(layout.root)
            _age(layout.runroot)
            if request.param == "gone":
                shutil.rmtree(layout.runroot)
        made.append(Core(layout))
        return made[-1]

    boot().images.add(busybox.config(), [busybox.layer()], "busybox")
    yield boot
    made[-1].close()


def _drop_network(layout: Layout) -> None:
    for name in os.listdir("/sys/class/net"):
        if name.startswith(f"td{layout.tag}"):
            subprocess.run(["ip", "link", "del", name], check=False)
    for table in machine.look()["nft table"]:
        if layout.tag in table:
            subprocess.run(["nft", "delete", *table.split()], check=True)


def _age(directory: str) -> None:
    """What was written in this boot was written in another."""
    with open("/proc/sys/kernel/random/boot_id") as file:
        this = file.read().strip()
    for path, _, names in os.walk(directory):
        for name in names:
            if name.endswith((".json", ".boot")):
                with open(f"{path}/{name}", "r+") as file:
                    text = file.read().replace(this, ANOTHER_BOOT)
                    file.seek(0)
                    file.write(text)


def started(core: Core, name: str, policy: str = "no", **fields: object) -> Container:
    spec = ContainerSpec("busybox", name, FOREVER, restart=RestartPolicy(policy), stop_timeout=0.0)
    spec = spec._replace(**{"network": "none", **fields})  # type: ignore[arg-type]
    made = core.containers.create(spec)
    core.containers.start(made.id)
    return core.containers.get(made.id)


def up(core: Core) -> set[str]:
    return {it.name for it in core.containers.list() if it.status is Status.RUNNING}


@pytest.mark.root(root_only.LIMITS)
def test_states_are_true_at_the_first_look(reboot: Boot) -> None:
    """Seen to fail without `begun.json`: what ran shows as created, when the run dir is gone."""
    core = reboot()
    ran = started(core, "ran")
    core.containers.create(ContainerSpec("busybox", "new", FOREVER, network="none"))
    ended = started(core, "ended", command=("sh", "-c", "exit 3"))
    core.containers.wait(ended.id)
    paused = started(core, "paused")
    core.containers.pause(paused.id)
    core = reboot()
    found = {it.name: it for it in core.containers.list()}
    assert {name: it.status for name, it in found.items()} == {
        "ran": Status.EXITED,
        "paused": Status.EXITED,
        "ended": Status.EXITED,
        "new": Status.CREATED,
    }
    assert found["ended"].exit
    assert found["ended"].exit.code == 3
    end = found["ran"].exit
    assert end
    assert (end.code, end.error) == (255, "the container ended unseen")
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    assert end.at == pytest.approx(booted, abs=2)
    assert found["ran"].started == pytest.approx(ran.started, abs=1)
    assert words.status(found["ran"], time.time()).startswith("Exited (255) ")
    assert (found["ran"].pid, found["ran"].address, found["ran"].ports) == (0, "", ())


def test_what_belongs_up_comes_back_and_nothing_else(reboot: Boot) -> None:
    """Seen to fail for `quiet` when `unless-stopped` is taken for `always`."""
    core = reboot()
    started(core, "plain")
    started(core, "retry", "on-failure")
    started(core, "always", "always", network="bridge", ports=(Port(80, host_port=18481),))
    started(core, "unless", "unless-stopped")
    for name, policy in (("stopped", "always"), ("quiet", "unless-stopped")):
        started(core, name, policy)
        core.containers.stop(name)
    core.containers.create(
        ContainerSpec("busybox", "never", FOREVER, network="none", restart=RestartPolicy("always"))
    )
    core = reboot()
    outcomes = {it.name: error for it, error in core.bring_up()}
    assert outcomes == {"always": None, "unless": None, "stopped": None}
    assert up(core) == {"always", "unless", "stopped"}
    assert core.containers.get("always").ports == (Port(80, host_port=18481),)
    assert list(core.bring_up()) == []


def test_whose_namespaces_are_shared_comes_up_first(reboot: Boot) -> None:
    """Also where the clock was set back between the two.

    Seen to fail without `_donors_first`: `cannot join network of a non running container`; and for
    an ordinary user, where the memory of `net` is copied without entering its user namespace.
    """
    core = reboot()
    started(core, "middle", "always")
    started(core, "net", "always", network="container:middle")
    started(core, "ipc", "always", ipc="container:net", network="container:middle")
    core.db.execute("UPDATE container SET created = -created")  # the youngest is the oldest
    core = reboot()
    assert [it.name for it in core.containers.list()][::-1] == ["ipc", "net", "middle"]
    outcomes = {it.name: error for it, error in core.bring_up()}
    assert outcomes == dict.fromkeys(("middle", "net", "ipc"))
    assert up(core) == {"middle", "net", "ipc"}


def test_a_shutdown_is_no_persons_stop(reboot: Boot) -> None:
    """Seen to fail with `by=PERSON` in `take_down`: `unless` stays down."""
    core = reboot()
    started(core, "plain")
    started(core, "always", "always")
    started(core, "unless", "unless-stopped")
    assert {it.name for it, error in core.take_down() if error is None} == {"always", "unless"}
    assert up(core) == {"plain"}
    core = reboot()
    assert {it.name for it, error in core.bring_up() if error is None} == {"always", "unless"}
    core.containers.stop("unless")
    core = reboot()
    assert {it.name for it, _ in core.bring_up()} == {"always"}


def test_leases_and_ports_of_another_boot_are_nobodys(reboot: Boot) -> None:
    """Seen to fail without `begin_boot`: the port is still allocated, to a dead container."""
    core = reboot()
    old = started(core, "old", network="bridge", ports=(Port(80, host_port=18482),))
    core = reboot()
    new = started(core, "new", network="bridge", ports=(Port(80, host_port=18482),))
    assert new.address == old.address
    assert core.containers.get("old").address == ""
    rows = core.db.execute("SELECT container FROM endpoint").fetchall()
    assert rows == [(new.id,)]


def test_check_records_the_end_that_nobody_saw_and_says_so_once(reboot: Boot) -> None:
    core = reboot()
    it = started(core, "web", network="bridge")
    started(core, "brief", remove=True)
    core = reboot()
    done = core.check()
    assert "recorded the end of container web, which nobody saw" in done
    assert core.check() == []
    with open(core.layout.exit_file(it.id)) as file:
        noted = json.load(file)
    assert (noted["code"], noted["started"]) == (255, pytest.approx(it.started, abs=1))
    core = reboot()
    end = core.containers.get("web").exit
    assert end
    assert end.at == noted["at"]


def test_an_ended_container_starts_again_after_a_boot(reboot: Boot) -> None:
    core = reboot()
    it = started(core, "web")
    core = reboot()
    core.containers.start("web")
    assert core.containers.get("web").pid not in (0, it.pid)
    core.containers.remove("web", force=True)
    assert core.check() == []


def test_a_clock_that_was_set_bends_no_age(layout: Layout) -> None:
    """An hour forward or back leaves `Up` as it is. Seen to fail with `noted` returned always."""
    core = Core(layout)
    core.images.add(busybox.config(), [busybox.layer()], "busybox")
    it = started(core, "web")
    path = f"{layout.run(it.id)}/state.json"
    with open(path) as file:
        state = json.load(file)
    for jump in (3600.0, -3600.0):
        with open(path, "w") as file:
            json.dump(state | {"started": state["started"] + jump}, file)
        assert core.containers.get("web").started == pytest.approx(it.started, abs=2)
    core.containers.remove("web", force=True)
    core.close()


@pytest.fixture
def logged_out(layout: Layout) -> Iterator[tuple[Core, Container]]:
    """A container that runs, whose run directory went without a boot: as at a user's logout."""
    core = Core(layout)
    core.images.add(busybox.config(), [busybox.layer()], "busybox")
    box = started(core, "box")
    shutil.rmtree(layout.runroot)
    core.close()
    core = Core(layout)
    yield core, box
    core.close()


def test_a_start_ends_what_lives_of_a_run_that_was_lost(logged_out: tuple[Core, Container]) -> None:
    """Seen to fail without `remove_cgroup` for root, as the old processes hold the cgroup and no
    start comes through; and without `end_unseen` for who has no cgroup: the old ones live on.
    """
    core, box = logged_out
    assert core.containers.get("box").status is Status.EXITED
    core.containers.start(box.id)
    assert core.containers.get("box").pid not in (0, box.pid)
    assert start_time(box.pid) == 0
    core.containers.remove(box.id, force=True)


def test_a_removal_ends_what_lives_of_a_run_that_was_lost(
    logged_out: tuple[Core, Container],
) -> None:
    """Seen to fail where `erase` asks only whether there is a run directory."""
    core, box = logged_out
    core.containers.remove(box.id)
    assert start_time(box.pid) == 0
    assert core.check() == []
