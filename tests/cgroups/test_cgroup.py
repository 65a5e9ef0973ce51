"""Limits, freezing and killing on the real cgroups of this machine."""

from __future__ import annotations

import os
import secrets
import time

import pytest

from tests import root_only
from tests.cgroups.conftest import BUSY, HOLD, Start, grow, hierarchies_of, hold
from tests.waiting import until
from tuidock.engine.cgroups.cgroup import Cgroup, open_cgroup
from tuidock.engine.cgroups.files import counter, read
from tuidock.engine.cgroups.hierarchies import find
from tuidock.engine.errors import BadSpec, HostError, Unsupported

pytestmark = [pytest.mark.root(root_only.LIMITS), pytest.mark.cgroup2]

MB = 1 << 20
HERE = {name for each in find() if not each.unified for name in each.controllers}
"""Controllers on v1; none on a pure v2 machine, where its tests are not even collected."""
FREEZERS = [*([1] if "freezer" in HERE else []), *([2] if hierarchies_of(2) else [])]
BOMB = """
import os
while True:
    try: os.fork()
    except OSError: pass
"""


def _memory(limit: int, swap: int | None = None) -> dict[str, object]:
    return {"memory": {"limit": limit, "swap": swap or 2 * limit}}


def _limit(cgroup: Cgroup) -> int:
    name = "memory.max" if cgroup.version("memory") == 2 else "memory.limit_in_bytes"
    return int(read(f"{cgroup.path('memory')}/{name}"))


def _throttled(cgroup: Cgroup) -> int:
    return counter(f"{cgroup.path('cpu')}/cpu.stat", "nr_throttled")


def _cpu_seconds(pid: int) -> float:
    fields = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --- birth, members, death --------------------------------------------------------------------


def test_a_process_is_in_every_hierarchy_before_its_first_line(
    cgroup: Cgroup, start: Start
) -> None:
    cgroup.create({})
    show = "print(open('/proc/self/cgroup').read(), flush=True)\nwhile True: pass"
    process = start(cgroup, show)
    assert process.stdout
    lines = b"".join(iter(process.stdout.readline, b"\n")).decode().split()
    for controller in ("memory", "cpu", "pids"):
        v1 = [line for line in lines if controller in line.split(":")[1].split(",")]
        line = v1[0] if cgroup.version(controller) == 1 else f"{lines[-1]}"
        assert line.endswith("/" + "a" * 64)
    assert cgroup.pids() == [process.pid]


def test_add_moves_from_outside_and_enter_from_inside(cgroup: Cgroup, start: Start) -> None:
    cgroup.create({})
    process = start(cgroup, BUSY)
    elsewhere = open_cgroup("00000000", "b" * 64)
    elsewhere.create({})
    elsewhere.add(process.pid)
    assert elsewhere.pids() == [process.pid]
    assert cgroup.pids() == []
    assert elsewhere.kill() == []
    elsewhere.remove()
    assert not elsewhere.exists()


def test_remove_leaves_nothing_and_takes_its_parent(cgroup: Cgroup) -> None:
    cgroup.create({})
    parents = [os.path.dirname(cgroup.path(name) or "") for name in ("memory", "cpu", "cgroup")]
    cgroup.remove()
    assert not cgroup.exists()
    assert not any(os.path.exists(parent) for parent in parents if parent)


def test_remove_waits_for_the_dying(cgroup: Cgroup, start: Start) -> None:
    """Fails without the retry: the killed process is still there for a moment."""
    cgroup.create({})
    process = start(cgroup, HOLD, str(64 * MB))
    hold(process)
    os.kill(process.pid, 9)
    cgroup.remove()
    assert not cgroup.exists()


def test_a_strict_umask_does_not_shut_it(cgroup: Cgroup) -> None:
    """Fails with the mode of mkdir alone: no container's root could mount its cgroup on 6.1."""
    umask = os.umask(0o077)
    try:
        cgroup.create({})
    finally:
        os.umask(umask)
    for name in ("memory", "cpu", "cgroup"):
        if directory := cgroup.path(name):
            for path in (directory, os.path.dirname(directory)):
                assert os.stat(path).st_mode & 0o777 == 0o755


