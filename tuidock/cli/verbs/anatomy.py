"""`tuidock anatomy`: how a container is made, each line with what it is for."""

from __future__ import annotations

import shutil

from tuidock.cli.template import render
from tuidock.engine.errors import WrongStatus
from tuidock.engine.types import UP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.anatomy_lines.item import Item
    from tuidock.cli.parser import Parser
    from tuidock.engine.anatomy import Living
    from tuidock.engine.core import Core
    from tuidock.engine.types import Container

_CALL = 3
"""The depth of single system calls."""


def arguments(parser: Parser) -> None:
    parser.add_argument(
        "-f", "--format", default="", metavar="TEMPLATE", help="`json`, or a Go template"
    )
    parser.switch("-q", "--quiet", help="without the sentences")
    parser.switch("--calls", help="with every system call of the birth")
    parser.add_argument("container", metavar="CONTAINER")


def main(core: Core, options: Namespace) -> int:
    it = core.containers.get(options.container)
    known, living = core.containers.anatomy(it.id), _living(core, it)
    if options.format:
        from tuidock.anatomy_lines.data import data

        print("\n".join(render(options.format, [data(it, known, living)])))
        return 0
    from tuidock.anatomy_lines.sections import items

    found = items(it, known, living, {}, "It does not run.")
    _show([each for each in found if options.calls or each.depth < _CALL], options)
    return 0


def _living(core: Core, it: Container) -> Living | None:
    """None of one that does not run, or that ends just now."""
    if it.status not in UP:
        return None
    try:
        return core.containers.living(it.id)
    except WrongStatus:
        return None


def _show(items: list[Item], options: Namespace) -> None:
    from tuidock.anatomy_lines.text import lines

    width = min(100, shutil.get_terminal_size((100, 24)).columns)
    print("\n".join(lines(items, width, sentences=not options.quiet)))
