"""Containers run by Debian's crun and runc in place of the embedded runtime."""

from __future__ import annotations

import glob
import json
import os
import re
import signal
from typing import Any

import pytest

from tests import root_only
from tests.runtime.conftest import UID_BASE, Box, collect, read_until
from tests.waiting import until
from tuidock.engine.containers.runtimes import find
from tuidock.engine.errors import (
    CommandNotExecutable,
    CommandNotFound,
    RuntimeFailure,
    StartFailed,
)
from tuidock.engine.runtime import client, foreign, health
from tuidock.engine.runtime.client import Line
from tuidock.engine.types import Device, Mount, Status

pytestmark = pytest.mark.root(root_only.RUNTIMES)


@pytest.fixture(params=["crun", "runc"])
def program(request: pytest.FixtureRequest) -> str:
    return find(request.param)


def create(box: Box, program: str, *command: str, **asked: Any) -> str:
    about = asked.pop("about", {})
    container = box.create(*command, **asked)
    config = box.config(container)
    config["annotations"] |= {foreign.PROGRAM: program, **about}
    with open(f"{box.layout.container(container)}/config.json", "w") as file:
        json.dump(config, file)
    return container


def start(box: Box, program: str, *command: str, **asked: Any) -> Line:
    return box.start(create(box, program, *command, **asked))


def run(box: Box, program: str, *command: str, **asked: Any) -> tuple[int | None, str]:
    line = start(box, program, *command, **asked)
    said = collect(line)
    return line.exit_code, (said["stdout"] + said["stderr"]).decode()


def detached(box: Box, program: str, *command: str, **asked: Any) -> str:
    container = create(box, program, *command, **asked)
    client.start(box.layout, container, gate=False, attach=False).wait_started()
    return container


def test_streams_and_exit_code(box: Box, program: str) -> None:
    line = start(box, program, "sh", "-c", "echo out; echo err >&2; exit 7")
    assert collect(line) == {"stdout": b"out\n", "stderr": b"err\n"}
    assert line.exit_code == 7


def test_it_is_the_other_runtime(box: Box, program: str) -> None:
    """Its state is where it was told to keep it, and gone with the container."""
    container = detached(box, program, "sleep", "1000")
    state = f"{box.layout.run(container)}/oci/{container}"
    assert os.path.isdir(state)
    box.monitor(container).signal(signal.SIGKILL)
    ended = box.monitor(container).wait(None)
    assert ended
    assert (ended.code, ended.signal) == (137, 9)
    assert not os.path.exists(box.layout.run(container))
    assert not glob.glob(f"/sys/fs/cgroup/**/{container}", recursive=True)


def test_ids_are_the_containers_own_inside_and_as_ours_on_disk(box: Box, program: str) -> None:
    """A set-user-id program of the image works, and so do files of the image's users.

    Fails when the root is mounted with a user namespace of its own (set-user-id is ignored), and
    when it is mounted by the host's root (the upper directory cannot be written).
    """
    os.chmod(f"{box.layer}/bin/busybox", 0o4755)
    script = "cat /proc/self/uid_map; chown web /etc/group; echo new > /etc/passwd; mkdir /mine"
    container = create(box, program, "sh", "-c", script)
    assert collect(box.start(container))["stdout"].split() == [b"0", b"%d" % UID_BASE, b"65536"]
    upper = f"{box.layout.container(container)}/upper"
    assert [os.stat(f"{upper}/{name}").st_uid for name in ("etc/passwd", "mine")] == [0, 0]
    assert os.stat(f"{upper}/etc/group").st_uid == 33
    with open(f"{box.layer}/etc/passwd", "a") as file:
        file.write("toor::0:0:no password:/:/bin/sh\n")
    assert run(box, program, "busybox", "su", "toor", "-c", "id -u", user="web") == (0, "0\n")


def test_the_host_sees_no_mount_of_it(box: Box, program: str) -> None:
    with open("/proc/self/mountinfo") as file:
        before = file.read()
    container = detached(box, program, "sleep", "1000")
    with open("/proc/self/mountinfo") as file:
        assert file.read() == before
    assert os.listdir(f"{box.layout.container(container)}/rootfs") == []


