"""The process that unpacks one layer: locked into the layer's directory before it reads a header.

Started as `python -I -S -c ...` with the compressed stream as standard input, the answer (one
JSON object) as standard output, the directory as descriptor 3, its lock as 4. Invariant: after
`lock_in` nothing is imported and no path outside the directory can be named.
"""

from __future__ import annotations

import json
import os

from tuidock.engine.errors import HostError
from tuidock.engine.images.layers import confine, owners
from tuidock.engine.images.layers.bounds import BOUNDS, Bounds
from tuidock.engine.images.layers.faults import translated
from tuidock.engine.images.layers.inflate import CHUNK, Plaintext
from tuidock.engine.images.layers.source import Source
from tuidock.engine.images.layers.writing import Writer
from tuidock.engine.linux import userns
from tuidock.engine.linux.files import syncfs

ROOT = 3
LOCK = 4
"""Held open, so that nobody removes the directory while this process lives."""


def main() -> None:
    """Unpack standard input into descriptor 3; the answer says what became of it."""
    try:
        answer = unpack(BOUNDS)
    except BaseException as error:
        known = translated(error)
        answer = {"error": type(known).__name__, "message": known.message, "hint": known.hint}
    _send(json.dumps(answer).encode())
    os._exit(0)  # the inflating thread may be blocked for good


def _take_ids() -> None:
    """Become root among an ordinary user's ids, so that files get the owners that they have in a
    container. Raises HostError.
    """
    if os.geteuid() == 0:
        return
    try:
        userns.enter(userns.own())
    except OSError as error:
        raise HostError(
            f"cannot unpack a layer without a user namespace: {error.strerror}",
            "`tuidock doctor` says what is missing",
        ) from error


def _send(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


def unpack(bounds: Bounds) -> dict[str, object]:
    """Raises EngineError, OSError, MemoryError."""
    start = os.read(0, CHUNK)
    plain = Plaintext(0, start, bounds)
    _take_ids()
    owner = owners.current()
    confine.lock_in(ROOT, LOCK, bounds.memory)
    plain.begin()
    written = Writer(ROOT, owner, bounds).write(Source(plain.next))
    syncfs(ROOT)
    return {
        "diff_id": plain.diff_id,
        "size": written.size,
        "entries": written.entries,
        # Latin-1 maps any bytes to JSON and back.
        "implied": [path.decode("latin-1") for path in written.implied],
        "links": [[part.decode("latin-1") for part in link] for link in written.links],
    }
