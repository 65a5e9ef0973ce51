"""Containers that share namespaces with the host or with each other."""

from __future__ import annotations

import json
import os
import select
from collections.abc import Callable
from typing import Any

import pytest

from tests import root_only
from tests.runtime.conftest import collect
from tests.waiting import until
from tuidock.engine.core import Core
from tuidock.engine.errors import BadSpec, ContainerNotFound, WrongStatus
from tuidock.engine.runtime.namespaces import asked
from tuidock.engine.types import Container, ContainerSpec, ExecSpec, Status

KINDS = {"pid": "pid", "network": "net", "ipc": "ipc", "uts": "uts"}
TRIED = (pytest.param("pid", marks=pytest.mark.root(root_only.PROCESSES)), *list(KINDS)[1:])
SLEEP = ("sleep", "1000")
Up = Callable[..., Container]


@pytest.fixture
def up(core: Core) -> Up:
    """A container that runs."""

    def start(name: str, command: tuple[str, ...] = SLEEP, **asked: Any) -> Container:
        spec = ContainerSpec("busybox", name, command, **{"network": "none", **asked})
        core.containers.create(spec)
        core.containers.start(name)
        return core.containers.get(name)

    return start


def said(core: Core, name: str, script: str) -> str:
    line = core.containers.exec(name, ExecSpec(("sh", "-c", script)))
    streams = collect(line)
    return (streams["stdout"] + streams["stderr"]).decode()


def namespace(pid: int | str, kind: str) -> str:
    return os.readlink(f"/proc/{pid}/ns/{kind}")


@pytest.mark.parametrize("kind", TRIED)
def test_one_namespace_of_another_container(up: Up, kind: str) -> None:
    """With the user namespace, and nothing else."""
    other = up("other")
    one = up("one", **{kind: "container:other"})
    same = {each for each in (*KINDS.values(), "user", "mnt") if _shared(one, other, each)}
    assert same == {KINDS[kind], "user"}
    assert asked(one.spec)[kind] == f"container:{other.id}"


def _shared(one: Container, other: Container, kind: str) -> bool:
    return namespace(one.pid, kind) == namespace(other.pid, kind)


@pytest.mark.parametrize("kind", TRIED)
def test_a_namespace_of_the_host(up: Up, kind: str) -> None:
    """The user namespace stays its own, so that root in there is nobody outside."""
    one = up("one", **{kind: "host"})
    same = {k for k in (*KINDS.values(), "user") if namespace(one.pid, k) == namespace("self", k)}
    assert same == {KINDS[kind]}


@pytest.mark.root(root_only.PROCESSES)
def test_everything_of_another_container(core: Core, up: Up) -> None:
    other = up("other", hostname="alpha", network="bridge")
    mode = "container:other"
    up("one", pid=mode, ipc=mode, uts=mode, network=mode)
    assert said(core, "one", "hostname; cat /etc/hostname").split() == ["alpha"] * 2
    assert f"{other.address}\talpha other" in said(core, "one", "cat /etc/hosts")
    assert other.address in said(core, "one", "ip addr")
    said(core, "other", "echo here > /dev/shm/seen")
    assert said(core, "one", "cat /dev/shm/seen") == "here\n"
    listed = said(core, "one", "ps -o pid,args; kill -0 1 && echo may").splitlines()
    assert listed[1].split() == ["1", *SLEEP]
    assert listed[-1] == "may"


def test_a_chain_leads_to_whose_it_is(core: Core, up: Up) -> None:
    first = up("first")
    up("second", network="container:first")
    third = up("third", network="container:second")
    assert third.spec.network == f"container:{first.id}"
    up("outside", network="host")
    assert up("last", network="container:outside").spec.network == "host"


@pytest.mark.root(root_only.PROCESSES)
def test_what_the_configuration_says(core: Core, up: Up) -> None:
    """Paths as in the OCI runtime-spec, of the process that the other one has now."""
    other = up("other")
    one = up("one", pid="container:other", uts="host")
    with open(f"{core.layout.container(one.id)}/config.json") as file:
        config = json.load(file)
    found = {each["type"]: each.get("path") for each in config["linux"]["namespaces"]}
    assert found["pid"] == f"/proc/{other.pid}/ns/pid"
    assert found["user"] == f"/proc/{other.pid}/ns/user"
    assert found["network"] is None
    assert "uts" not in found
    assert "hostname" not in config
    modes = core.containers.inspect("one")["HostConfig"]
    assert isinstance(modes, dict)
    wanted = (f"container:{other.id}", "host", "none")
    assert (modes["PidMode"], modes["UTSMode"], modes["NetworkMode"]) == wanted


