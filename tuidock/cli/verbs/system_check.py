"""`tuidock system check`: find what a crash left half-made, and mend it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    """`system check` has no flags."""


def main(core: Core, options: Namespace) -> int:
    done = core.check()
    for line in done:
        print(line)
    if not done:
        print("Nothing to mend.")
    return 0
