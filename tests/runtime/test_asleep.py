"""Monitors to whose containers nothing happens."""

from __future__ import annotations

import signal

import pytest

from tests import root_only
from tests.runtime.conftest import Box, collect, until
from tests.runtime.test_foreign import detached
from tests.runtime.test_monitor import memory_kb
from tests.runtime.test_probing import checked
from tuidock.engine.containers.runtimes import find
from tuidock.engine.runtime import health
from tuidock.engine.runtime.state import read_exit, read_run

CONMON = 330
"""Kilobytes that Debian's conmon has of its own."""


def own_kb(pid: int) -> int:
    return memory_kb(pid, "Private_Dirty") + memory_kb(pid, "Private_Clean")


def monitor_of(box: Box, container: str) -> int:
    return int(read_run(box.layout, container)["monitor"][0])


def asleep(box: Box, container: str) -> int:
    """Its monitor, once that has given its memory back."""
    pid = monitor_of(box, container)
    until(lambda: own_kb(pid) < CONMON)
    return pid


def test_a_monitor_asleep_is_smaller_than_conmon(box: Box) -> None:
    """0.14 to 0.16 MB was measured with its black box, half of conmon's, and 0.17 MB where the
    launcher has to compile its modules first. Fails without `ground.lay`.
    """
    monitors = [monitor_of(box, box.detached("sleep", "1000")) for _ in range(3)]
    until(lambda: max(map(own_kb, monitors)) < 220)


def test_it_wakes_up_for_whatever_comes(box: Box) -> None:
    """Fails if a word of what was given back is not what it was."""
    container = box.detached(
        "sh", "-c", "trap 'echo bye; exit 7' TERM; while :; do sleep 0.1; done"
    )
    pid = asleep(box, container)
    assert collect(box.exec(container, "echo", "alive"))["stdout"] == b"alive\n"
    assert own_kb(pid) > CONMON
    asleep(box, container)
    line = box.monitor(container).attach()
    box.monitor(container).signal(signal.SIGTERM)
    assert collect(line)["stdout"] == b"bye\n"
    ended = read_exit(box.layout, container)
    assert ended
    assert (ended.code, box.log(container)[-5:]) == (7, " bye\n")


def test_a_foreground_client_keeps_nobody_awake(box: Box) -> None:
    """Fails if the monitor looks every second for clients that stall when none does."""
    container = box.create("sh", "-c", "read word; echo $word", stdin=True)
    line = box.start(container)
    asleep(box, container)
    line.write(b"alive\n")
    assert collect(line)["stdout"] == b"alive\n"


def test_a_successor_sleeps_too(box: Box) -> None:
    container = box.detached("sleep", "1000")
    asleep(box, container)
    box.kill_monitor(container)
    asleep(box, container)
    box.monitor(container).signal(signal.SIGKILL)
    until(lambda: read_exit(box.layout, container))


def test_it_sleeps_between_probes(box: Box) -> None:
    """And wakes up for the next."""
    container = checked(box, "echo looked", interval=5)
    asleep(box, container)

    def found() -> tuple[health.Probe, ...]:
        look = health.read(box.layout, container)
        return look.log if look else ()

    first = len(found())
    until(lambda: len(found()) > first)
    assert found()[-1].output == "looked\n"


@pytest.mark.root(root_only.RUNTIMES)
def test_who_handles_signals_stays_awake(box: Box) -> None:
    """A handler would run in the memory of another time. Fails if a monitor of another runtime's
    container, which must know whenever any child ends, waits like all others.
    """
    others, own = detached(box, find("crun"), "sleep", "1000"), box.detached("sleep", "1000")
    assert _handled(asleep(box, own)) == 0
    watching = monitor_of(box, others)  # it has had longer to fall asleep
    assert _handled(watching) == 1 << signal.SIGCHLD - 1
    assert own_kb(watching) > CONMON


def _handled(pid: int) -> int:
    """The signals that it has handlers for, as bits."""
    with open(f"/proc/{pid}/status") as file:
        line = next(line for line in file if line.startswith("SigCgt"))
    return int(line.split()[1], 16)