def test_create_starts_from_zero_over_an_empty_leftover(cgroup: Cgroup, start: Start) -> None:
    """Fails if create accepts the old directory: its peak would be inherited."""
    cgroup.create({})
    hold(start(cgroup, HOLD, str(32 * MB)))
    assert cgroup.peak_memory() > 32 * MB
    assert cgroup.kill() == []
    cgroup.create({})
    assert cgroup.peak_memory() < 4 * MB


def test_create_refuses_a_cgroup_in_use(cgroup: Cgroup, start: Start) -> None:
    cgroup.create({})
    start(cgroup, BUSY)
    with pytest.raises(HostError, match="still in use by processes"):
        cgroup.create({})
    assert len(cgroup.pids()) == 1


def test_refused_create_leaves_nothing(cgroup: Cgroup) -> None:
    with pytest.raises(BadSpec, match="cpuset"):
        cgroup.create({"cpu": {"cpus": "4000"}})
    assert not cgroup.exists()


def test_failed_create_leaves_no_parent() -> None:
    """Fails if `make` does not take back the parent when it cannot make the directory."""
    cgroup = Cgroup(find(), f"tuidock-{secrets.token_hex(4)}", "missing/one")
    with pytest.raises(HostError, match="cannot make the cgroup"):
        cgroup.create({})
    for controller in ("memory", "cpu", "cpuset", "io", "cgroup"):
        if directory := cgroup.path(controller):
            assert not os.path.exists(directory.removesuffix("/missing/one"))


# --- memory -------------------------------------------------------------------------------------


def test_growing_over_a_lowered_limit_is_an_oom_kill(cgroup: Cgroup, start: Start) -> None:
    cgroup.create(_memory(256 * MB))
    process = start(cgroup, HOLD, str(10 * MB))
    hold(process)
    cgroup.apply(_memory(40 * MB))
    assert cgroup.oom_kills() == 0
    assert grow(process, 100 * MB) == b""
    assert process.wait(60) == -9
    assert cgroup.oom_kills() == 1
    assert cgroup.peak_memory() <= 40 * MB


def test_limit_below_what_is_held_acts_at_once(cgroup: Cgroup, start: Start) -> None:
    """Fails without `squeeze`: v1 refuses with EBUSY and a process that only holds lives on."""
    cgroup.create(_memory(256 * MB))
    process = start(cgroup, HOLD, str(100 * MB))
    hold(process)
    cgroup.apply(_memory(40 * MB))
    assert process.wait(60) == -9
    assert cgroup.oom_kills() == 1
    assert _limit(cgroup) == 40 * MB


def test_the_squeezed_one_is_not_the_caller(cgroup: Cgroup, start: Start) -> None:
    """The thread that overcharges comes home, and a second process is not killed for nothing.

    On v2 the kernel chooses alone, and on a slow machine it chooses again too soon (seen on 6.1).
    """
    before = read("/proc/self/cgroup")
    cgroup.create(_memory(256 * MB))
    small, big = start(cgroup, HOLD, str(MB)), start(cgroup, HOLD, str(150 * MB))
    hold(small)
    hold(big)
    cgroup.apply(_memory(60 * MB))
    assert big.wait(60) == -9
    if cgroup.version("memory") == 1:
        assert cgroup.pids() == [small.pid]
    assert read("/proc/self/cgroup") == before


def test_cache_is_reclaimed_rather_than_processes_killed(
    cgroup: Cgroup, start: Start, tmp_path: object
) -> None:
    cgroup.create(_memory(512 * MB))
    path = f"{tmp_path}/file"
    code = f"""
import os, time
with open({path!r}, "wb") as file:
    for _ in range(64): file.write(bytes(1 << 20))
    file.flush(); os.fsync(file.fileno())
print("ready", flush=True)
time.sleep(60)
"""
    process = start(cgroup, code)
    hold(process)
    cgroup.apply(_memory(20 * MB))
    assert _limit(cgroup) == 20 * MB
    assert cgroup.oom_kills() == 0
    assert cgroup.pids() == [process.pid]


