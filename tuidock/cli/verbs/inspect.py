"""`tuidock inspect`: containers first, then images, in docker's shape."""

from __future__ import annotations

import json
import sys

from tuidock.cli.template import render
from tuidock.engine.errors import ContainerNotFound, ImageNotFound, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    parser.add_argument("-f", "--format", default="", metavar="TEMPLATE")
    parser.add_argument("--type", default="", choices=("", "container", "image"))
    parser.add_argument("name", nargs="+", metavar="NAME|ID")


def main(core: Core, options: Namespace) -> int:
    found, failed = [], False
    for name in options.name:
        try:
            found.append(_inspect(core, name, options.type))
        except NotFound as error:
            print(f"tuidock: {error.message}", file=sys.stderr)
            failed = True
    if options.format:
        print("\n".join(render(options.format, found)))
    else:
        print(json.dumps(found, indent=4))
    return int(failed)


def _inspect(core: Core, name: str, kind: str) -> dict[str, object]:
    if kind != "image":
        try:
            return core.containers.inspect(name)
        except ContainerNotFound:
            if kind:
                raise
    try:
        return core.images.inspect(name)
    except ImageNotFound:
        if kind:
            raise
        raise NotFound(f"No such object: {name}") from None
