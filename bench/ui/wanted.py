"""What is wanted of each figure, and whether it was met.

The figures are those of docs of the interface; `python -m bench.ui wanted` prints nothing else.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from bench.measure import Row, written
from bench.ui import disciplines as d


def median(row: Row) -> float:
    """Half are below."""
    return row.median


def p99(row: Row) -> float:
    """One of a hundred is above."""
    return statistics.quantiles(row.times, n=100)[-1]


class Goal(NamedTuple):
    """The most that a figure may be."""

    discipline: str
    most: float
    of: Callable[[Row], float] = median


GOALS = (
    Goal(d.NAMES, 0.45),
    Goal(d.IDLE, 0.01),
    Goal(d.HIDDEN, 0.003),
    Goal(d.KEY, 0.005),
    Goal(d.BUSY, 0.005),
    Goal(d.BUSY, 0.05, p99),
    Goal(d.CROWD, 0.05, p99),
    Goal(d.MEMORY, 80e6),
    Goal(d.SOAK, 80e6),
    Goal(d.GROWTH, 1e6),
    Goal(d.LOG, 0.15),
    Goal(d.STREAM, 0.05, p99),
)


def judged(rows: Sequence[Row]) -> str:
    """Markdown: each figure of tuidock beside the one wanted."""
    lines = ["| what | | measured | wanted | |", "|---|---|---:|---:|---|"]
    return "\n".join([*lines, *_judged({row.discipline: row for row in _ours(rows)})])


def _ours(rows: Sequence[Row]) -> Iterable[Row]:
    return (row for row in rows if row.contestant == "tuidock")


def _judged(rows: dict[str, Row]) -> Iterable[str]:
    for goal in GOALS:
        row = rows.get(goal.discipline)
        if row is None:
            yield f"| {goal.discipline} | {goal.of.__name__} | not measured | | |"
            continue
        found = goal.of(row)
        figures = f"{written(found, row.unit)} | {written(goal.most, row.unit)}"
        met = "met" if found <= goal.most else "**missed**"
        yield f"| {goal.discipline} | {goal.of.__name__} | {figures} | {met} |"
