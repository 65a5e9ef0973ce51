"""`make bench-ui`: how soon, how light, how quick the interface is, beside others.

usage: python -m bench.ui [wanted] [names] [idle] [keys] [crowd] [log] [stream] [pull] [soak]
Others that are on PATH take part, on a docker engine of the bench's own: lazydocker, dtop.
`wanted`: tuidock alone, everything, in less than five minutes; `make figures`.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from bench.__main__ import preamble
from bench.measure import Failed, Row, say, table, written
from bench.ui import disciplines, registry, wanted
from bench.ui.contestants import Contestant, contestants, version

RESULTS = Path(__file__).parent.parent / "results-ui.md"
FIGURES = RESULTS.with_name("figures.md")
"""The same of tuidock alone."""
DISCIPLINES: dict[str, Callable[[Contestant], Iterable[Row]]] = {
    "names": disciplines.names,
    "keys": disciplines.keys,
    "crowd": disciplines.crowd,
    "log": disciplines.log,
    "stream": disciplines.stream,
    "idle": disciplines.idle,
}
"""In this order: by the last one no container is so young that its age is told in seconds."""


def main() -> int:
    if os.geteuid() != 0:
        say("bench: needs root, for its containers: sudo make bench-ui")
        return 1
    every = [*DISCIPLINES, "pull", "soak"]
    alone = sys.argv[1:] == ["wanted"]
    chosen = every if alone else sys.argv[1:] or every
    for each in (signal.SIGINT, signal.SIGTERM):  # also where a shell had SIGINT ignored
        signal.signal(each, signal.default_int_handler)
    try:
        rows, tools = _measured(chosen, alone=alone)
    except KeyboardInterrupt:
        return 130
    judgement = wanted.judged(rows) if chosen == every else ""
    text = f"{preamble(tools)}\n\n{judgement}\n\n{table(rows)}\n"
    print(text)
    if chosen == every:
        place, name = (FIGURES, "figures") if alone else (RESULTS, "bench-ui")
        place.write_text(f"# What `make {name}` measured last\n\n{text}")
    return 0


def _measured(chosen: list[str], *, alone: bool) -> tuple[list[Row], list[str]]:
    """Whoever interrupts once has everything cleaned up; to do so twice does nothing more."""
    with (
        tempfile.TemporaryDirectory(prefix="td-bench-", ignore_cleanup_errors=True) as directory,
        contestants(Path(directory), alone=alone) as found,
    ):
        try:
            rows = list(_rows(chosen, found, Path(directory)))
            tools = [version(it) for it in found]
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return rows, tools


def _rows(chosen: list[str], found: list[Contestant], directory: Path) -> Iterator[Row]:
    for name, measure in DISCIPLINES.items():
        if name in chosen:
            for it in found:
                yield from _told(measure, it)
    if "pull" in chosen:
        with registry.served(directory / "registry") as reference:
            for it in found:
                yield from _told(lambda it: disciplines.keys_while_pulling(it, reference), it)
    if "soak" in chosen:
        yield from _told(disciplines.soak, found[0])


def _told(measure: Callable[[Contestant], Iterable[Row]], it: Contestant) -> Iterator[Row]:
    """Rows as they come; what a contestant cannot do is named, and the others go on."""
    try:
        for row in measure(it):
            say(f"{row.discipline}: {row.contestant} {written(row.median, row.unit)} {row.note}")
            yield row
    except Failed as error:
        say(f"left out: {it.name}: {error}")


if __name__ == "__main__":
    sys.exit(main())
