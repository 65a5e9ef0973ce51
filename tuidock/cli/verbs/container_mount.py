"""`tuidock container mount`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    parser.add_argument("container", metavar="CONTAINER")
    parser.add_argument(
        "directory",
        nargs="?",
        default="",
        metavar="DIR",
        help="make a bundle there",
    )


def main(core: Core, options: Namespace) -> int:
    print(core.containers.mount(options.container, options.directory))
    return 0
