"""Further commands in a running container."""

from __future__ import annotations

import os

import pytest

from tests.runtime.conftest import Box, collect, read_until
from tests.waiting import until
from tuidock.engine.errors import CommandNotExecutable, CommandNotFound, MonitorGone, StartFailed
from tuidock.engine.linux import sockets
from tuidock.engine.runtime.commands import Command
from tuidock.engine.runtime.protocol import decode, encode
from tuidock.engine.runtime.spec import exec_process
from tuidock.engine.runtime.ward import Ward
from tuidock.engine.types import ExecSpec


@pytest.fixture
def running(box: Box) -> str:
    return box.detached("sleep", "1000", env=("OWN=1",), user="web")


def test_output_and_exit_code(box: Box, running: str) -> None:
    line = box.exec(running, "sh", "-c", "echo out; echo err >&2; exit 9")
    assert collect(line) == {"stdout": b"out\n", "stderr": b"err\n"}
    assert line.exit_code == 9


def test_it_is_in_every_namespace_and_cgroup_of_the_container(box: Box, running: str) -> None:
    """Fails when one namespace is forgotten, or the cgroup is entered too late."""
    script = "for n in cgroup ipc mnt net pid user uts; do readlink /proc/self/ns/$n; done"
    pid = box.state(running).pid
    said = collect(box.exec(running, "sh", "-c", script, user="root"))["stdout"].decode().split()
    theirs = [os.readlink(f"/proc/{pid}/ns/{n}") for n in "cgroup ipc mnt net pid user uts".split()]
    assert said == theirs
    cgroups = collect(box.exec(running, "cat", "/proc/self/cgroup"))["stdout"].decode()
    assert all(line.endswith(":/") for line in cgroups.split()), cgroups


def test_user_environment_and_directory(box: Box, running: str) -> None:
    script = "id -u; id -G; echo $OWN $MORE; pwd"
    said = collect(box.exec(running, "sh", "-c", script, env=("MORE=2",), working_dir="/tmp"))
    assert said["stdout"] == b"33\n34 29 44\n1 2\n/tmp\n"
    said = collect(box.exec(running, "id", "-u", user="nobody"))
    assert said["stdout"] == b"65534\n"


def test_a_directory_that_is_not_there_is_not_made(box: Box, running: str) -> None:
    """Fails when a further command makes its directory, as the first process does."""
    with pytest.raises(CommandNotExecutable, match="/nope/here: No such file or directory"):
        box.exec(running, "true", working_dir="/nope/here")
    assert collect(box.exec(running, "ls", "/nope"))["stdout"] == b""
    line = box.exec(running, "test", "-e", "/nope")
    collect(line)
    assert line.exit_code == 1


def test_a_command_is_told_of_before_its_joiner_has_gone(box: Box) -> None:
    """Fails when only the end of the joiner's line tells: its memory takes a while to go."""
    told: list[dict[str, object]] = []

    class Client:
        def send(self, message: bytes, descriptors: tuple[int, ...] = ()) -> None:
            told.append(decode(message))

        def close(self) -> None:
            raise AssertionError

    ward = Ward(box.layout, "c" * 64, 0, -1, {}, -1, -1)
    command = Command(box.layout, "c" * 64, ward, {"process": {}}, Client())
    command._line, joiner = sockets.pair()
    for message in ({"pid": 7}, {"executed": True}):
        joiner.send(encode({**message, "children": [6, 7]}))
        assert command.advance()
    assert told == [{"started": 7}]
    command._line.close()
    joiner.close()


def test_standard_input(box: Box, running: str) -> None:
    line = box.exec(running, "wc", "-c", stdin=True)
    sent = b"x" * 300_000
    while sent:
        taken = line.write(sent)
        sent = sent[taken:]
    line.close_input()
    assert collect(line)["stdout"] == b"300000\n"


def test_limits_and_score_are_the_containers(box: Box) -> None:
    """Fails when a command keeps what the monitor has, whom nothing should kill."""
    container = box.detached("sleep", "1000", oom_score_adj=123, ulimits=(("nofile", 55, 66),))
    line = box.exec(container, "sh", "-c", "cat /proc/self/oom_score_adj; ulimit -n; ulimit -Hn")
    assert collect(line)["stdout"] == b"123\n55\n66\n"


def test_a_terminal(box: Box, running: str) -> None:
    line = box.exec(running, "sh", tty=True)
    line.resize(77, 22)
    line.write(b"stty size; tty; kill -9 $$\n")
    assert b"22 77\r\n/dev/pts/" in read_until(line, b"/dev/pts/")
    collect(line)
    assert line.exit_code == 137


def test_ctrl_c_reaches_the_foreground_job(box: Box, running: str) -> None:
    """Fails when the command is no session leader with a controlling terminal."""
    line = box.exec(running, "sh", "-c", "echo ready; sleep 100; echo after", tty=True)
    read_until(line, b"ready")
    line.write(b"\x03")
    collect(line)
    assert line.exit_code == 130


def test_descriptors_of_the_client_are_used_as_they_are(box: Box, running: str) -> None:
    readable, writable = os.pipe()
    null = os.open("/dev/null", os.O_RDWR)
    process = exec_process(box.config(running), ExecSpec(("echo", "direct")))
    line = box.monitor(running).exec(process, (null, writable, null))
    os.close(writable)
    assert os.read(readable, 100) == b"direct\n"
    collect(line)
    assert line.exit_code == 0
    os.close(readable)
    os.close(null)


def test_what_cannot_be_executed(box: Box, running: str) -> None:
    with pytest.raises(CommandNotFound, match="nosuch"):
        box.exec(running, "nosuch")
    with pytest.raises(CommandNotExecutable):
        box.exec(running, "/etc/passwd")
    with pytest.raises(StartFailed, match="unable to find user"):
        box.exec(running, "true", user="ghost")
    assert collect(box.exec(running, "echo", "still"))["stdout"] == b"still\n"


def test_no_capabilities_beyond_the_containers(box: Box, running: str) -> None:
    line = box.exec(
        running, "grep", "-E", "^(Cap|Seccomp:|NoNew)", "/proc/self/status", user="root"
    )
    said = collect(line)["stdout"].decode()
    words = dict(line.split(":\t") for line in said.splitlines())
    assert words["CapBnd"] == words["CapPrm"] == words["CapEff"] == "00000000a80425fb"
    assert words["CapInh"] == words["CapAmb"] == "0000000000000000"
    assert words["Seccomp"] == "2"


def test_the_end_of_the_container_ends_it(box: Box, running: str) -> None:
    line = box.exec(running, "sh", "-c", "echo up; sleep 1000")
    read_until(line, b"up")
    box.monitor(running).signal(9)
    collect(line)
    assert line.exit_code == 137
    until(lambda: not box.state(running).pid)
    with pytest.raises(MonitorGone, match="not running"):
        box.exec(running, "true")


def test_a_client_that_goes_leaves_the_command_running(box: Box, running: str) -> None:
    line = box.exec(running, "sh", "-c", "sleep 0.2; echo done > /tmp/done")
    line.close()
    path = f"{box.layout.container(running)}/upper/tmp/done"
    assert until(lambda: os.path.exists(path))
