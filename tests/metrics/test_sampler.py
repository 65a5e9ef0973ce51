"""Samples of real processes in real cgroups, held against /proc and the cgroup's own files."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import root_only
from tests.cgroups.conftest import BUSY, HOLD, Start, grow, hierarchies_of, hold
from tests.metrics.conftest import New
from tests.waiting import until
from tuidock.engine import journal
from tuidock.engine.cgroups.cgroup import Cgroup
from tuidock.engine.cgroups.files import counter, read
from tuidock.engine.layout import Layout
from tuidock.engine.metrics import sampler as sampler_module
from tuidock.engine.metrics.sampler import Sampler
from tuidock.engine.types import Sample

pytestmark = pytest.mark.root(root_only.LIMITS)

ID = "c" * 64
MB = 1 << 20
WAVES = """
import time
while True:
    end = time.monotonic() + 0.03
    while time.monotonic() < end: pass
    time.sleep(0.02)
"""


def _cpu_seconds(pid: int) -> float:
    """utime and stime of one process: schedstat has them in nanoseconds."""
    return int(read(f"/proc/{pid}/schedstat").split()[0]) / 1e9


def _one(sampler: Sampler, pid: int) -> Sample:
    (sample,) = sampler.sample([(ID, pid)])
    return sample


def _memory_files(cgroup: Cgroup) -> tuple[int, int]:
    """(usage, inactive file cache), as the kernel says now."""
    directory = cgroup.path("memory")
    if cgroup.version("memory") == 1:
        usage = int(read(f"{directory}/memory.usage_in_bytes"))
        return usage, counter(f"{directory}/memory.stat", "total_inactive_file")
    usage = int(read(f"{directory}/memory.current"))
    return usage, counter(f"{directory}/memory.stat", "inactive_file")


def test_cpu_agrees_with_proc_within_two_points_over_five_seconds(
    layout: Layout, new_container: New, start: Start
) -> None:
    process = start(new_container(ID), WAVES)
    until(lambda: _cpu_seconds(process.pid) > 0.1)
    sampler = Sampler(layout)
    begun, used = time.monotonic(), _cpu_seconds(process.pid)
    first = _one(sampler, process.pid)
    assert first.cpu == 0.0
    until(lambda: time.monotonic() - begun >= 5)
    expected_used, elapsed = _cpu_seconds(process.pid) - used, time.monotonic() - begun
    second = _one(sampler, process.pid)
    assert abs(second.cpu - expected_used / elapsed) < 0.02
    assert second.cpu == pytest.approx(
        (second.cpu_seconds - first.cpu_seconds) / (second.at - first.at)
    )
    sampler.close()


@pytest.mark.cgroup2
def test_memory_is_what_the_files_say(
    layout: Layout, new_container: New, start: Start, tmp_path: Path
) -> None:
    """A frozen process, so that two looks see the same; file cache stays out of `memory`."""
    cgroup = new_container(ID, memory={"limit": 256 * MB, "swap": 512 * MB})
    code = f"""
import mmap, time
block = mmap.mmap(-1, 30 << 20)
for offset in range(0, len(block), 4096): block[offset] = 1
with open({str(tmp_path / "file")!r}, "wb") as file: file.write(bytes(20 << 20))
print("ready", flush=True)
time.sleep(100)
"""
    process = start(cgroup, code)
    hold(process)
    cgroup.freeze()
    sampler = Sampler(layout)
    # The kernel folds its per-CPU counts lazily; take a look during which nothing moved.
    for _ in range(200):
        before = _memory_files(cgroup)
        sample = _one(sampler, process.pid)
        if _memory_files(cgroup) == before:
            break
        time.sleep(0.05)
    assert sample.memory == before[0] - before[1]
    assert 30 * MB < sample.memory < 60 * MB
    assert sample.memory_cache >= 19 * MB
    assert 29 * MB <= sample.memory_shared <= sample.memory_cache, "the block has no disk to go to"
    assert sample.memory_limit == 256 * MB
    assert sample.memory_peak >= 50 * MB
    sampler.close()


@pytest.mark.cgroup2
def test_limits_and_kills_are_seen(layout: Layout, new_container: New, start: Start) -> None:
    cgroup = new_container(ID, pids={"limit": 7})
    keeper, victim = start(cgroup, HOLD, str(MB)), start(cgroup, HOLD, str(MB))
    hold(keeper)
    hold(victim)
    sampler = Sampler(layout)
    sample = _one(sampler, keeper.pid)
    assert (sample.memory_limit, sample.cpu_limit, sample.pids_limit) == (None, None, 7)
    assert (sample.pids, sample.oom_kills) == (2, 0)
    cgroup.apply(
        {"memory": {"limit": 40 * MB, "swap": 80 * MB}, "cpu": {"quota": 25_000, "period": 50_000}}
    )
    assert grow(victim, 100 * MB) == b""
    victim.wait()
    sample = _one(sampler, keeper.pid)
    assert (sample.memory_limit, sample.cpu_limit, sample.pids_limit) == (40 * MB, 0.5, None)
    assert (sample.pids, sample.oom_kills) == (1, 1)
    assert sample.memory_failures > 0
    assert sample.memory_anon >= MB
    sampler.close()


def _quiet(sampler: Sampler, pid: int) -> Sample:
    """The first sample that is the one before it, but for its time."""

    def settled() -> bool:
        return _one(sampler, pid)._replace(at=0.0) == _one(sampler, pid)._replace(at=0.0)

    until(settled)
    return _one(sampler, pid)


@pytest.mark.cgroup2
def test_who_does_nothing_costs_few_reads(
    layout: Layout, new_container: New, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most of what fifty idle containers cost. Fails without `_kept`, and without `_all_rest`."""
    monkeypatch.setattr(sampler_module, "QUIET", 1000.0)
    process = start(new_container(ID), "import time; print('ready', flush=True); time.sleep(100)")
    hold(process)
    sampler = Sampler(layout)
    before = _quiet(sampler, process.pid)
    for name in ("memory_v1", "memory_v2"):
        monkeypatch.setattr(sampler_module.counters, name, None)
    monkeypatch.setattr(sampler_module._Meter, "sample", None)
    after = _one(sampler, process.pid)
    assert after == before._replace(at=after.at)
    assert after.at > before.at
    sampler.close()


