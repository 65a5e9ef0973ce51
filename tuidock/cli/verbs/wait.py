"""`tuidock wait`."""

from __future__ import annotations

from tuidock.cli.each import each

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    parser.add_argument("container", nargs="+", metavar="CONTAINER")


def main(core: Core, options: Namespace) -> int:
    return each(options.container, lambda key: print(core.containers.wait(key).code, flush=True))
