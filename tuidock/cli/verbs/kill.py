"""`tuidock kill`."""

from __future__ import annotations

from tuidock.cli.each import each

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    parser.add_argument("-s", "--signal", default="KILL", metavar="SIGNAL", help="name or number")
    parser.add_argument("--pid", type=int, metavar="PID", help="one process, by the pid of `top`")
    parser.add_argument("container", nargs="+", metavar="CONTAINER")


def main(core: Core, options: Namespace) -> int:
    def kill(key: str) -> None:
        if options.pid is None:
            core.containers.kill(key, options.signal)
        else:
            core.containers.signal(key, options.pid, options.signal)

    return each(options.container, kill, echo=True)
