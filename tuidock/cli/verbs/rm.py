"""`tuidock rm`."""

from __future__ import annotations

from tuidock.cli.each import each
from tuidock.engine.errors import ContainerNotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    parser.switch("-f", "--force", help="kill it first when it runs")
    parser.switch("-v", "--volumes", help="accepted; there are no anonymous volumes yet")
    parser.add_argument("container", nargs="+", metavar="CONTAINER")


def main(core: Core, options: Namespace) -> int:
    def remove(key: str) -> None:
        core.containers.remove(key, force=options.force)

    if not options.force:
        return each(options.container, remove, echo=True)
    return each(options.container, remove, echo=True, harmless=ContainerNotFound)
