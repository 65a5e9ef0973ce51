"""The past of a container in columns: its black box, and behind it what was measured since.

Pure functions from the World. Invariant: times are of the clock on the wall, in order; no moment
is told twice.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from tuidock.engine.events import Event
from tuidock.engine.types import ExitRecord, History, Sample
from tuidock.widgets.limits_measures import series
from tuidock.world import World

_SEAM = 0.5
"""Seconds before the first measurement in which the black box has nothing to add."""


class Past(NamedTuple):
    """Columns of one length, oldest first."""

    at: Sequence[float] = ()
    cpu: Sequence[float] = ()
    memory: Sequence[float] = ()
    traffic: Sequence[float] = ()
    """Bytes a second, in and out together."""
    pids: Sequence[int] = ()


def past(world: World, container_id: str, since: float) -> Past:
    """What is known of a container from a moment on."""
    box = world.histories.get(container_id, History(container_id))
    live = world.samples.get(container_id, ())
    at = [sample.at + world.skew for sample in live]
    last = world.containers.get(container_id)
    if last is not None and last.exit is not None and last.exit.oom_killed:
        return _to_its_peak(_joined(box, live, at, since), last.exit)
    return _joined(box, live, at, since)


def _to_its_peak(found: Past, ended: ExitRecord) -> Past:
    """The kernel killed it for what it had in that moment, which no record shows."""
    if not found.at or not ended.peak_memory or found.at[-1] >= ended.at:
        return found
    return Past(
        [*found.at, ended.at],
        [*found.cpu, found.cpu[-1]],
        [*found.memory, float(ended.peak_memory)],
        [*found.traffic, found.traffic[-1]],
        [*found.pids, found.pids[-1]],
    )


def _joined(box: History, live: Sequence[Sample], at: Sequence[float], since: float) -> Past:
    low = bisect_left(box.at, since)
    high = bisect_left(box.at, at[0] - _SEAM) if at else len(box.at)
    part = slice(low, max(low, high))
    traffic = [sum(each) for each in zip(box.received[part], box.sent[part], strict=True)]
    return Past(
        [*box.at[part], *at],
        [*box.cpu[part], *(sample.cpu for sample in live)],
        [*map(float, box.memory[part]), *(float(sample.memory) for sample in live)],
        [*traffic, *_traffic(live)],
        [*box.pids[part], *(sample.pids for sample in live)],
    )


def told_of(
    world: World, container_id: str, measure: str, columns: Past
) -> tuple[Sequence[float], Sequence[float]]:
    """Times and values of one thing that a limit bounds; not all of them are in a black box."""
    if measure in ("cpu", "memory", "pids"):
        return columns.at, [float(value) for value in getattr(columns, measure)]
    live = world.samples.get(container_id, ())
    return [sample.at + world.skew for sample in live], series(live, measure)


def _traffic(live: Sequence[Sample]) -> list[float]:
    """Rates between samples; the first has none before it."""
    if not live:
        return []
    rates = [0.0]
    for before, now in pairwise(live):
        moved = now.network_rx - before.network_rx + now.network_tx - before.network_tx
        elapsed = now.at - before.at
        rates.append(moved / elapsed if elapsed > 0 and moved > 0 else 0.0)
    return rates


def events(world: World, container_id: str) -> list[Event]:
    """What happened to it: from the journal, and what was heard since."""
    known = list(world.histories.get(container_id, History(container_id)).events)
    last = known[-1].at if known else 0.0
    return known + [each for each in world.events if each.id == container_id and each.at > last]
