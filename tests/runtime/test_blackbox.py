"""The black boxes of real containers: filled by monitors asleep, kept by their successors."""

from __future__ import annotations

import os
import signal

import pytest

from tests import root_only
from tests.runtime.conftest import Box, collect
from tests.runtime.test_asleep import CONMON, asleep, monitor_of, own_kb
from tests.runtime.test_foreign import detached
from tests.waiting import until
from tuidock.engine.blackbox import reader
from tuidock.engine.containers.runtimes import find
from tuidock.engine.runtime.state import read_exit
from tuidock.engine.types import History, Limits

pytestmark = pytest.mark.root(root_only.LIMITS)
MIB = 1 << 20


def history(box: Box, container: str) -> History:
    return reader.read(box.layout.samples(container), container)


def recorded(box: Box, container: str, count: int) -> History:
    """Once there are so many records."""
    until(lambda: len(history(box, container).at) >= count)
    return history(box, container)


def woken(pid: int) -> int:
    """How often a process has given up the processor of itself."""
    with open(f"/proc/{pid}/status") as file:
        line = next(line for line in file if line.startswith("voluntary_ctxt"))
    return int(line.split()[1])


def processor_ms(pid: int) -> float:
    with open(f"/proc/{pid}/schedstat") as file:
        return int(file.read().split()[0]) / 1e6


def test_a_monitor_records_asleep(box: Box) -> None:
    """Fails if Python has to wake up for a record: that takes some milliseconds, and memory."""
    container = box.detached("sh", "-c", "x=$(yes | head -c 20000000); sleep 1000; :")
    recorded(box, container, 2)
    pid = asleep(box, container)
    woke, spent, known = woken(pid), processor_ms(pid), len(history(box, container).at)
    found = recorded(box, container, known + 3)
    assert woken(pid) - woke >= 2
    assert processor_ms(pid) - spent < 3
    assert own_kb(pid) < CONMON
    assert max(found.memory) > 10 * MIB
    assert max(found.cpu) < (os.cpu_count() or 1) + 0.5
    assert found.pids[-1] == 2
    assert 1 < found.at[-1] - found.at[-2] < 30


def test_what_it_does_is_seen(box: Box) -> None:
    """And what its quota kept it from."""
    limits = Limits(cpus=0.1)
    container = box.detached("sh", "-c", "while :; do :; done", limits=limits)
    found = recorded(box, container, 4)
    assert 0.02 < max(found.cpu) < 0.3
    assert found.cpu[0] == 0.0
    until(lambda: max(history(box, container).throttled) > 0)


def test_its_successor_goes_on(box: Box) -> None:
    """One run, whoever watched it. Fails if a successor begins a new one, or does not record."""
    container = box.detached("sleep", "1000")
    before = recorded(box, container, 2)
    box.kill_monitor(container)
    found = recorded(box, container, len(before.at) + 2)
    assert list(found.at[: len(before.at)]) == list(before.at)
    assert len(found.starts) == 1
    asleep(box, container)


def test_it_is_there_after_the_end_and_goes_on_in_the_next_run(box: Box) -> None:
    container = box.detached("sleep", "1000")
    recorded(box, container, 2)
    box.monitor(container).signal(signal.SIGKILL)
    until(lambda: read_exit(box.layout, container))
    kept = history(box, container)
    assert len(kept.at) >= 2
    line = box.start(container)
    found = recorded(box, container, len(kept.at) + 2)
    assert list(found.at[: len(kept.at)]) == list(kept.at)
    assert len(found.starts) == 2
    box.monitor(container).signal(signal.SIGKILL)
    collect(line)


def test_a_torn_file_is_mended_by_the_next_run(box: Box) -> None:
    container = box.create("sleep", "1000")
    with open(box.layout.samples(container), "wb") as file:
        file.write(os.urandom(3 * MIB))
    line = box.start(container)
    found = recorded(box, container, 2)
    assert os.stat(box.layout.samples(container)).st_size < 1000
    assert found.at[0] > os.stat(box.layout.container(container)).st_ctime - 60
    box.monitor(container).signal(signal.SIGKILL)
    collect(line)


def test_a_black_box_that_cannot_be_written_harms_nobody(box: Box) -> None:
    """Fails if what the monitor meets there ends it."""
    container = box.create("sh", "-c", "sleep 2; exit 7")
    os.mkdir(box.layout.samples(container))
    line = box.start(container)
    pid = monitor_of(box, container)
    collect(line)
    assert line.exit_code == 7
    assert history_is_refused(box, container)
    assert pid


def history_is_refused(box: Box, container: str) -> bool:
    try:
        history(box, container)
    except IsADirectoryError:
        return True
    return False


@pytest.mark.root(root_only.RUNTIMES)
def test_who_stays_awake_records_too(box: Box) -> None:
    """A monitor of another runtime's container never sleeps."""
    container = detached(box, find("crun"), "sleep", "1000")
    found = recorded(box, container, 3)
    assert len(found.starts) == 1
