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
    from tuidock.cli.main import run

    code = run(sys.argv[1:])
    sys.stderr.flush()
    # Everything is flushed and closed; to take the interpreter down politely would cost as
    # much again as the start of a container.
    os._exit(code)


if __name__ == "__main__":
    main()
