"""The demo: a starter image, three small containers, and the interface or the story on them.

Invariant: whatever way it ends, what it made is gone, unless the person asked to keep it.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tuidock.engine.errors import HostError, NetworkError, RuntimeFailure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType


ENDINGS = (signal.SIGTERM, signal.SIGHUP)


def play(*, text: bool = False, keep: bool = False) -> int:
    """Open the interface on running containers; without a terminal, tell the story as text.

    With `keep` it plays in the person's own store and leaves everything there. Returns the
    exit code. Raises EngineError.
    """
    from tuidock.demo.stage import stage

    for number in ENDINGS:
        signal.signal(number, _leave)
    with stage(keep=keep) as core, _for_ordinary_users():
        if text or not (sys.stdin.isatty() and sys.stdout.isatty()):
            from tuidock.demo.story import tell

            return tell(core, keep=keep)
        from tuidock.demo.scene import set_scene

        set_scene(core)
        return _open_interface(core.layout.root, core.layout.runroot)


@contextmanager
def _for_ordinary_users() -> Iterator[None]:
    """What this machine refuses an ordinary user, root may do."""
    try:
        yield
    except (HostError, NetworkError, RuntimeFailure) as error:
        if os.geteuid() != 0 and not error.hint:
            error.hint = "as root it works: sudo make demo; `tuidock doctor` says what is missing"
        raise


def _open_interface(root: str, runroot: str) -> int:
    from tuidock.app import run
    from tuidock.engine.local import open_engine

    return run(open_engine(root, runroot))


def _leave(number: int, frame: FrameType | None) -> None:
    """Make a signal an exception, so that everything is cleaned up on the way out.

    A closing terminal sends two: the second must not interrupt the cleaning up.
    """
    for other in ENDINGS:
        signal.signal(other, signal.SIG_IGN)
    sys.exit(128 + number)
