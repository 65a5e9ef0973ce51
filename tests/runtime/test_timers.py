"""Timers by themselves: order, once only, cancelled means never."""

from __future__ import annotations

import os
import select
import time

import pytest

from tuidock.engine.runtime.timers import Timers


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The one number in it is the time."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_calls_come_in_order_of_time_and_once(clock: list[float]) -> None:
    timers = Timers()
    called: list[str] = []
    timers.after(2, lambda: called.append("second"))
    timers.after(1, lambda: called.append("first"))
    timers.after(9, lambda: called.append("last"))
    timers.run()
    assert called == []
    clock[0] += 3
    timers.run()
    timers.run()
    assert called == ["first", "second"]


def test_patience_is_rounded_up_so_that_a_call_is_due_when_poll_returns(clock: list[float]) -> None:
    timers = Timers()
    assert timers.patience() is None
    timers.after(0.0101, lambda: None)
    assert timers.patience() == 11
    clock[0] += 5
    assert timers.patience() == 0


def test_a_call_can_cancel_one_that_is_due_at_the_same_moment(clock: list[float]) -> None:
    """Fails when `run` goes through a copy without looking again."""
    timers = Timers()
    called: list[str] = []
    second = timers.after(2, lambda: called.append("second"))
    timers.after(1, lambda: timers.cancel(second))
    clock[0] += 3
    timers.run()
    timers.cancel(second)
    assert called == []
    assert timers.patience() is None


def test_a_call_can_ask_for_another(clock: list[float]) -> None:
    timers = Timers()
    timers.after(1, lambda: timers.after(1, lambda: None))
    clock[0] += 1
    timers.run()
    assert timers.patience() == 1000


def test_poll_can_wait_for_the_farthest_time(clock: list[float]) -> None:
    """A health check every year. Fails when the patience is not bounded: OverflowError."""
    timers = Timers()
    timers.after(1e9, lambda: None)
    patience = timers.patience()
    assert patience
    reading, writing = os.pipe()
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    os.close(writing)
    assert poll.poll(patience)
    os.close(reading)
    clock[0] += 1e6
    timers.run()
    assert timers.patience() == patience