def test_a_device_by_another_name(box: Box, program: str) -> None:
    """Fails with runc when nodes are its own to make: it looks for the name on the host."""
    devices = (Device("/dev/zero", "/dev/nothing"), Device("/dev/null", "/dev/null"))
    script = "head -c 3 /dev/nothing | wc -c; stat -c %t:%T /dev/nothing"
    assert run(box, program, "sh", "-c", script, devices=devices) == (0, "3\n1:5\n")


def test_volumes_show_the_containers_ids(box: Box, program: str, tmp_path: Any) -> None:
    (tmp_path / "file").write_text("of the host\n")
    mounts = (Mount("bind", str(tmp_path), "/data", readonly=True),)
    code, said = run(
        box, program, "sh", "-c", "cat /data/file; stat -c %u /data/file; touch /data/x",
        mounts=mounts,
    )  # fmt: skip
    assert code != 0
    assert said.startswith("of the host\n0\n")
    assert "Read-only" in said


def test_a_terminal(box: Box, program: str) -> None:
    line = start(box, program, "sh", tty=True, stdin=True)
    line.write(b"test -t 0 && echo is-$((1+1)); tty; exit 3\n")
    said = collect(line)["stdout"]
    assert b"is-2" in said
    assert b"/dev/pts/0" in said
    assert line.exit_code == 3


def test_input_is_passed_on_with_its_end(box: Box, program: str) -> None:
    line = start(box, program, "cat", stdin=True)
    line.write(b"through\n")
    read_until(line, b"through\n")
    line.close_input()
    collect(line)
    assert line.exit_code == 0


def test_further_commands(box: Box, program: str) -> None:
    container = detached(box, program, "sleep", "1000", env=("A=1",))
    line = box.exec(container, "sh", "-c", "echo $A; id -u; id -g; echo $HOME; exit 4", user="web")
    assert collect(line)["stdout"].split() == [b"1", b"33", b"34", b"/var/www"]
    assert line.exit_code == 4
    shell = box.exec(container, "sh", tty=True, stdin=True)
    shell.write(b"test -t 0 && echo is-$((1+1)); exit 5\n")
    assert b"is-2" in collect(shell)["stdout"]
    assert shell.exit_code == 5
    until(lambda: not glob.glob(f"{box.layout.run(container)}/exec-*"))


def test_what_cannot_be_executed_is_told_apart(box: Box, program: str) -> None:
    for asked, kind in (
        ("no-such", CommandNotFound),
        ("/no/such", CommandNotFound),
        ("/etc", CommandNotExecutable),
    ):
        with pytest.raises(kind):
            start(box, program, asked)
    container = detached(box, program, "sleep", "1000")
    for asked, kind in (("no-such", CommandNotFound), ("/etc", CommandNotExecutable)):
        with pytest.raises(kind):
            box.exec(container, asked)
    with pytest.raises(StartFailed, match="nobody-here"):
        box.exec(container, "true", user="nobody-here")
    with pytest.raises(StartFailed, match="nobody-here"):
        start(box, program, "true", user="nobody-here")


def test_a_container_ends_after_a_command_that_failed(box: Box, program: str) -> None:
    """Its processes must be reaped, by nobody but the monitor. Fails without `strays`: crun's
    are in the container's pid namespace, whose end waits for them.
    """
    container = detached(box, program, "sleep", "1000")
    for _ in range(3):
        with pytest.raises(RuntimeFailure):
            box.exec(container, "no-such")
    box.monitor(container).signal(signal.SIGKILL)
    until(lambda: box.state(container).status is Status.EXITED)
    ended = box.state(container).exit
    assert ended
    assert ended.code == 137


