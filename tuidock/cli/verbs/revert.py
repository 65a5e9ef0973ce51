"""`tuidock revert`: paths of a container become again what its image has there."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    parser.add_argument("container", metavar="CONTAINER")
    parser.add_argument("paths", metavar="PATH", nargs="+")


def main(core: Core, options: Namespace) -> int:
    for path in options.paths:
        core.containers.revert(options.container, path)
    return 0
