"""`tuidock debug`: a shell with tools in the namespaces of a container that has none."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    parser.add_argument(
        "--image", default="", metavar="IMAGE", help="tools of an image, not of this machine"
    )
    parser.add_argument("-c", "--command", dest="line", metavar="LINE", help="a line for the shell")
    parser.set_defaults(interactive=True, sig_proxy=True, detach_keys=b"")
    parser.add_argument("container", metavar="CONTAINER")
    parser.command()


def main(core: Core, options: Namespace) -> int:
    from tuidock.cli.staying import start_and_follow
    from tuidock.engine.debugging import Debug

    command = ("sh", "-c", options.line) if options.line else tuple(options.command)
    tty = sys.stdin.isatty() and sys.stdout.isatty()
    asked = Debug(command, options.image, tty=tty)
    return start_and_follow(core, core.containers.debugger(options.container, asked).id, options)