def test_a_killed_monitor_is_replaced(box: Box, program: str) -> None:
    container = detached(
        box, program, "sh", "-c", "trap 'echo bye; exit 6' TERM; sleep 1000 & wait"
    )
    os.kill(box.process(f"tuidock-monitor {container[:12]}"), signal.SIGKILL)
    line = box.exec(container, "echo", "in")
    assert collect(line)["stdout"] == b"in\n"
    box.monitor(container).signal(signal.SIGTERM)
    ended = box.monitor(container).wait(None)
    assert ended
    assert ended.code == 6
    assert "bye" in box.log(container)


def test_a_terminal_survives_the_monitor(box: Box, program: str) -> None:
    """And so does a killed monitor with a command in it, whose client hears of that."""
    script = "stty -echo; echo ready; read line; echo got $line; exit 6"
    container = create(box, program, "sh", "-c", script, tty=True, stdin=True)
    line = box.start(container)
    read_until(line, b"ready")
    box.kill_monitor(container)
    assert box.state(container).status is Status.RUNNING
    line = box.monitor(container).attach()
    line.write(b"it\n")
    assert b"got it" in collect(line)["stdout"]
    assert line.exit_code == 6


def test_many_commands_leave_nothing(box: Box, program: str) -> None:
    """No process, no descriptor, no file; half of them fail."""
    container = detached(box, program, "sleep", "1000")
    collect(box.exec(container, "true"))
    monitor = box.process(f"tuidock-monitor {container[:12]}")
    descriptors = box.descriptors(monitor, container)
    for _ in range(5):
        collect(box.exec(container, "true"))
        with pytest.raises(CommandNotFound):
            box.exec(container, "no-such")
    until(lambda: len(os.listdir(f"/proc/{monitor}/fd")) <= descriptors)
    until(lambda: not glob.glob(f"{box.layout.run(container)}/exec-*"))
    assert children(monitor) == [box.state(container).pid]


def children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return list(map(int, file.read().split()))


def test_probes_get_in(box: Box, program: str) -> None:
    check = {"Test": ["CMD-SHELL", "echo looked; id -u"], "Interval": 50_000_000}
    about = {health.CHECK: json.dumps(check), health.ON_FAILURE: "none"}
    container = detached(box, program, "sleep", "1000", user="web", about=about)
    until(lambda: health.read_status(box.layout, container) == "healthy")
    found = health.read(box.layout, container)
    assert found
    assert found.log[-1].output == "looked\n33\n"


def test_the_cage_is_there(box: Box, program: str) -> None:
    script = "grep -E 'Seccomp:|NoNewPrivs' /proc/self/status; cat /proc/kcore; hostname; mount"
    _, said = run(box, program, "sh", "-c", script, hostname="ours", read_only=True)
    assert re.search(r"Seccomp:\s+2", said)
    assert "ours" in said
    root = next(line for line in said.splitlines() if " on / " in line)
    assert "(ro" in root


def test_a_limit_holds(box: Box, program: str) -> None:
    from tuidock.engine.cgroups.cgroup import open_cgroup
    from tuidock.engine.types import Limits

    container = detached(box, program, "sleep", "1000", limits=Limits(pids=7))
    cgroup = open_cgroup(box.layout.tag, container)
    with open(f"{cgroup.path('pids')}/pids.max") as file:
        assert file.read() == "7\n"
    assert len(cgroup.pids()) == 1
    cgroup.freeze()
    assert box.state(container).status is Status.PAUSED
    cgroup.thaw()


def test_a_program_that_is_gone_is_named(box: Box, tmp_path: Any) -> None:
    with pytest.raises(StartFailed, match="/no/such/runtime"):
        start(box, "/no/such/runtime", "true")


def test_a_program_that_does_nothing_starts_nothing(box: Box, tmp_path: Any) -> None:
    """Whatever it answers: the cgroup and the run dir are gone again."""
    program = tmp_path / "crun"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    container = create(box, str(program), "true")
    with pytest.raises(StartFailed, match="without a word"):
        box.start(container)
    assert not os.path.exists(box.layout.run(container))
    assert not glob.glob(f"/sys/fs/cgroup/**/{container}", recursive=True)
