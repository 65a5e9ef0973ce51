"""`tuidock diff`."""

from __future__ import annotations

import os
import sys

from tuidock.engine.logs.sanitise import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    parser.add_argument("container", metavar="CONTAINER")


def main(core: Core, options: Namespace) -> int:
    seen = sys.stdout.isatty()  # a person's terminal is not for a container to write to
    for change in core.containers.changes(options.container):
        path = plain(change.path).encode(errors="replace") if seen else os.fsencode(change.path)
        sys.stdout.buffer.write(f"{change.kind} ".encode() + path + b"\n")
    return 0
