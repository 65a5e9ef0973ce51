"""`top`: the processes of a real cgroup."""

from __future__ import annotations

import os
import time

import pytest

from tests import root_only
from tests.cgroups.conftest import BUSY, Start, hold
from tests.metrics.conftest import New
from tests.waiting import until
from tuidock.engine.metrics.processes import inside, top

ID = "e" * 64


@pytest.mark.root(root_only.LIMITS)
def test_processes_of_the_cgroup_and_no_others(new_container: New, start: Start) -> None:
    cgroup = new_container(ID)
    process = start(cgroup, BUSY)
    until(lambda: top(cgroup) and top(cgroup)[0].cpu_seconds > 0)
    (found,) = top(cgroup)
    assert (found.pid, found.parent, found.user) == (process.pid, os.getpid(), "0")
    assert found.command.endswith("-I -S -c while True: pass")
    assert found.state == "R"
    assert found.memory > 1 << 18  # kernels before 6.2 count up to 64 pages late
    assert abs(found.started - time.time()) < 30


@pytest.mark.root(root_only.LIMITS)
def test_a_user_is_named_as_the_container_names_it(new_container: New, start: Start) -> None:
    """Fails without uid_map: the host's 100033 would be shown for the container's 33."""
    code = """
import ctypes, os
child = os.fork()
if not child:
    ctypes.CDLL(None).unshare(0x10000000)
    os.write(1, b"")
    import time
    while open("/proc/self/uid_map").read() == "": time.sleep(0.01)
    os.setresuid(33, 33, 33)
    print("ready", flush=True)
    time.sleep(100)
import time
while os.readlink(f"/proc/{child}/ns/user") == os.readlink("/proc/self/ns/user"): time.sleep(0.01)
open(f"/proc/{child}/uid_map", "w").write("0 100000 65536")
time.sleep(100)
"""
    cgroup = new_container(ID)
    hold(start(cgroup, code))
    assert [process.user for process in top(cgroup)] == ["0", "33"]


@pytest.mark.root(root_only.LIMITS)
def test_a_cgroup_that_is_gone_has_none(new_container: New) -> None:
    cgroup = new_container(ID)
    cgroup.remove()
    assert top(cgroup) == []


def test_a_process_that_ends_meanwhile_is_left_out() -> None:
    class Stale:
        def pids(self) -> list[int]:
            return [os.getpid(), (1 << 22) + 1]

    assert [process.pid for process in top(Stale())] == [os.getpid()]


def test_a_kernel_thread_has_its_name_in_brackets() -> None:
    class Kernel:
        def pids(self) -> list[int]:
            return [2]

    found = top(Kernel())
    assert [process.command for process in found] in ([], ["[kthreadd]"])


def test_inside() -> None:
    uid_map = "         0     100000      65536\n     65536     300000          1\n"
    assert [inside(uid, uid_map) for uid in (100000, 100033, 165535, 300000)] == [
        0,
        33,
        65535,
        65536,
    ]
    assert inside(0, uid_map) == 0
    assert inside(42, "         0          0 4294967295\n") == 42
