"""The flags of limits, shared by `run`, `create` and `update`."""

from __future__ import annotations

from tuidock.cli import units
from tuidock.engine.types import Limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser

_FLAGS = (
    (("-m", "--memory"), "BYTES", units.size, "memory limit"),
    (("--memory-swap",), "BYTES", units.swap_size, "memory and swap together; -1: unlimited swap"),
    (("--memory-reservation",), "BYTES", units.size, "memory soft limit"),
    (("--cpus",), "N", units.cores, "CPU quota in cores"),
    (("-c", "--cpu-shares"), "N", units.integer, "CPU weight, 2 to 262144 (1024)"),
    (("--cpuset-cpus",), "LIST", str, "CPUs it may run on: 0-2,7"),
    (("--pids-limit",), "N", units.integer, "most processes and threads"),
    (("--blkio-weight",), "N", units.integer, "block I/O weight, 10 to 1000"),
)


def arguments(parser: Parser) -> None:
    """Add the flags."""
    for names, metavar, kind, help in _FLAGS:
        parser.add_argument(*names, metavar=metavar, type=kind, help=help)


def limits(options: Namespace) -> Limits:
    """What the flags say; None where nothing was said."""
    return Limits(
        memory=options.memory,
        memory_swap=options.memory_swap,
        memory_reservation=options.memory_reservation,
        cpus=options.cpus,
        cpu_shares=options.cpu_shares,
        cpuset_cpus=options.cpuset_cpus,
        pids=options.pids_limit,
        blkio_weight=options.blkio_weight,
    )
