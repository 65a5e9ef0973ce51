"""The flags of limits, shared by `run`, `create` and `update`."""

from __future__ import annotations

from tuidock.cli import units
from tuidock.engine.errors import BadSpec
from tuidock.engine.types import Limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from tuidock.cli.parser import Parser

_FLAGS = (
    (("-m", "--memory"), "BYTES", units.size, "memory limit"),
    (("--memory-swap",), "BYTES", units.swap_size, "memory and swap together; -1: unlimited swap"),
    (("--memory-reservation",), "BYTES", units.size, "memory soft limit"),
    (("--memory-high",), "BYTES", units.size, "slow down and reclaim above it; cgroup v2"),
    (("--cpus",), "N", units.cores, "CPU quota in cores"),
    (("-c", "--cpu-shares"), "N", units.integer, "CPU weight, 2 to 262144 (1024)"),
    (("--cpuset-cpus",), "LIST", str, "CPUs it may run on: 0-2,7"),
    (("--pids-limit",), "N", units.integer, "most processes and threads"),
    (("--blkio-weight",), "N", units.integer, "block I/O weight, 10 to 1000"),
)
_RATES = (
    ("--device-read-bps", units.size, "bytes a second read from a device"),
    ("--device-write-bps", units.size, "bytes a second written to a device"),
    ("--device-read-iops", units.integer, "reads a second from a device"),
    ("--device-write-iops", units.integer, "writes a second to a device"),
)


def arguments(parser: Parser) -> None:
    """Add the flags."""
    for names, metavar, kind, help in _FLAGS:
        parser.add_argument(*names, metavar=metavar, type=kind, help=help)
    for name, _, help in _RATES:
        parser.several(name, metavar="DEVICE:RATE", help=help)


def limits(options: Namespace) -> Limits:
    """What the flags say; None where nothing was said."""
    return Limits(
        memory=options.memory,
        memory_swap=options.memory_swap,
        memory_reservation=options.memory_reservation,
        memory_high=options.memory_high,
        cpus=options.cpus,
        cpu_shares=options.cpu_shares,
        cpuset_cpus=options.cpuset_cpus,
        pids=options.pids_limit,
        blkio_weight=options.blkio_weight,
        **{
            name[2:].replace("-", "_"): _rates(getattr(options, name[2:].replace("-", "_")), unit)
            for name, unit, _ in _RATES
        },
    )


def _rates(texts: list[str], unit: Callable[[str], int]) -> tuple[tuple[str, int], ...] | None:
    return tuple(_rate(text, unit) for text in texts) or None


def _rate(text: str, unit: Callable[[str], int]) -> tuple[str, int]:
    path, _, rate = text.rpartition(":")
    if not path.startswith("/"):
        raise BadSpec(f"bad format for path: '{text}'", "write DEVICE:RATE, /dev/sda:1mb")
    if (number := unit(rate)) < 0:
        raise BadSpec(f"invalid rate for device: {text}", "0 takes a limit away")
    return path, number
