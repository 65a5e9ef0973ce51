"""Where the demo plays: a store of its own that is gone afterwards, or the person's own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from tuidock.engine.core import Core, default_layout
from tuidock.engine.layout import Layout
from tuidock.engine.linux.files import remove_path

PREFIX = "tuidock-demo-"


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
    remove_path(core.layout.root)
    remove_path(core.layout.runroot)
