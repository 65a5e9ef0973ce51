"""One browser's interface: a process of its own, which ends with the server that started it.

    python -m tuidock.web.session

Roots, settings and `--read-only` come in the environment, as they came to the server. Textual's
web driver speaks with the server on standard input and output.
"""

from __future__ import annotations

import os
import signal
import sys

from tuidock.engine.linux import process


def main() -> int:
    """The interface's exit code; ended at once when the server is gone."""
    process.prctl(process.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(os.environ["TUIDOCK_SERVER"]):
        return 1  # it went before we had asked to be told
    from tuidock.app import run
    from tuidock.engine.local import open_engine

    found = os.environ.get
    engine = open_engine(found("TUIDOCK_ROOT"), found("TUIDOCK_RUNROOT"))
    only_reading = bool(found("TUIDOCK_READ_ONLY"))
    return run(engine, found("TUIDOCK_CONFIG", ""), read_only=only_reading)


if __name__ == "__main__":
    sys.exit(main())
