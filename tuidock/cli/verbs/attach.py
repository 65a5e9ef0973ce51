"""`tuidock attach`."""

from __future__ import annotations

from contextlib import closing

from tuidock.cli.terminal import Manner, follow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    parser.add_argument("--detach-keys", default="ctrl-p,ctrl-q", metavar="KEYS")
    parser.switch("--no-stdin", help="only watch")
    parser.add_argument("container", metavar="CONTAINER")


def main(core: Core, options: Namespace) -> int:
    spec = core.containers.get(options.container).spec
    manner = Manner(
        tty=spec.tty, stdin=spec.stdin and not options.no_stdin, detach_keys=options.detach_keys
    )
    with closing(core.containers.attach(options.container)) as line:
        return follow(line, manner) or 0
