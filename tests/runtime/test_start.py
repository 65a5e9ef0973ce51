"""Starting real containers: exit codes, streams, identity, file system, and what is left."""

from __future__ import annotations

import glob
import os
import signal
import subprocess

import pytest

from tests import machine, root_only
from tests.runtime.conftest import UID_BASE, Box, collect, read_until
from tests.waiting import until
from tuidock.engine.cgroups.cgroup import open_cgroup
from tuidock.engine.errors import CommandNotExecutable, CommandNotFound, StartFailed
from tuidock.engine.runtime import client
from tuidock.engine.types import Limits, LogLimits, Mount, Status


def test_output_and_exit_code_come_back_and_stay_in_the_log(box: Box) -> None:
    line = box.start(container := box.create("sh", "-c", "echo out; echo err >&2; exit 3"))
    assert collect(line) == {"stdout": b"out\n", "stderr": b"err\n"}
    assert line.exit_code == 3
    log = box.log(container)
    assert " stdout F out\n" in log
    assert " stderr F err\n" in log
    state = box.state(container)
    assert state.status is Status.EXITED
    assert state.exit
    assert (state.exit.code, state.exit.signal, state.exit.oom_killed) == (3, 0, False)
    assert state.started <= state.exit.at


def test_a_container_that_never_ran_is_created(box: Box) -> None:
    assert box.state(box.create("true")).status is Status.CREATED


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, 137), (signal.SIGUSR1, 7)])
def test_a_signal_reaches_the_first_process(box: Box, number: int, code: int) -> None:
    container = box.detached(
        "sh", "-c", "trap 'exit 7' USR1; echo up; while :; do sleep 0.01; done"
    )
    until(lambda: "up" in box.log(container))
    assert box.state(container).status is Status.RUNNING
    box.monitor(container).signal(number)
    ended = box.monitor(container).wait(None)
    assert ended
    assert ended.code == code
    assert ended.signal == (9 if code == 137 else 0)
    assert not ended.oom_killed


def test_waiting_has_a_deadline(box: Box) -> None:
    container = box.detached("sleep", "100")
    assert box.monitor(container).wait(0.0) is None
    box.monitor(container).signal(9)
    assert box.monitor(container).wait(None)


def test_nothing_is_left_of_a_container_that_ended(box: Box) -> None:
    box.run("true")
    tag = box.layout.tag
    assert os.listdir(f"{box.layout.runroot}/containers") == []
    for path, directories, _ in os.walk("/sys/fs/cgroup"):
        assert not [name for name in directories if tag in name], path
    with open("/proc/self/mountinfo") as file:
        assert box.layout.root not in file.read()
    assert until(lambda: not box.find("tuidock-monitor"))


def test_a_missing_command_is_told_from_one_that_cannot_be_executed(box: Box) -> None:
    with pytest.raises(CommandNotFound, match="nosuch"):
        box.run("nosuch")
    with pytest.raises(CommandNotFound, match="/no/such"):
        box.run("/no/such")
    with pytest.raises(CommandNotExecutable, match="permission denied"):
        box.run("/etc/passwd")
    with pytest.raises(CommandNotExecutable, match="is a directory"):
        box.run("/etc")


def test_a_failed_start_is_recorded_and_leaves_nothing(box: Box) -> None:
    container = box.create("nosuch")
    with pytest.raises(CommandNotFound):
        box.start(container)
    state = box.state(container)
    assert state.status is Status.EXITED
    assert state.exit
    assert state.exit.code == 127
    assert "nosuch" in state.exit.error
    assert os.listdir(f"{box.layout.runroot}/containers") == []


def test_a_failure_names_its_step_and_the_path(box: Box) -> None:
    mount = Mount("bind", "/no/such/source", "/data")
    with pytest.raises(StartFailed, match="open /no/such/source"):
        box.run("true", mounts=(mount,))


def test_a_container_can_be_started_again(box: Box) -> None:
    container = box.create("sh", "-c", "echo run >> /runs; cat /runs")
    assert collect(box.start(container))["stdout"] == b"run\n"
    assert collect(box.start(container))["stdout"] == b"run\nrun\n"


def test_a_running_container_is_not_started_twice(box: Box) -> None:
    container = box.detached("sleep", "100")
    with pytest.raises(StartFailed, match="running already"):
        box.start(container)
    assert box.state(container).status is Status.RUNNING


def test_standard_input_and_its_end(box: Box) -> None:
    line = box.start(box.create("sh", "-c", "cat; echo end", stdin=True))
    assert line.write(b"typed\n") == 6
    assert read_until(line, b"typed\n") == b"typed\n"
    line.close_input()
    assert collect(line)["stdout"] == b"end\n"


def test_without_interactive_standard_input_is_empty(box: Box) -> None:
    assert box.run("cat") == (0, "")


def test_a_terminal_has_a_size_an_echo_and_a_hangup(box: Box) -> None:
    line = box.start(box.create("sh", tty=True, stdin=True))
    line.resize(97, 31)
    line.write(b"stty size; tty; stat -c %F /dev/console\n")
    said = read_until(line, b"character special file\r\n")
    assert b"31 97\r\n" in said
    assert b"/dev/pts/0\r\n" in said
    line.write(b"exit 5\n")
    collect(line)
    assert line.exit_code == 5


