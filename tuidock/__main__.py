"""The `tuidock` command: without a verb the interface, with one a scriptable client."""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> NoReturn:
    """Run the command line of this process and end it with the exit code."""
    # What is imported stays; to look through it every 700 objects costs a verb 3 ms.
    gc.set_threshold(100_000)
    _open_streams()
    from tuidock.cli.main import run

    code = run(sys.argv[1:])
    sys.stderr.flush()
    # Everything is flushed and closed; to take the interpreter down politely would cost as
    # much again as the start of a container.
    os._exit(code)


def _open_streams() -> None:
    """Nobody listens where we were started with closed streams; what we open must not be
    taken for one of them.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


if __name__ == "__main__":
    main()
