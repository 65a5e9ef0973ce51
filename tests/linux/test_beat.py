"""What is to be done at regular times: once for each, and for all processes at the same ones."""

from __future__ import annotations

import os
import select
import time

import pytest

from tests.waiting import until
from tuidock.engine.linux import dozing
from tuidock.engine.linux.beat import Beat


class Clock:
    """A clock that a test turns."""

    def __init__(self, now: float) -> None:
        self.now = now

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock(101.25)
    monkeypatch.setattr("tuidock.engine.linux.beat.time", made)
    return made


def test_all_do_it_at_the_same_times(clock: Clock) -> None:
    """Fails if the times of each process count from its own beginning."""
    first = Beat(2.0, lambda: None)
    clock.now = 101.75
    second = Beat(2.0, lambda: None)
    assert (first.left(), second.left()) == (250, 250)


def test_a_time_that_passed_is_made_up_for_once(clock: Clock) -> None:
    done: list[float] = []
    beat = Beat(2.0, lambda: done.append(clock.now))
    beat.strike()
    assert done == []
    for clock.now in (102.0, 102.5, 109.5, 109.75, 110.0):
        beat.strike()
    assert done == [102.0, 109.5, 110.0]


@pytest.mark.parametrize(
    ("patience", "times"), [(0, 0), (749, 0), (750, 1), (2749, 1), (2750, 2), (1e9, 900)]
)
def test_how_often_in_a_time(clock: Clock, patience: float, times: int) -> None:
    assert Beat(2.0, lambda: None).times(patience) == times
    assert Beat(2.0, lambda: None).times(None) == 900


def test_who_is_awake_does_it_between_two_events() -> None:
    """And is woken by events all the same. Fails if what is to be done is left to events."""
    reader, writer = os.pipe()
    done: list[int] = []
    beat = Beat(0.02, lambda: done.append(0))
    assert dozing.awake({reader: (select.POLLIN, None)}, 200, beat) == []
    assert len(done) >= 2
    os.write(writer, b"x")
    assert dozing.awake({reader: (select.POLLIN, None)}, None, beat) == [(reader, select.POLLIN)]
    os.close(reader)
    os.close(writer)


def test_without_machine_code_for_it_nobody_sleeps_through_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Fails if such a process dozes: address 0 would be called."""
    monkeypatch.setattr(dozing.ground, "areas", [(0, 0)])
    monkeypatch.setattr(dozing, "doze", lambda *_: pytest.fail("it sleeps"))
    monkeypatch.setattr(dozing, "_habit", dozing.Habit())
    dozing._habit.awake = 0
    done: list[int] = []
    beat = Beat(0.02, lambda: done.append(0))
    begin = time.monotonic()
    until(lambda: dozing.wait({}, 1200, beat) == [])
    assert done
    assert time.monotonic() - begin > 1
