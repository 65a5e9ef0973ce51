"""`tuidock restart`."""

from __future__ import annotations

from tuidock.cli import ending
from tuidock.cli.each import each

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    ending.arguments(parser)
    parser.add_argument("container", nargs="+", metavar="CONTAINER")


def main(core: Core, options: Namespace) -> int:
    def restart(key: str) -> None:
        core.containers.restart(key, options.timeout, options.signal)

    return each(options.container, restart, echo=True)
