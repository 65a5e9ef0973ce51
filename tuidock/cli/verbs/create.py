"""`tuidock create`."""

from __future__ import annotations

from tuidock.cli import creating, spec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    spec.arguments(parser)


def main(core: Core, options: Namespace) -> int:
    print(creating.create(core, options).id)
    return 0
