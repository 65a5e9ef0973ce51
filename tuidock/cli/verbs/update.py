"""`tuidock update`."""

from __future__ import annotations

from tuidock.cli import limits
from tuidock.cli.each import each
from tuidock.cli.spec import restart_policy
from tuidock.engine.errors import BadSpec
from tuidock.engine.types import Limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    limits.arguments(parser)
    parser.add_argument("--restart", metavar="POLICY", type=restart_policy)
    parser.flag("--until-exit", help="for this run only: the next start has what it had")
    parser.add_argument("container", nargs="+", metavar="CONTAINER")


def main(core: Core, options: Namespace) -> int:
    changes = limits.limits(options)
    if changes == Limits() and options.restart is None:
        raise BadSpec("you must provide one or more flags when using this command")

    if options.until_exit and options.restart is not None:
        raise BadSpec("a restart policy cannot be set for one run only", "leave out --until-exit")

    def update(key: str) -> None:
        core.containers.update(key, changes, options.restart, keep=not options.until_exit)

    return each(options.container, update, echo=True)
