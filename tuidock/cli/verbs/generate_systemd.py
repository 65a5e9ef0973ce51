"""`tuidock generate systemd`: print units; without names the one that brings all up at boot."""

from __future__ import annotations

import os

from tuidock.cli import systemd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core


def arguments(parser: Parser) -> None:
    parser.flag("--user", help="for the manager of a user; the default unless root")
    parser.flag("--name", help="name the units by the containers' names, not their ids")
    parser.add_argument("container", nargs="*", metavar="CONTAINER")


def main(core: Core, options: Namespace) -> int:
    place = systemd.place(core.layout, user=options.user or os.geteuid() != 0)
    if not options.container:
        print(systemd.for_all(place), end="")
        return 0
    found = [core.containers.get(key) for key in options.container]
    print("\n".join(systemd.for_one(place, it, by_name=options.name) for it in found), end="")
    return 0
