"""`tuidock exec`."""

from __future__ import annotations

from contextlib import closing

from tuidock.cli import environment
from tuidock.cli.detaching import detach_flag
from tuidock.engine.types import ExecSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    parser.switch("-i", "--interactive", help="keep standard input open")
    parser.switch("-t", "--tty", help="give it a terminal")
    parser.switch("-d", "--detach", help="do not wait for it")
    parser.switch("--privileged", help="all capabilities")
    environment.arguments(parser)
    parser.add_argument("-w", "--workdir", metavar="DIR", help="working directory")
    parser.add_argument("-u", "--user", metavar="USER[:GROUP]", help="user to run as")
    detach_flag(parser)
    parser.add_argument("container", metavar="CONTAINER")
    parser.command()


def main(core: Core, options: Namespace) -> int:
    spec = ExecSpec(
        command=tuple(options.command),
        env=tuple(environment.variables(options)),
        user=options.user,
        working_dir=options.workdir,
        tty=options.tty,
        stdin=options.interactive,
        privileged=options.privileged,
    )
    if options.detach:
        core.containers.exec_detached(options.container, spec)
        return 0
    with closing(core.containers.exec(options.container, spec)) as line:
        from tuidock.cli.terminal import Manner, follow

        manner = Manner(spec.tty, spec.stdin, options.detach_keys)
        return follow(line, manner) or 0