def test_a_second_client_may_look_on_and_leave(box: Box) -> None:
    container = box.create("sh", "-c", "read x; echo got $x", stdin=True)
    line = box.start(container)
    other = box.monitor(container).attach()
    third = box.monitor(container).attach()
    third.close()
    other.write(b"word\n")
    assert collect(other)["stdout"] == b"got word\n"
    assert collect(line)["stdout"] == b"got word\n"


def test_nothing_is_lost_at_the_end(box: Box) -> None:
    """Fails when the monitor stops reading at the exit instead of draining the pipes."""
    container = box.create("sh", "-c", "seq 1 200000; seq 1 3 >&2", log=LogLimits(10**8, 2))
    said = collect(box.start(container))
    assert said["stdout"].split() == [b"%d" % n for n in range(1, 200001)]
    assert said["stderr"] == b"1\n2\n3\n"
    assert box.log(container).count(" stdout F ") == 200000


def test_the_gate_holds_the_command_back(box: Box) -> None:
    container = box.create("sh", "-c", "echo ran > /ran")
    starting = client.start(box.layout, container, gate=True, attach=True)
    assert os.path.exists(f"/proc/{starting.pid}/ns/net")
    assert box.state(container).status is not Status.RUNNING
    assert not os.path.exists(f"{box.layout.container(container)}/upper/ran")
    starting.go()
    starting.wait_started()
    assert starting.line
    collect(starting.line)
    assert os.path.exists(f"{box.layout.container(container)}/upper/ran")


def test_a_start_can_be_abandoned_at_the_gate(box: Box) -> None:
    container = box.create("true")
    starting = client.start(box.layout, container, gate=True, attach=False)
    assert starting.abandon() is None
    assert until(lambda: not os.path.exists(f"/proc/{starting.pid}"))
    assert until(lambda: not os.listdir(f"{box.layout.runroot}/containers"))


BROKEN = Mount("tmpfs", "", "/data", options=("size=much",))


def test_at_the_gate_a_failed_start_says_why(box: Box) -> None:
    """Fails without the second look in `_expect`: to leave what was sent unread is a reset."""
    for _ in range(5):
        starting = client.start(
            box.layout, box.create("true", mounts=(BROKEN,)), gate=True, attach=False
        )
        starting.go()
        with pytest.raises(StartFailed, match="mount tmpfs on /data"):
            starting.wait_started()


def test_a_start_that_is_abandoned_says_what_it_had_failed_of(box: Box) -> None:
    container = box.create("true", mounts=(BROKEN,))
    starting = client.start(box.layout, container, gate=True, attach=False)
    assert until(lambda: not os.path.exists(f"/proc/{starting.pid}"))
    reason = starting.abandon()
    assert isinstance(reason, StartFailed)
    assert "mount tmpfs on /data" in str(reason)


@pytest.mark.root(root_only.IDS)
def test_root_of_the_container_is_nobody_on_the_host(box: Box) -> None:
    """Fails when the container shares the host's ids. Files on disk keep the image's ids."""
    container = box.detached("sh", "-c", "touch /made; echo made; sleep 100")
    until(lambda: "made" in box.log(container))
    pid = box.state(container).pid
    assert os.stat(f"/proc/{pid}").st_uid == UID_BASE
    assert os.stat(f"{box.layout.container(container)}/upper/made").st_uid == 0
    code, said = box.run("cat", "/proc/self/uid_map")
    assert said.split() == ["0", str(UID_BASE), "65536"]
    assert code == 0


@pytest.mark.root(root_only.IDS)
def test_the_hosts_ids_can_be_asked_for(box: Box) -> None:
    assert box.run("cat", "/proc/self/uid_map", uid_base=0)[1].split()[1:] == ["0", "4294967295"]


def test_user_groups_home_and_directory(box: Box) -> None:
    command = "id -u; id -g; id -G; echo $HOME; pwd"
    code, said = box.run("sh", "-c", command, user="web", working_dir="/var/made/up")
    assert said.split("\n") == ["33", "34", "34 29 44", "/var/www", "/var/made/up", ""]
    assert code == 0


def test_the_environment_is_dockers_then_the_images_then_ours(box: Box) -> None:
    image = {"Env": ["A=image", "B=image"]}
    _, said = box.run("env", image=image, env=("B=mine", "C=x=y"), hostname="named")
    found = dict(line.split("=", 1) for line in said.splitlines())
    assert found["A"] == "image"
    assert found["B"] == "mine"
    assert found["C"] == "x=y"
    assert found["HOSTNAME"] == "named"
    assert found["PATH"].startswith("/usr/local/sbin:")
    assert found["HOME"] == "/root"


def test_hostname_and_the_engines_files(box: Box) -> None:
    _, said = box.run("sh", "-c", "hostname; cat /etc/hosts /etc/resolv.conf", hostname="named")
    assert said == "named\nhosts of the engine\nresolv.conf of the engine\n"


