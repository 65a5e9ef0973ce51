"""A pull as a process of its own, and the words in which it tells its parent how it goes.

    python -m tuidock.engine.images.apart ROOT RUNROOT REFERENCE PLATFORM

Standard output carries pickled events, or the error that ended it; when standard input ends,
the pull is cancelled, so it cannot outlive who asked for it.
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
from contextlib import closing
from typing import BinaryIO

from tuidock.engine import store
from tuidock.engine.errors import EngineError
from tuidock.engine.events import PullEvent
from tuidock.engine.faults import translated
from tuidock.engine.images.service import Images
from tuidock.engine.layout import Layout

LENGTH = 4
"""Bytes of the length that stands before each message, in the machine's order."""
KINDNESS = 5
"""Added to our niceness: who looks at a screen goes first."""


def main(root: str, runroot: str, reference: str, platform: str) -> None:
    """Pull, and tell; what is no EngineError ends in a traceback on standard error."""
    os.nice(KINDNESS)
    told = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whoever prints does not garble what is told
    cancelled = threading.Event()
    threading.Thread(target=_wait_for_end, args=(cancelled,), daemon=True).start()
    layout = Layout(root, runroot)
    try:
        with closing(store.connect(layout)) as db:
            pull = Images(layout, db).pull
            pull(reference, platform, lambda event: _tell(told, event), cancelled)
    except Exception as error:
        if (known := translated(error)) is None:
            raise
        _tell(told, known)


def _wait_for_end(cancelled: threading.Event) -> None:
    while os.read(0, 1 << 12):
        pass
    cancelled.set()


def _tell(told: BinaryIO, what: PullEvent | EngineError) -> None:
    body = pickle.dumps(what)
    told.write(len(body).to_bytes(LENGTH, sys.byteorder) + body)
    told.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
