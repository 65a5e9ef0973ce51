"""Where the demo plays: a store of its own that is gone afterwards, or the person's own."""

from __future__ import annotations

import errno
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tuidock.engine.core import Core, default_layout
from tuidock.engine.layout import Layout
from tuidock.engine.linux.files import remove_path

PREFIX = "tuidock-demo-"
_PATIENCE = 5.0
"""Seconds that processes of ours get to leave the store."""


@contextmanager
def stage(*, keep: bool) -> Iterator[Core]:
    """An open engine. Without `keep` its containers and its store are removed at the end."""
    place = default_layout()
    if keep:
        core = Core(place)
        try:
            yield core
        finally:
            core.close()
        return
    core = Core(_beside(place))
    try:
        yield core
    finally:
        _strike(core)


def _beside(place: Layout) -> Layout:
    """New directories next to the usual ones, so on the same file systems."""
    return Layout(_new_directory(place.root), _new_directory(place.runroot))


def _new_directory(usual: str) -> str:
    parent = os.path.dirname(usual)
    os.makedirs(parent, exist_ok=True)
    return tempfile.mkdtemp(prefix=PREFIX, dir=parent)


def _strike(core: Core) -> None:
    """Remove every container, then the store itself."""
    try:
        for container in core.containers.list():
            core.containers.remove(container.id, force=True)
        core.network.sweep(set())  # a bridge is kept for a while after its last container
    finally:
        core.close()
    _remove(core.layout.root)
    _remove(core.layout.runroot)


def _remove(path: str) -> None:
    """Also when the aftermath of a container has just opened the store and is about to leave."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            remove_path(path)
            return
        except OSError as error:
            if error.errno != errno.ENOTEMPTY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
