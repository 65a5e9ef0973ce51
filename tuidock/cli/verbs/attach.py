"""`tuidock attach`."""

from __future__ import annotations

from tuidock.cli.detaching import detach_flag
from tuidock.cli.staying import follow_on, forwarder, refuse_unless_attachable
from tuidock.cli.terminal import Manner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    detach_flag(parser)
    parser.flag("--no-stdin", help="only watch")
    parser.flag("--sig-proxy", help="pass signals on to its command (default)")
    parser.set_defaults(sig_proxy=True)
    parser.add_argument("container", metavar="CONTAINER")


def main(core: Core, options: Namespace) -> int:
    container = core.containers.get(options.container)
    refuse_unless_attachable(container)
    spec = container.spec
    manner = Manner(
        tty=spec.tty,
        stdin=spec.stdin and not options.no_stdin,
        detach_keys=options.detach_keys,
        forward=forwarder(core, container.id) if options.sig_proxy else None,
    )
    line = core.containers.attach(container.id)
    return follow_on(core, container.id, line, manner) or 0
