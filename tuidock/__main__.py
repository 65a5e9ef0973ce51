"""The `tuidock` command: without a verb the interface, with one a scriptable client."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line of this process; the result is its exit code."""
    from tuidock.cli.main import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
