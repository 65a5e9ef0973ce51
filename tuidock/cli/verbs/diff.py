"""`tuidock diff`."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    parser.add_argument("container", metavar="CONTAINER")


def main(core: Core, options: Namespace) -> int:
    for change in core.containers.changes(options.container):
        sys.stdout.buffer.write(f"{change.kind} ".encode() + os.fsencode(change.path) + b"\n")
    return 0
