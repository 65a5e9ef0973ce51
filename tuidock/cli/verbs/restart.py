"""`tuidock restart`."""

from __future__ import annotations

from tuidock.cli import units
from tuidock.cli.each import each

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    parser.add_argument("-s", "--signal", default="", metavar="SIGNAL", help="instead of its own")
    parser.add_argument(
        "-t",
        "--timeout",
        "--time",
        type=units.patience,
        metavar="SECONDS",
        help="before SIGKILL; -1: never",
    )
    parser.add_argument("container", nargs="+", metavar="CONTAINER")


def main(core: Core, options: Namespace) -> int:
    def restart(key: str) -> None:
        core.containers.restart(key, options.timeout, options.signal)

    return each(options.container, restart, echo=True)
