"""`tuidock registry catalog HOST`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    parser.add_argument("host", metavar="HOST")


def main(core: Core, options: Namespace) -> int:
    print("\n".join(core.images.catalog(options.host)))
    return 0
