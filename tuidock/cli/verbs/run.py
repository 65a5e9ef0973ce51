"""`tuidock run`: create, start, and stay with it unless detached."""

from __future__ import annotations

from tuidock.cli import creating, spec
from tuidock.cli.detaching import detach_flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    parser.switch("-d", "--detach", help="print the id and leave it running")
    detach_flag(parser)
    parser.flag("--sig-proxy", help="pass signals on to its command (default)")
    parser.set_defaults(sig_proxy=True)
    spec.arguments(parser)


def main(core: Core, options: Namespace) -> int:
    container = creating.create(core, options)
    if options.detach:
        core.containers.start(container.id)
        print(container.id)
        return 0
    from tuidock.cli.staying import start_and_follow

    return start_and_follow(core, container.id, options)
