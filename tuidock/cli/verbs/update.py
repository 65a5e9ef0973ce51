"""`tuidock update`."""

from __future__ import annotations

from tuidock.cli import limits
from tuidock.cli.each import each

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    limits.arguments(parser)
    parser.add_argument("container", nargs="+", metavar="CONTAINER")


def main(core: Core, options: Namespace) -> int:
    return each(
        options.container,
        lambda key: core.containers.update(key, limits.limits(options)),
        echo=True,
    )