@pytest.mark.cgroup2
def test_a_limit_of_one_who_does_nothing_is_seen_at_once(
    layout: Layout, new_container: New, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each kind by itself, with its event. Fails when its file is not among `_SIGNS`, and without
    the journal in `_rest`.
    """
    monkeypatch.setattr(sampler_module, "QUIET", 1000.0)
    cgroup = new_container(ID)
    process = start(cgroup, "import time; print('ready', flush=True); time.sleep(100)")
    hold(process)
    sampler = Sampler(layout)
    _quiet(sampler, process.pid)
    limits: dict[str, dict[str, int]] = {"memory": {"limit": 40 * MB}}
    cgroup.apply(limits)
    journal.append(layout, "container", "update", ID, "still")
    assert _quiet(sampler, process.pid).memory_limit == 40 * MB
    limits["cpu"] = {"quota": 25_000, "period": 50_000}
    cgroup.apply(limits)
    journal.append(layout, "container", "update", ID, "still")
    assert _quiet(sampler, process.pid).cpu_limit == 0.5
    cgroup.apply({**limits, "pids": {"limit": 7}})
    journal.append(layout, "container", "update", ID, "still")
    assert _quiet(sampler, process.pid).pids_limit == 7
    sampler.close()


def test_work_after_a_rest_is_not_spread_over_the_rest(
    layout: Layout, new_container: New, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails when a kept sample does not move the time that the next rate counts from."""
    monkeypatch.setattr(sampler_module, "QUIET", 1000.0)
    code = "print('ready', flush=True); input()\nwhile True: pass"
    process = start(new_container(ID), code)
    hold(process)
    sampler = Sampler(layout)
    rested = _quiet(sampler, process.pid)
    until(lambda: _one(sampler, process.pid).at > rested.at + 3)
    assert process.stdin is not None
    process.stdin.write(b"go\n")
    process.stdin.flush()
    began = time.clock_gettime(time.CLOCK_BOOTTIME)
    used = _cpu_seconds(process.pid)
    until(lambda: time.clock_gettime(time.CLOCK_BOOTTIME) > began + 0.5)
    sample = _one(sampler, process.pid)
    used = _cpu_seconds(process.pid) - used
    assert sample.cpu > 0.5 * used / (sample.at - began)
    sampler.close()


def test_running_tells_who_has_not_ended(layout: Layout, new_container: New, start: Start) -> None:
    """At once, whether or not the cgroup is still there."""
    process = start(new_container(ID), BUSY)
    sampler = Sampler(layout)
    _one(sampler, process.pid)
    assert sampler.running() == {ID: process.pid}
    process.kill()
    until(lambda: not sampler.running())
    process.communicate()
    sampler.close()


def test_throttling_is_the_share_of_time_held_back(
    layout: Layout, new_container: New, start: Start
) -> None:
    cgroup = new_container(ID, cpu={"quota": 10_000, "period": 100_000})
    process = start(cgroup, BUSY)
    sampler = Sampler(layout)
    assert _one(sampler, process.pid).throttled == 0.0
    begun = time.monotonic()
    until(lambda: time.monotonic() - begun > 1.5)
    sample = _one(sampler, process.pid)
    assert 0.3 < sample.throttled <= 1.0  # less than 0.9 where others want the processor too
    assert 0 < sample.throttled_periods <= sample.periods
    assert sample.throttled_seconds > 0.3
    assert sample.cpu < 0.2
    sampler.close()


def test_pressure_says_whose_it_is(
    layout: Layout, new_container: New, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a v2 directory only the host's is told, and not as the container's."""
    process = start(new_container(ID), BUSY)
    sampler = Sampler(layout)
    assert _one(sampler, process.pid).pressure_of == "container"
    sampler.close()
    alone = Cgroup(hierarchies_of(1), f"tuidock-{layout.tag}", ID)
    monkeypatch.setattr(sampler_module, "reach_cgroup", lambda *_: alone)
    assert _one(sampler, process.pid).pressure_of == "host"
    sampler.close()


def test_a_second_look_at_once_keeps_the_rate(
    layout: Layout, new_container: New, start: Start
) -> None:
    """Fails without SPAN: two screens that sample together would see noise."""
    process = start(new_container(ID), BUSY)
    sampler = Sampler(layout)
    first = _one(sampler, process.pid)
    until(lambda: time.clock_gettime(time.CLOCK_BOOTTIME) > first.at + sampler_module.SPAN)
    rate = _one(sampler, process.pid).cpu
    assert rate > 0
    assert _one(sampler, process.pid).cpu == rate
    sampler.close()


def test_network_is_the_containers_own(layout: Layout, new_container: New, start: Start) -> None:
    """lo does not count, nor does the host's traffic when the host's network is used."""
    code = """
import ctypes, fcntl, socket, struct
ctypes.CDLL(None).unshare(0x40000000)
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fcntl.ioctl(sock, 0x8914, struct.pack("16sH14x", b"lo", 1))
sock.sendto(bytes(1000), ("127.0.0.1", 9))
print("ready", flush=True)
import time; time.sleep(100)
"""
    own, shared = start(new_container(ID), code), start(new_container("d" * 64), BUSY)
    hold(own)
    assert "lo:" in read(f"/proc/{own.pid}/net/dev")
    sampler = Sampler(layout)
    samples = sampler.sample([(ID, own.pid), ("d" * 64, shared.pid)])
    assert [(each.network_rx, each.network_tx) for each in samples] == [(0, 0), (0, 0)]
    sampler.close()


def test_the_sampler_keeps_no_network_alive(
    layout: Layout, new_container: New, start: Start
) -> None:
    """Fails with an open file of /proc/PID/net: it would hold the veth of a dead container."""
    process = start(new_container(ID), BUSY)
    sampler = Sampler(layout)
    _one(sampler, process.pid)
    held = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if _open(fd)]
    assert any("tuidock" in path for path in held)
    assert not [path for path in held if path.endswith("/net/dev")]
    sampler.close()


def _open(fd: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{fd}")


def test_the_gone_are_dropped_and_the_restarted_begin_anew(
    layout: Layout, new_container: New, start: Start
) -> None:
    before = len(os.listdir("/proc/self/fd"))
    cgroup = new_container(ID)
    process = start(cgroup, BUSY)
    sampler = Sampler(layout)
    assert _one(sampler, process.pid).cpu_seconds >= 0
    cgroup.kill()
    process.wait()
    cgroup.remove()
    assert sampler.sample([(ID, process.pid)]) == []
    cgroup.create({})
    again = start(cgroup, BUSY)
    assert _one(sampler, again.pid).cpu == 0.0
    assert sampler.sample([]) == []
    again.kill()
    again.communicate()
    process.communicate()
    assert len(os.listdir("/proc/self/fd")) <= before


def test_a_further_sample_opens_nothing(layout: Layout, new_container: New, start: Start) -> None:
    """What keeps twenty containers at 1.2 ms: files are read anew, not opened anew."""
    keys = []
    for number in range(3):
        name = f"{number:064x}"
        keys.append((name, start(new_container(name), "import time; time.sleep(100)").pid))
    sampler = Sampler(layout)
    sampler.sample(keys)
    opened: list[object] = []
    watching = True

    def audit(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event == "open":
            opened.append(arguments[0])

    sys.addaudithook(audit)
    assert len(sampler.sample(keys)) == 3
    watching = False
    sampler.close()
    assert opened == []


def test_sampling_imports_nothing_of_the_interface() -> None:
    code = (
        "import sys, tuidock.engine.metrics.sampler\n"
        "sys.exit(' '.join({'asyncio', 'textual', 'rich', 'subprocess'} & set(sys.modules)) or 0)"
    )
    environment = {"PYTHONPATH": os.getcwd()}
    subprocess.run([sys.executable, "-S", "-c", code], check=True, env=environment)
