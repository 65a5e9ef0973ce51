"""`tuidock rmi`."""

from __future__ import annotations

from tuidock.cli.each import each

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    parser.switch("-f", "--force", help="also when it has several names or stopped containers")
    parser.add_argument("image", nargs="+", metavar="IMAGE")


def main(core: Core, options: Namespace) -> int:
    def remove(reference: str) -> None:
        for line in core.images.remove(reference, options.force):
            print(line)

    return each(options.image, remove)
