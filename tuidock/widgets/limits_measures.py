"""What samples say about the things that limits bound, as series of numbers.

Pure functions. Invariant: a series has one number for each sample, oldest first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from tuidock.engine.types import History, Sample

WINDOW = 10.0
"""Seconds that count as now, where something is counted up."""

_LEVELS: dict[str, Callable[[Sample], float]] = {
    "cpu": lambda it: it.cpu,
    "memory": lambda it: float(it.memory),
    "swap": lambda it: float(it.memory + it.memory_swap),
    "pids": lambda it: float(it.pids),
}
_COUNTS: dict[str, Callable[[Sample], float]] = {
    "read": lambda it: it.block_read,
    "write": lambda it: it.block_write,
    "reads": lambda it: it.block_reads,
    "writes": lambda it: it.block_writes,
}
TITLES = {
    "cpu": "CPU",
    "memory": "Memory",
    "swap": "Memory and swap",
    "pids": "Processes",
    "read": "Block reads",
    "write": "Block writes",
    "reads": "Read operations",
    "writes": "Write operations",
}


class Peaks(NamedTuple):
    """The greatest numbers of a day, of every run in it."""

    seconds: float = 0.0
    """How long a time they are of."""
    cpu: float = 0.0
    memory: float = 0.0
    pids: float = 0.0


NOTHING = Peaks()


def peaks(history: History) -> Peaks:
    """Out of a black box; nothing of one that was never recorded."""
    if not history.at:
        return NOTHING
    tops = (max(column) for column in (history.cpu, history.memory, history.pids))
    return Peaks(history.at[-1] - history.at[0], *map(float, tops))


def series(samples: Sequence[Sample], measure: str) -> list[float]:
    """One measure over time; counts become rates a second."""
    if measure in _LEVELS:
        return [_LEVELS[measure](it) for it in samples]
    count = _COUNTS[measure]
    rates = [max(0.0, count(b) - count(a)) / ((b.at - a.at) or 1.0) for a, b in pairwise(samples)]
    return [0.0, *rates] if samples else []


def now(samples: Sequence[Sample], measure: str) -> float:
    """The newest number of a series; 0 without samples."""
    return series(samples[-2:], measure)[-1] if samples and measure else 0.0


def peak(samples: Sequence[Sample], measure: str) -> float:
    """The greatest number of a series; 0 without samples."""
    return max(series(samples, measure), default=0.0) if measure else 0.0


def lately(samples: Sequence[Sample], count: Callable[[Sample], float]) -> float:
    """By how much a count rose within the last seconds."""
    if not samples:
        return 0.0
    recent = [it for it in samples[-64:] if it.at >= samples[-1].at - WINDOW]
    return max(0.0, count(recent[-1]) - count(recent[0]))
