"""What a container is doing, when that changes while it is looked at."""

from __future__ import annotations

import os
import time

import pytest

from tuidock.engine.layout import Layout
from tuidock.engine.linux.proc import boot_id, start_time
from tuidock.engine.runtime import state
from tuidock.engine.types import Status

BOX = "a" * 64


def run(pid: int, status: str, monitor: list[int]) -> dict[str, object]:
    born = start_time(pid) if pid else 0
    return {"status": status, "pid": pid, "starttime": born, "started": time.time(),
            "boot_id": boot_id(), "restarts": 1, "pause": 0.1, "monitor": monitor,
            "freezer": ""}  # fmt: skip


def test_a_monitor_that_hands_over_meanwhile_leaves_no_gap(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at its state and that at itself. Seen to fail (`exited`) without the
    second look.
    """
    for directory in (layout.run(BOX), layout.container(BOX)):
        os.makedirs(directory)
    me = [os.getpid(), start_time(os.getpid())]
    state.write_state(layout, BOX, run(0, "restarting", me))
    look = state._watched

    def hand_over(seen: dict[str, object]) -> bool:
        monkeypatch.setattr(state, "_watched", look)
        state.write_state(layout, BOX, run(os.getpid(), "running", me))
        return False

    monkeypatch.setattr(state, "_watched", hand_over)
    assert state.read_state(layout, BOX).status is Status.RUNNING


def test_between_two_runs_nothing_is_ended(layout: Layout) -> None:
    """Seen to fail (`Invalid argument`) without the test for 0."""
    for directory in (layout.run(BOX), layout.container(BOX)):
        os.makedirs(directory)
    between = run(0, "restarting", [0, 0]) | {"starttime": 1}
    state.write_state(layout, BOX, between)
    state.end_unseen(layout, BOX)