@pytest.mark.parametrize(
    "steps",
    [
        [(50, 100), (200, 400), (20, 40), (150, 150), (10, 300), (300, 300)],
        [(50, -1), (20, 20), (100, -1), (-1, -1), (30, 60)],
    ],
)
def test_memory_and_swap_move_in_an_order_the_kernel_takes(
    cgroup: Cgroup, steps: list[tuple[int, int]]
) -> None:
    """Fails when either file is always written first: v1 wants memory <= memory+swap."""
    cgroup.create({})
    for limit, swap in steps:
        sizes = [value * MB if value > 0 else value for value in (limit, swap)]
        cgroup.apply({"memory": {"limit": sizes[0], "swap": sizes[1]}})
        if cgroup.version("memory") == 1 and swap > 0:
            assert read(f"{cgroup.path('memory')}/memory.memsw.limit_in_bytes") == str(sizes[1])
        if limit > 0:
            assert _limit(cgroup) == sizes[0]


def test_a_refused_value_restores_all_that_was(cgroup: Cgroup) -> None:
    cgroup.create(_memory(64 * MB))
    with pytest.raises(BadSpec, match=r"refuses cpus=4000.*cpuset\.cpus"):
        cgroup.apply({**_memory(32 * MB), "cpu": {"quota": 5000, "cpus": "4000"}})
    assert _limit(cgroup) == 64 * MB
    directory = cgroup.path("cpu")
    if cgroup.version("cpu") == 1:
        assert read(f"{directory}/cpu.cfs_quota_us") == "-1"
    else:
        assert read(f"{directory}/cpu.max").startswith("max")


def test_what_is_left_out_is_unlimited_again(cgroup: Cgroup) -> None:
    cgroup.create({**_memory(64 * MB), "pids": {"limit": 10}, "cpu": {"quota": 5000, "cpus": "0"}})
    cgroup.apply({})
    assert read(f"{cgroup.path('pids')}/pids.max") == "max"
    if cgroup.version("memory") == 1:
        assert _limit(cgroup) > 1 << 60
        parent = os.path.dirname(cgroup.path("cpuset") or "")
        assert read(f"{cgroup.path('cpuset')}/cpuset.cpus") == read(f"{parent}/cpuset.cpus")
    else:
        assert read(f"{cgroup.path('memory')}/memory.max") == "max"


# --- cpu ------------------------------------------------------------------------------------------


def test_quota_is_felt_at_once_by_a_running_process(cgroup: Cgroup, start: Start) -> None:
    cgroup.create({})
    process = start(cgroup, BUSY)
    until(lambda: _cpu_seconds(process.pid) > 0.05)
    assert _throttled(cgroup) == 0
    cgroup.apply({"cpu": {"quota": 5000, "period": 100_000}})
    until(lambda: _throttled(cgroup) > 0)
    used, since = _cpu_seconds(process.pid), time.monotonic()
    until(lambda: _throttled(cgroup) > 10)
    assert (_cpu_seconds(process.pid) - used) / (time.monotonic() - since) < 0.12
    cgroup.apply({})
    used, throttled = _cpu_seconds(process.pid), _throttled(cgroup)
    until(lambda: _cpu_seconds(process.pid) > used + 0.3)
    assert _throttled(cgroup) <= throttled + 1


def test_cpuset_confines_a_running_process(cgroup: Cgroup, start: Start) -> None:
    cgroup.create({})
    process = start(cgroup, BUSY)
    cgroup.apply({"cpu": {"cpus": "0"}})
    until(lambda: os.sched_getaffinity(process.pid) == {0})


# --- freezing, killing ---------------------------------------------------------------------------


