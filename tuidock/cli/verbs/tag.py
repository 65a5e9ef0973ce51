"""`tuidock tag`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    parser.add_argument("source", metavar="SOURCE[:TAG]")
    parser.add_argument("target", metavar="TARGET[:TAG]")


def main(core: Core, options: Namespace) -> int:
    core.images.tag(options.source, options.target)
    return 0