def test_the_other_one_must_run(core: Core, up: Up) -> None:
    other = up("other")
    up("one", network="container:other")
    core.containers.stop("other", 0)
    assert core.containers.get("one").status is Status.RUNNING
    core.containers.stop("one", 0)
    with pytest.raises(WrongStatus, match="cannot join network of a non running container"):
        core.containers.start("one")
    core.containers.start("other")
    core.containers.start("one")
    again, one = core.containers.get("other"), core.containers.get("one")
    assert again.pid != other.pid
    assert _shared(one, again, "net")
    core.containers.remove("other", force=True)
    core.containers.stop("one", 0)
    with pytest.raises(ContainerNotFound):
        core.containers.start("one")


@pytest.mark.root(root_only.PROCESSES)
def test_who_shares_a_pid_namespace_ends_with_its_first_process(core: Core, up: Up) -> None:
    up("other")
    up("one", pid="container:other")
    line = core.containers.exec("one", ExecSpec(SLEEP))
    core.containers.kill("other")
    ended = core.containers.wait("one")
    assert (ended.code, ended.signal) == (137, 9)
    collect(line)
    assert line.exit_code == 137


@pytest.mark.parametrize("mode", ["host", "container:other"])
@pytest.mark.root(root_only.PROCESSES)
def test_nobody_is_left_in_a_shared_pid_namespace(core: Core, up: Up, mode: str) -> None:
    """Failed without killing the cgroup at the end of the first process: a child of it lived on,
    and the end of a further command was waited for in vain.
    """
    up("other")
    script = "sleep 1000 & echo $! > /pid; exec sleep 1001"
    one = up("one", ("sh", "-c", script), pid=mode)
    line = core.containers.exec("one", ExecSpec(("sleep", "1002")))
    until(lambda: len(core.containers.top("one")) == 3)
    pids = [each.pid for each in core.containers.top("one")]
    held = [os.pidfd_open(pid) for pid in pids]
    os.kill(one.pid, 9)
    assert core.containers.wait("one").code == 137
    for pidfd in held:
        assert select.select([pidfd], [], [], 5.0)[0]
        os.close(pidfd)
    collect(line)


@pytest.mark.root(root_only.PROCESSES)
def test_nobody_looks_into_a_newcomer(core: Core, up: Up) -> None:
    """33. Seen to fail without PR_SET_DUMPABLE before the user namespace is entered: a process
    in there with CAP_SYS_PTRACE read the path of our interpreter, and could have its memory.
    """
    script = "while :; do ls -l /proc/[0-9]*/exe; done"
    up("other", ("sh", "-c", script), cap_add=("SYS_PTRACE",))
    for number in range(12):
        up(f"one{number}", ("true",), pid="container:other")
    core.containers.stop("other", 0)
    with open(core.containers.log_files("other")[-1]) as log:
        seen = {line.split()[-1] for line in log if " -> " in line}
    assert seen == {"/bin/busybox"}


HOST_AND_NAME = {"hostname": "name"}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"network": "container:other", **HOST_AND_NAME}, "hostname and the network mode"),
        ({"uts": "host", **HOST_AND_NAME}, "hostname and the UTS mode"),
        ({"network": "container:other", "dns": ("1.1.1.1",)}, "dns and the network mode"),
        ({"network": "container:other", "add_hosts": (("a", "1.1.1.1"),)}, "host-to-IP mapping"),
        ({"network": "container:other", "publish_all": True}, "port publishing"),
        ({"pid": "container"}, "invalid PID mode"),
        ({"ipc": "shareable?"}, "invalid IPC mode"),
        ({"ipc": "host", "sysctls": (("kernel.shmmax", "1"),)}, "not in a separate namespace"),
        (
            {"network": "container:other", "sysctls": (("net.ipv4.ip_forward", "1"),)},
            "not in a separate namespace",
        ),
        pytest.param(
            {"pid": "container:other", "ipc": "container:third"},
            "different user namespaces",
            marks=pytest.mark.root(root_only.PROCESSES),
        ),
    ],
)
def test_what_cannot_be(core: Core, up: Up, asked: dict[str, Any], words: str) -> None:
    up("other")
    up("third")
    with pytest.raises(BadSpec, match=words):
        up("one", **asked)
    assert len(core.containers.list()) == 2