@pytest.mark.parametrize("version", FREEZERS)
def test_frozen_means_not_a_cycle(new_cgroup, start: Start, version: int) -> None:  # type: ignore[no-untyped-def]
    cgroup = new_cgroup(hierarchies_of(version))
    cgroup.create({})
    process = start(cgroup, BUSY)
    until(lambda: _cpu_seconds(process.pid) > 0.02)
    assert not cgroup.frozen()
    cgroup.freeze()
    used = _cpu_seconds(process.pid)
    assert cgroup.frozen()
    for _ in range(50):
        os.sched_yield()
    assert _cpu_seconds(process.pid) == used
    cgroup.thaw()
    until(lambda: _cpu_seconds(process.pid) > used)


@pytest.mark.parametrize("version", FREEZERS)
def test_a_fork_bomb_within_its_pids_limit_is_killed_whole(  # type: ignore[no-untyped-def]
    new_cgroup, start: Start, version: int
) -> None:
    """Fails with a plain kill of a list of pids: the children of meanwhile survive.

    Also frozen, as paused containers are when they are killed.
    """
    hierarchies = hierarchies_of(version)
    if version == 2:
        hierarchies = [
            *(each for each in hierarchies_of(1) if "pids" in each.controllers),
            *hierarchies,
        ]
    cgroup = new_cgroup(hierarchies)
    cgroup.create({"pids": {"limit": 40}})
    bomb = start(cgroup, BOMB)
    until(lambda: len(cgroup.pids()) >= 35)
    assert len(cgroup.pids()) <= 40
    begun = time.monotonic()
    assert cgroup.kill() == []
    assert time.monotonic() - begun < 30
    assert bomb.wait(60) == -9
    assert cgroup.pids() == []


@pytest.mark.parametrize("version", FREEZERS)
def test_a_frozen_cgroup_can_be_killed(new_cgroup, start: Start, version: int) -> None:  # type: ignore[no-untyped-def]
    cgroup = new_cgroup(hierarchies_of(version))
    cgroup.create({})
    process = start(cgroup, BUSY)
    until(lambda: cgroup.pids() == [process.pid])
    cgroup.freeze()
    assert cgroup.kill() == []
    assert process.wait(60) == -9


if "pids" in HERE:

    def test_kill_without_freezer_or_v2_outruns_the_processes(new_cgroup, start: Start) -> None:  # type: ignore[no-untyped-def]
        """Fails when the list of pids is killed once: the bomb forks on."""
        cgroup = new_cgroup([each for each in hierarchies_of(1) if "pids" in each.controllers])
        cgroup.create({"pids": {"limit": 60}})
        start(cgroup, BOMB)
        until(lambda: len(cgroup.pids()) == 60)
        assert cgroup.kill() == []
        assert cgroup.pids() == []
        with pytest.raises(Unsupported, match="freezer"):
            cgroup.freeze()


# --- gone, or never there --------------------------------------------------------------------


def test_of_a_cgroup_that_is_gone_everything_is_zero(cgroup: Cgroup) -> None:
    assert cgroup.pids() == []
    assert cgroup.oom_kills() == 0
    assert cgroup.peak_memory() == 0
    assert not cgroup.frozen()
    assert cgroup.kill() == []
    cgroup.remove()


if FREEZERS == [1, 2]:

    def test_half_of_a_cgroup_can_still_be_killed_and_removed(cgroup: Cgroup, start: Start) -> None:
        """A crash within `create` or `remove`. Fails if only v2 is asked who is in."""
        cgroup.create({})
        process = start(cgroup, BUSY)
        with open(f"{os.path.dirname(cgroup.path('cgroup') or '')}/cgroup.procs", "w") as file:
            file.write(str(process.pid))
        os.rmdir(cgroup.path("cgroup") or "")
        assert cgroup.pids() == [process.pid]
        cgroup.freeze()
        assert cgroup.frozen()
        assert cgroup.kill() == []
        cgroup.remove()
        assert not cgroup.exists()


def test_children_made_by_a_privileged_container_are_removed_with_it(cgroup: Cgroup) -> None:
    cgroup.create({})
    for name in ("memory", "cgroup"):
        if directory := cgroup.path(name):
            os.makedirs(f"{directory}/inner/most", exist_ok=True)
    cgroup.remove()
    assert not cgroup.exists()
