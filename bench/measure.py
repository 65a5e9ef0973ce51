"""Times of commands and calls, and the table that they end in."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """One contestant in one discipline."""

    discipline: str
    contestant: str
    times: tuple[float, ...]
    """Seconds; cores for the idle interface; bytes."""
    unit: str = "ms"
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.times)


class Failed(Exception):
    """A contestant could not do it here; the message is its last line."""


def command(*words: str, env: dict[str, str] | None = None, seconds: float = 600) -> str:
    """Run to the end. Raises Failed."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, env=env, timeout=seconds)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed(str(error)) from error
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise Failed(f"{words[0]}: {lines[-1] if lines else done.returncode}"[:120])
    return done.stdout


def timed(
    once: Callable[[], object],
    times: int,
    before: Callable[[], object] | None = None,
    after: Callable[[], object] | None = None,
) -> tuple[float, ...]:
    """Seconds that each of `times` calls took; what comes before and after does not count."""
    taken = []
    for _ in range(times):
        if before:
            before()
        start = time.perf_counter()
        once()
        taken.append(time.perf_counter() - start)
        if after:
            after()
    return tuple(taken)


def say(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)


def table(rows: Sequence[Row]) -> str:
    """Markdown: median, spread, and how many times tuidock's median it is."""
    own = {row.discipline: row.median for row in rows if row.contestant == "tuidock"}
    lines = [
        "| what | who | median | fastest | slowest | runs | of tuidock's | |",
        "|---|---|---:|---:|---:|---:|---:|---|",
    ]
    for row in rows:
        base = own.get(row.discipline)
        ratio = f"{row.median / base:.2f} ×" if base else ""
        figures = [
            written(value, row.unit) for value in (row.median, min(row.times), max(row.times))
        ]
        cells = [row.discipline, row.contestant, *figures, str(len(row.times)), ratio, row.note]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def written(value: float, unit: str) -> str:
    """A figure with its unit."""
    if unit == "ms":
        return f"{value * 1000:.1f} ms" if value < 1 else f"{value:.2f} s"
    if unit == "MB":
        return f"{value / 1e6:.1f} MB"
    if unit == "kB":
        return f"{value / 1024:.0f} kB"
    return f"{value * 100:.2f} %"
