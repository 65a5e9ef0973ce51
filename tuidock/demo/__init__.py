"""The demo: a starter image, three small containers, and the interface or the story on them.

Invariant: whatever way it ends, what it made is gone, unless the person asked to keep it.
"""

from __future__ import annotations

import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType


def play(*, text: bool = False, keep: bool = False) -> int:
    """Open the interface on running containers; without a terminal, tell the story as text.

    With `keep` it plays in the person's own store and leaves everything there. Returns the
    exit code. Raises EngineError.
    """
    from tuidock.demo.stage import stage

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    with stage(keep=keep) as core:
        if text or not (sys.stdin.isatty() and sys.stdout.isatty()):
            from tuidock.demo.story import tell

            return tell(core, keep=keep)
        from tuidock.demo.scene import set_scene

        set_scene(core)
        return _open_interface(core.layout.root, core.layout.runroot)


def _open_interface(root: str, runroot: str) -> int:
    from tuidock.app import run
    from tuidock.engine.local import open_engine

    return run(open_engine(root, runroot))


def _leave(number: int, frame: FrameType | None) -> None:
    """Make a signal an exception, so that everything is cleaned up on the way out."""
    sys.exit(128 + number)
