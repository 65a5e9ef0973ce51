"""`tuidock top`."""

from __future__ import annotations

import time

from tuidock.cli.table import render
from tuidock.engine.logs.sanitise import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core
    from tuidock.engine.types import Process

_TITLES = ("UID", "PID", "PPID", "STATE", "STIME", "TIME", "RSS", "CMD")


def arguments(parser: Parser) -> None:
    parser.add_argument("container", metavar="CONTAINER")


def main(core: Core, options: Namespace) -> int:
    print(render(_TITLES, [_row(each) for each in core.containers.top(options.container)]))
    return 0


def _row(process: Process) -> list[str]:
    minutes, seconds = divmod(int(process.cpu_seconds), 60)
    return [
        process.user,
        str(process.pid),
        str(process.parent),
        process.state,
        time.strftime("%H:%M", time.localtime(process.started)),
        f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}",
        str(process.memory // 1024),
        plain(process.command),
    ]
