"""`tuidock commit`."""

from __future__ import annotations

from tuidock.cli.copying import heed_termination
from tuidock.engine.filesystem import CommitSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    parser.add_argument("-a", "--author", default="", metavar="NAME", help="who made the image")
    parser.several("-c", "--change", metavar="LINE", help="a Dockerfile instruction to apply")
    parser.add_argument("-m", "--message", default="", metavar="TEXT", help="commit message")
    parser.add_argument(
        "-p",
        "--pause",
        nargs="?",
        const="true",
        default="true",
        choices=("true", "false"),
        help="hold the container still meanwhile, unless --pause=false",
    )
    parser.add_argument("container", metavar="CONTAINER")
    parser.add_argument("reference", nargs="?", default="", metavar="REPOSITORY[:TAG]")


def main(core: Core, options: Namespace) -> int:
    heed_termination()
    asked = CommitSpec(
        options.reference,
        options.author,
        options.message,
        tuple(options.change),
        options.pause == "true",
    )
    print(core.containers.commit(options.container, asked).id)
    return 0
