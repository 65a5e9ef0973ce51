"""`tuidock stop`."""

from __future__ import annotations

from tuidock.cli import ending
from tuidock.cli.each import each, need, report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    ending.arguments(parser)
    parser.flag("--all-restart", help="before a shutdown: stop what a boot starts again")
    parser.add_argument("container", nargs="*", metavar="CONTAINER")


def main(core: Core, options: Namespace) -> int:
    if options.all_restart:
        return report(core.take_down())
    need(options.container, "stop")

    def stop(key: str) -> None:
        core.containers.stop(key, options.timeout, options.signal)

    return each(options.container, stop, echo=True)
