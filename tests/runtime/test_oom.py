"""The kernel's kills for want of memory, told from all others, and told at once."""

from __future__ import annotations

import json
import os
import signal
import threading

import pytest

from tests import root_only
from tests.runtime.conftest import Box, collect
from tests.waiting import until
from tuidock.engine.types import Limits, Status

pytestmark = pytest.mark.root(root_only.LIMITS)

SMALL = Limits(memory=16 << 20, memory_swap=16 << 20)


def ooms(box: Box, container: str) -> int:
    if not os.path.exists(box.layout.events):
        return 0
    with open(box.layout.events) as journal:
        events = [json.loads(line) for line in journal]
    return sum(each["action"] == "oom" and each["id"] == container for each in events)


def test_the_first_process_is_the_victim(box: Box) -> None:
    """Fails when only the signal is looked at: `kill` sends the same."""
    container = box.create("tail", "/dev/zero", limits=SMALL)
    line = box.start(container)
    collect(line, 60)
    ended = box.state(container).exit
    assert ended
    assert (line.exit_code, ended.oom_killed) == (137, True)
    assert ended.peak_memory > 8 << 20
    assert ooms(box, container) == 1


def test_a_child_is_the_victim(box: Box) -> None:
    """The event comes while the container runs on; its own end has another reason.

    Seen to fail without the alarm (the event came with the end), and with a flag that asks the
    counter alone.
    """
    script = "tail /dev/zero; echo outlived; trap 'exit 5' TERM; while :; do sleep 0.01; done"
    container = box.detached("sh", "-c", script, limits=SMALL)
    until(lambda: ooms(box, container) == 1)
    assert box.state(container).status is Status.RUNNING
    until(lambda: "outlived" in box.log(container))
    box.monitor(container).signal(signal.SIGTERM)
    ended = box.monitor(container).wait(None)
    assert ended
    assert (ended.code, ended.oom_killed) == (5, False)
    assert ooms(box, container) == 1


def test_a_kill_after_an_oom_is_a_kill(box: Box) -> None:
    """137 both times."""
    container = box.detached("sh", "-c", "tail /dev/zero; sleep 1000", limits=SMALL)
    until(lambda: ooms(box, container) == 1)
    box.monitor(container).signal(signal.SIGKILL)
    ended = box.monitor(container).wait(None)
    assert ended
    assert (ended.code, ended.oom_killed) == (137, False)


def test_a_storm_costs_few_events_and_the_end_is_seen(box: Box) -> None:
    """Whoever runs out of memory again and again is noted a few times a second."""
    script = "trap 'exit 6' TERM; while :; do tail /dev/zero; done"
    container = box.detached("sh", "-c", script, limits=SMALL)
    until(lambda: ooms(box, container) >= 2)
    threading.Event().wait(1)
    assert ooms(box, container) < 20
    box.monitor(container).signal(signal.SIGTERM)
    ended = box.monitor(container).wait(None)
    assert ended
    assert not ended.oom_killed


def test_an_adopted_container_is_heard_too(box: Box) -> None:
    """Fails if only a starter opens the alarm."""
    script = "while [ ! -e /go ]; do sleep 0.01; done; tail /dev/zero; sleep 1000"
    container = box.detached("sh", "-c", script, limits=SMALL)
    box.kill_monitor(container)
    collect(box.exec(container, "touch", "/go"))
    until(lambda: ooms(box, container) == 1)
