"""`tuidock rename`."""

from __future__ import annotations

from tuidock.engine.errors import BadSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    parser.add_argument("container", metavar="CONTAINER")
    parser.add_argument("name", metavar="NEW_NAME")


def main(core: Core, options: Namespace) -> int:
    if not (options.container and options.name):
        raise BadSpec("Neither old nor new names may be empty")
    core.containers.rename(options.container, options.name)
    return 0
