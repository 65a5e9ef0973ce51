"""`tuidock start`."""

from __future__ import annotations

from tuidock.cli.detaching import detach_flag
from tuidock.cli.each import each, need, report
from tuidock.engine.errors import BadSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    parser.switch("-a", "--attach", help="stay with it and exit with its code")
    parser.switch("-i", "--interactive", help="pass standard input on")
    detach_flag(parser)
    parser.flag("--sig-proxy", help="pass signals on to its command (default)")
    parser.set_defaults(sig_proxy=True)
    parser.flag("--all-restart", help="start what its restart policy wants up after a boot")
    parser.add_argument("container", nargs="*", metavar="CONTAINER")


def main(core: Core, options: Namespace) -> int:
    if options.all_restart:
        return report(core.bring_up())
    need(options.container, "start")
    if not (options.attach or options.interactive):
        return each(options.container, core.containers.start, echo=True)
    if len(options.container) > 1:
        raise BadSpec("you cannot start and attach multiple containers at once")
    from tuidock.cli.staying import start_and_follow

    return start_and_follow(core, options.container[0], options)
