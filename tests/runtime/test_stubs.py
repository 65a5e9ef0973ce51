"""Who enters a container before there is a command: what can be seen of it, and what it may.

Each docstring says how the test was seen to fail without its defence.
"""

from __future__ import annotations

import os
import signal
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests import root_only
from tests.conftest import AS_ROOT
from tests.runtime.conftest import UID_BASE, Box, collect
from tuidock.engine.cgroups.cgroup import open_cgroup
from tuidock.engine.linux import sockets
from tuidock.engine.runtime import calling
from tuidock.engine.runtime.config import flags
from tuidock.engine.runtime.joining import Joiner
from tuidock.engine.runtime.spec import exec_process
from tuidock.engine.types import ExecSpec

_CODELESS = "from tuidock.engine.linux import machine; machine.code = lambda _: b''; "


@contextmanager
def one_step_before_its_command(box: Box, container: str) -> Iterator[int]:
    """The pid of a further process of a container that stays as it is before execve(2)."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    joiner = os.fork()
    if joiner == 0:
        _stop_short(box, container, writing)
    entering, command = struct.unpack("=ii", os.read(reading, 8))
    try:
        yield command
    finally:
        os.kill(joiner, signal.SIGKILL)
        for pid in (joiner, entering, command):  # they die with it
            os.waitpid(pid, 0)
        os.close(reading)
        os.close(writing)


def _stop_short(box: Box, container: str, writing: int) -> None:
    try:
        config = box.config(container)
        process = exec_process(config, ExecSpec(("true",)))
        joiner = Joiner(box.layout.container(container), process, sockets.pair()[0])
        joiner._tell = lambda *_: None  # type: ignore[method-assign]
        init = os.pidfd_open(box.state(container).pid)
        cgroup = open_cgroup(box.layout.tag, container)
        entering = joiner._enter(init, cgroup, flags(config["linux"]))
        null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        joiner._prepare(entering, joiner._asked(config), (null,) * 3)
        os.write(writing, struct.pack("=ii", *(each.pid for each in joiner.stubs)))
        signal.pause()
    finally:
        os._exit(1)


@pytest.mark.parametrize("uid_base", [UID_BASE, 0])
def test_nobody_in_a_container_can_look_into_who_comes(box: Box, uid_base: int) -> None:
    """16, 33. Its executable is our interpreter, its memory that of a process of the host.

    Fails without PR_SET_DUMPABLE where the container has the host's ids: `exe` led to python.
    With ids of its own the kernel sees to it as well.
    """
    container = box.detached("sleep", "1000", uid_base=uid_base)
    with one_step_before_its_command(box, container) as pid:
        inside = _status(pid)["NSpid"].split()[-1]
        script = (
            f"cd /proc/{inside} && echo in; readlink exe; readlink root; readlink fd/0; "
            "cat environ maps auxv; echo x > exe; dd if=mem bs=1 count=1; cat exe | head -c 4"
        )
        said = collect(box.exec(container, "sh", "-c", script))
        assert said["stdout"] == b"in\n", said
        assert said["stderr"].count(b"Permission denied") >= 5, said


def test_who_comes_is_no_more_than_its_command(box: Box) -> None:
    """33. Fails when the visible process is made before `harden`, or outside of the cgroup."""
    container = box.detached("sleep", "1000")
    with one_step_before_its_command(box, container) as pid:
        status = _status(pid)
        for kind in ("CapPrm", "CapEff", "CapBnd"):
            assert status[kind] == "00000000a80425fb", kind
        assert status["CapInh"] == status["CapAmb"] == "0" * 16
        assert status["Seccomp"] == "2"
        assert status["Uid"].split() == [str(UID_BASE if AS_ROOT else os.getuid())] * 4
        cgroup = open_cgroup(box.layout.tag, container)
        assert pid in cgroup.pids() or not (AS_ROOT or cgroup.pids())


@pytest.mark.root(root_only.UNDUMPABLE)
def test_who_comes_has_no_descriptor_of_the_host(box: Box) -> None:
    """17. Fails without `leave_files`: the table would be that of the joiner, with the store and
    the engine's directories in it.
    """
    container = box.detached("sleep", "1000")
    with one_step_before_its_command(box, container) as pid:
        held = {int(each): os.readlink(f"/proc/{pid}/fd/{each}") for each in _listed(pid)}
        assert [held.pop(number) for number in range(3)] == ["/dev/null"] * 3
        kinds = {each.partition(":")[0] for each in held.values()}
        assert kinds <= {"socket", "anon_inode", "pidfd"}, held
        assert len(held) <= 3


def _listed(pid: int) -> list[str]:
    return os.listdir(f"/proc/{pid}/fd")


def _status(pid: int) -> dict[str, str]:
    with open(f"/proc/{pid}/status") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file)


def test_without_machine_code_all_goes_on(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine that we have no code for, or where no memory may be made executable."""
    boot = calling._BOOT.replace("from tuidock", _CODELESS + "from tuidock", 1)
    assert boot != calling._BOOT
    monkeypatch.setattr(calling, "_BOOT", boot)
    assert box.run("echo", "one") == (0, "one\n")
    container = box.detached("sleep", "1000", user="web", tty=True)
    assert collect(box.exec(container, "id", "-u"))["stdout"] == b"33\n"
    assert box.run("sh", "-c", "exit 3")[0] == 3
