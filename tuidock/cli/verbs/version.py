"""`tuidock version`."""

from __future__ import annotations

import os
import sys

from tuidock import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.main import Settings
    from tuidock.cli.parser import Parser


def arguments(parser: Parser) -> None:
    parser.add_argument("-f", "--format", default="", metavar="TEMPLATE")


def main(settings: Settings, options: Namespace) -> int:
    host = os.uname()
    facts = {
        "Version": __version__,
        "Python": sys.version.split()[0],
        "Os": "linux",
        "Arch": host.machine,
        "KernelVersion": host.release,
    }
    row = {"Client": facts, "Server": facts, **facts}
    if options.format:
        from tuidock.cli.template import render

        print("\n".join(render(options.format, [row])))
        return 0
    print("\n".join(f"{key + ':':16}{value}" for key, value in facts.items()))
    return 0
