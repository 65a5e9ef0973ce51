"""`tuidock registry tags REPOSITORY`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    parser.add_argument("repository", metavar="REPOSITORY")


def main(core: Core, options: Namespace) -> int:
    print("\n".join(core.images.tags(options.repository)))
    return 0