def test_loopback_is_up(box: Box) -> None:
    assert "UP LOOPBACK" in box.run("ifconfig", "lo")[1]


def test_the_hosts_network(box: Box) -> None:
    _, said = box.run("readlink", "/proc/self/ns/net", network="host")
    assert said.strip() == os.readlink("/proc/self/ns/net")
    assert box.run("ls", "/sys/class/net", network="host")[1].split()


def test_read_only(box: Box) -> None:
    code, said = box.run(
        "sh",
        "-c",
        "touch /x; touch /etc/hosts; touch /tmp/y && echo fine",
        read_only=True,
        mounts=(Mount("tmpfs", "", "/tmp"),),
    )
    assert "/x: Read-only file system" in said
    assert "/etc/hosts: Read-only file system" in said
    assert "fine" in said
    assert code == 0


def test_limits_of_processes(box: Box) -> None:
    _, said = box.run("sh", "-c", "ulimit -n; ulimit -Hn", ulimits=(("nofile", 100, 200),))
    assert said.split() == ["100", "200"]


def test_a_sysctl_of_the_containers_own(box: Box) -> None:
    name = "net.ipv4.ip_unprivileged_port_start"
    _, said = box.run("cat", "/proc/sys/" + name.replace(".", "/"), sysctls=((name, "42"),))
    assert said == "42\n"


def test_a_hundred_layers(box: Box) -> None:
    """Fails without `lowerdir+`: fsconfig takes 256 bytes of `lowerdir`."""
    keys = [f"{number:064x}" for number in range(120)]
    for key in keys:
        os.mkdir(box.layout.layer(key))
        with open(f"{box.layout.layer(key)}/name", "w") as file:
            file.write(key)
    code, said = box.run("cat", "/name", layers=["a" * 64, *keys])
    assert said == keys[-1]
    assert code == 0


@pytest.mark.root(root_only.IDS)
def test_a_volume_is_written_as_the_hosts_root(box: Box) -> None:
    source = f"{box.layout.root}/volume"
    os.mkdir(source)
    code, _ = box.run("sh", "-c", "echo x > /data/file", mounts=(Mount("bind", source, "/data"),))
    assert code == 0
    assert os.stat(f"{source}/file").st_uid == 0


@pytest.mark.root(root_only.LIMITS)
def test_an_oom_kill_is_told_from_a_kill(box: Box) -> None:
    """Fails when only the signal is looked at: both are SIGKILL."""
    container = box.create(
        "sh", "-c", "tail /dev/zero", limits=Limits(memory=16 << 20, memory_swap=16 << 20)
    )
    line = box.start(container)
    collect(line, 60)
    assert line.exit_code == 137
    ended = box.state(container).exit
    assert ended
    assert ended.oom_killed
    assert ended.peak_memory > 8 << 20


def test_the_first_process_is_in_its_cgroup_from_the_start(box: Box) -> None:
    """Fails when it is placed after execve: the shell would count itself in the host's."""
    members = "cd /sys/fs/cgroup; cat */cgroup.procs cgroup.procs 2>/dev/null"
    _, said = box.run("sh", "-c", f"cat /proc/self/cgroup; {members}")
    assert all(line.endswith(":/") for line in said.splitlines() if ":" in line), said
    assert "1" in said.split()


@pytest.mark.root(root_only.LIMITS)
def test_a_refusal_is_told_when_it_cannot_be_undone(box: Box) -> None:
    """Of somebody else's process in the cgroup, which keeps it from being removed, one hears too.

    Seen to fail (`the monitor went away without an answer`) where only what cannot be undone was
    raised; and where the first cgroup that stayed kept those of other hierarchies from going.
    """
    container = box.create("no-such-command")
    starting = client.start(box.layout, container, gate=True, attach=False)
    cgroup = open_cgroup(box.layout.tag, container)
    kept = cgroup.path("pids") or cgroup.path("cgroup")
    with subprocess.Popen(["sleep", "100"]) as stranger:
        try:
            with open(f"{kept}/cgroup.procs", "w") as file:
                file.write(str(stranger.pid))
            starting.go()
            with pytest.raises(CommandNotFound, match="no-such-command") as refusal:
                starting.wait_started()
            assert "Device or resource busy: `tuidock system check`" in refusal.value.hint
            assert glob.glob(f"/sys/fs/cgroup/**/{container}", recursive=True) == [kept]
        finally:
            stranger.kill()
    cgroup.remove()
    state = box.state(container)
    assert state.exit
    assert (state.exit.code, os.listdir(f"{box.layout.runroot}/containers")) == (127, [])


def test_whatever_a_container_leaves_is_seen_without_a_cgroup(box: Box) -> None:
    """An ordinary user's test run ends with the machine as it was. Seen to fail while only names
    and cgroups were looked at: every container of these tests outlived them, unnoticed.
    """
    pid = box.state(box.detached("sleep", "1000", tty=True)).pid
    assert machine.bundle(pid).startswith(f"{box.layout.root}/containers/")
    assert machine.describe(pid).startswith(f"{pid} sleep: ")
