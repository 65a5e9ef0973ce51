"""`tuidock logs`."""

from __future__ import annotations

import sys

from tuidock.cli import units
from tuidock.engine.errors import BadSpec
from tuidock.engine.timestamp import rfc3339
from tuidock.engine.types import LogQuery

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core
    from tuidock.engine.types import LogLine


def arguments(parser: Parser) -> None:
    parser.switch("-f", "--follow", help="go on until the container ends")
    parser.switch("-t", "--timestamps", help="show when each line was written")
    parser.flag("--details", help="accepted; there are no further attributes of a line")
    parser.add_argument("-n", "--tail", default="all", metavar="N", help="last n lines")
    parser.add_argument("--since", type=units.moment, metavar="TIME", help="time, or 10m ago")
    parser.add_argument("--until", type=units.moment, metavar="TIME", help="time, or 10m ago")
    parser.add_argument("container", metavar="CONTAINER")


def main(core: Core, options: Namespace) -> int:
    query = LogQuery(options.follow, _tail(options.tail), options.since, options.until)
    for lines in core.containers.logs(options.container, query):
        _write(lines, options)
    return 0


def _tail(text: str) -> int | None:
    if text == "all":
        return None
    count = units.integer(text)
    if count < 0:
        raise BadSpec(f"invalid tail: '{text}'", "a number of lines, or all")
    return count


def _write(lines: Sequence[LogLine], options: Namespace) -> None:
    """Bytes as they were written: this is a pipe's tool; the interface makes them harmless."""
    details = b" " if options.details else b""  # as docker for a line without any
    for line in lines:
        out = sys.stderr.buffer if line.stream == "stderr" else sys.stdout.buffer
        stamp = f"{rfc3339(line.at)} ".encode() if options.timestamps else b""
        stamp += details
        out.write(stamp + line.text + (b"" if line.partial else b"\n"))
    sys.stdout.buffer.flush()
    sys.stderr.buffer.flush()
