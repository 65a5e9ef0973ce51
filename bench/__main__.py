"""`make bench`: every discipline in one run, a table at the end and in bench/results.md.

usage: python -m bench [start] [many] [pull]
environment: BENCH_REGISTRY=127.0.0.1:5000, a registry with busybox, debian or big
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from bench import many, pull, start
from bench.measure import Failed, Row, command, say, table, written
from bench.peers import Engine, engines

RESULTS = Path(__file__).parent / "results.md"
REGISTRY = os.environ.get("BENCH_REGISTRY", "127.0.0.1:5000")
DISCIPLINES = ("start", "many", "pull")


def main() -> int:
    if os.geteuid() != 0:
        say("bench: needs root, as its peers do: sudo make bench")
        return 1
    wanted = sys.argv[1:] or DISCIPLINES
    rows: list[Row] = []
    with (
        tempfile.TemporaryDirectory(prefix="td-bench-", ignore_cleanup_errors=True) as directory,
        engines(Path(directory), REGISTRY) as peers,
    ):
        versions = list(_versions(peers))
        for name in wanted:
            place = Path(directory) / name
            place.mkdir()
            rows.extend(_collect(_rows(name, place, peers)))
    text = f"{preamble(versions)}\n\n{table(rows)}\n"
    print(text)
    if set(wanted) == set(DISCIPLINES):
        RESULTS.write_text(f"# What `make bench` measured last\n\n{text}")
    return 0


def _rows(name: str, place: Path, peers: list[Engine]) -> Iterable[Row]:
    runs: dict[str, Callable[[], Iterable[Row]]] = {
        "start": lambda: start.measure(place, peers),
        "many": lambda: many.measure(place, peers),
        "pull": lambda: pull.measure(place, REGISTRY, peers),
    }
    return runs[name]()


def _collect(rows: Iterable[Row]) -> Iterator[Row]:
    """Pass rows on as they come; a discipline that breaks is named and ends there."""
    try:
        for row in rows:
            say(f"{row.discipline}: {row.contestant} {written(row.median, row.unit)}")
            yield row
    except Failed as error:
        say(f"left out: {error}")


def _versions(peers: list[Engine]) -> Iterator[str]:
    yield command(sys.executable, "-m", "tuidock", "--version").strip()
    for peer in peers:
        yield f"{peer.name} {peer('version', '--format', '{{.Client.Version}}').strip()}"
    for words in (["crun", "--version"], ["bwrap", "--version"], ["tar", "--version"]):
        try:
            yield command(*words).splitlines()[0]
        except Failed:
            yield f"{words[0]} is not installed"


def preamble(versions: list[str]) -> str:
    """Where and when, and what was measured."""
    host = f"{os.cpu_count()} processors, Linux {platform.release()}"
    python = f"Python {platform.python_version()}"
    load = f"load {os.getloadavg()[0]:.1f} at the end"
    when = time.strftime("%Y-%m-%d", time.gmtime())
    return f"{when}, {host}, {python}, {load}.\n{'; '.join(versions)}."


if __name__ == "__main__":
    sys.exit(main())
