"""`tuidock stats`."""

from __future__ import annotations

import sys
import time

from tuidock.cli import listing, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core
    from tuidock.engine.types import Container, Sample

_COLUMNS = ("ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs")
_TITLES = {
    "ID": "CONTAINER ID",
    "CPUPerc": "CPU %",
    "MemUsage": "MEM USAGE / LIMIT",
    "MemPerc": "MEM %",
    "NetIO": "NET I/O",
    "BlockIO": "BLOCK I/O",
}
_CLEAR = "\x1b[H\x1b[J"


def arguments(parser: Parser) -> None:
    listing.arguments(parser)
    parser.switch("-a", "--all", help="accepted; only running containers use anything")
    parser.switch("--no-stream", help="one measurement, then end")
    parser.add_argument("container", nargs="*", metavar="CONTAINER")


def main(core: Core, options: Namespace) -> int:
    core.containers.sample(options.container)  # rates need two measurements
    while True:
        time.sleep(1.0)
        samples = core.containers.sample(options.container)
        names = {each.id: each for each in core.containers.list()}
        rows = [_row(each, names[each.id], options) for each in samples if each.id in names]
        _show(rows, options)
        if options.no_stream:
            return 0


def _show(rows: Sequence[dict[str, str]], options: Namespace) -> None:
    if not options.no_stream and not options.format and sys.stdout.isatty():
        sys.stdout.write(_CLEAR)
    listing.show(rows, _COLUMNS, options, _TITLES)
    sys.stdout.flush()


def _row(sample: Sample, container: Container, options: Namespace) -> dict[str, str]:
    limit = sample.memory_limit or _host_memory()
    used, most = words.binary_size(sample.memory), words.binary_size(limit)
    return {
        "ID": container.id if options.no_trunc else container.id[:12],
        "Container": container.id[:12],
        "Name": container.name,
        "CPUPerc": words.percent(sample.cpu),
        "MemUsage": f"{used} / {most}",
        "MemPerc": words.percent(sample.memory / limit),
        "NetIO": f"{words.size(sample.network_rx)} / {words.size(sample.network_tx)}",
        "BlockIO": f"{words.size(sample.block_read)} / {words.size(sample.block_write)}",
        "PIDs": str(sample.pids),
    }


def _host_memory() -> int:
    import os

    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
