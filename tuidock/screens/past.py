"""The past of a container in columns: its black box, and behind it what was measured since.

Pure functions from the World. Invariant: times are of the clock on the wall, in order; no moment
is told twice.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from tuidock.engine.events import Event
from tuidock.engine.types import ExitRecord, History, Sample
from tuidock.widgets.limits_measures import series
from tuidock.world import World

_SEAM = 0.5
"""Seconds before the first measurement in which the black box has nothing to add."""


class Past(NamedTuple):
    """Columns of one length, oldest first; empty are those that nobody asked for."""

    at: Sequence[float] = ()
    cpu: Sequence[float] = ()
    memory: Sequence[float] = ()
    traffic: Sequence[float] = ()
    """Bytes a second, in and out together; so are reads and writes."""
    block: Sequence[float] = ()
    pressure: Sequence[float] = ()
    """Share of the time: the highest of the three, of the container's own."""
    pids: Sequence[float] = ()
    throttled: Sequence[float] = ()
    """Share of the time."""
    read: Sequence[float] = ()
    write: Sequence[float] = ()


EVERY = Past._fields[1:]
_Box = Callable[[History, slice], Iterable[float]]
_Live = Callable[[Sequence[Sample]], Iterable[float]]


def _sums(*columns: Sequence[float]) -> list[float]:
    return [sum(each) for each in zip(*columns, strict=True)]


def _highest(box: History, part: slice) -> list[float]:
    columns = box.pressure_cpu[part], box.pressure_memory[part], box.pressure_io[part]
    return [max(each) / 100 for each in zip(*columns, strict=True)]


def _pressed(sample: Sample) -> float:
    if sample.pressure_of != "container":
        return 0.0
    return max(sample.pressure_cpu, sample.pressure_memory, sample.pressure_io) / 100


_COLUMNS: Mapping[str, tuple[_Box, _Live]] = {
    "cpu": (lambda box, part: box.cpu[part], lambda live: [it.cpu for it in live]),
    "memory": (
        lambda box, part: map(float, box.memory[part]),
        lambda live: [float(it.memory) for it in live],
    ),
    "traffic": (
        lambda box, part: _sums(box.received[part], box.sent[part]),
        lambda live: rates(live, lambda it: it.network_rx + it.network_tx),
    ),
    "block": (
        lambda box, part: _sums(box.read[part], box.written[part]),
        lambda live: rates(live, lambda it: it.block_read + it.block_write),
    ),
    "pressure": (_highest, lambda live: [_pressed(it) for it in live]),
    "pids": (
        lambda box, part: map(float, box.pids[part]),
        lambda live: [float(it.pids) for it in live],
    ),
    "throttled": (
        lambda box, part: box.throttled[part],
        lambda live: [it.throttled for it in live],
    ),
    "read": (
        lambda box, part: box.read[part],
        lambda live: rates(live, lambda it: it.block_read),
    ),
    "write": (
        lambda box, part: box.written[part],
        lambda live: rates(live, lambda it: it.block_write),
    ),
}
"""How each column comes out of a black box, and out of what was measured since."""


def past(world: World, container_id: str, since: float, wanted: Iterable[str] = EVERY) -> Past:
    """What is known of a container from a moment on."""
    box = world.histories.get(container_id, History(container_id))
    live = world.samples.get(container_id, ())
    at = [sample.at + world.skew for sample in live]
    low = bisect_left(box.at, since)
    high = bisect_left(box.at, at[0] - _SEAM) if at else len(box.at)
    part = slice(low, max(low, high))
    columns = {
        name: [*of_box(box, part), *of_live(live)]
        for name in wanted
        for of_box, of_live in (_COLUMNS[name],)
    }
    found = Past([*box.at[part], *at], **columns)
    last = world.containers.get(container_id)
    is_starved = last is not None and last.exit is not None and last.exit.oom_killed
    return _to_its_peak(found, last.exit) if last and last.exit and is_starved else found


def _to_its_peak(found: Past, ended: ExitRecord) -> Past:
    """The kernel killed it for what it had in that moment, which no record shows."""
    if not found.at or not ended.peak_memory or found.at[-1] >= ended.at:
        return found
    longer = {
        name: [*column, column[-1]] for name, column in zip(EVERY, found[1:], strict=True) if column
    }
    if found.memory:
        longer["memory"][-1] = float(ended.peak_memory)
    return found._replace(at=[*found.at, ended.at], **longer)


def told_of(
    world: World, container_id: str, measure: str, columns: Past
) -> tuple[Sequence[float], Sequence[float]]:
    """Times and values of one thing that a limit bounds; not all of them are in a black box."""
    if measure in EVERY:
        return columns.at, getattr(columns, measure)
    live = world.samples.get(container_id, ())
    return [sample.at + world.skew for sample in live], series(live, measure)


def rates(live: Sequence[Sample], count: Callable[[Sample], float]) -> list[float]:
    """What a count grew by a second between samples; the first has none before it."""
    steps = pairwise(live)
    grown = [max(0.0, count(b) - count(a)) / ((b.at - a.at) or 1.0) for a, b in steps]
    return [0.0, *grown] if live else []


def events(world: World, container_id: str) -> list[Event]:
    """What happened to it: from the journal, and what was heard since."""
    known = list(world.histories.get(container_id, History(container_id)).events)
    last = known[-1].at if known else 0.0
    return known + [each for each in world.events if each.id == container_id and each.at > last]
