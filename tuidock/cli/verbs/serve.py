"""`tuidock serve`: the interface in a browser on this machine, for whoever has its address."""

from __future__ import annotations

import os
import sys

from tuidock.cli.parser import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.main import Settings
    from tuidock.cli.parser import Parser

MISSING = [
    "tuidock: serve needs textual-serve, which is not installed",
    "pip install 'tuidock[serve]'",
]


def arguments(parser: Parser) -> None:
    parser.add_argument(
        "--port", type=_port, default=0, metavar="PORT", help="on 127.0.0.1 (default: a free one)"
    )


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise ValueError(text)
    return int(text)


def main(settings: Settings, options: Namespace) -> int:
    try:
        from tuidock.web.server import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("textual_serve", "aiohttp"):
            raise
        raise UsageError(MISSING, 1) from error
    settings.open_core().close()  # what is wrong with the store is said now, not to a browser
    import asyncio

    from tuidock.web.guard import Guard

    _warn()
    try:
        return asyncio.run(serve(options.port, Guard()))
    except OSError as error:
        raise UsageError([f"tuidock: port {options.port}: {error.strerror}"], 1) from error


def _warn() -> None:
    if os.geteuid() == 0:
        print("Whoever has this address is root on this machine.", file=sys.stderr)
    print("Open it in a browser here; Ctrl+C ends it.", file=sys.stderr, flush=True)
