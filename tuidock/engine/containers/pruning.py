"""Removing every container that does not run, and what a container takes on disk.

Only what is its own counts: the files of its own layer, each once however many names it has.
"""

from __future__ import annotations

import os

from tuidock.engine.errors import ContainerNotFound, WrongStatus
from tuidock.engine.layout import Layout
from tuidock.engine.pruning import Pruned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tuidock.engine.pruning import PruneQuery
    from tuidock.engine.types import Container


def prune(
    layout: Layout,
    containers: Iterable[Container],
    query: PruneQuery,
    remove: Callable[[str], object],
) -> Pruned:
    """Remove those that do not run and that the query wants."""
    gone, space = [], 0
    for container in containers:
        if not query.wants(container):
            continue
        taken = disk_size(layout, container.id)
        try:
            remove(container.id)
        except (ContainerNotFound, WrongStatus):  # removed or started meanwhile
            continue
        gone.append(container.id)
        space += taken
    return Pruned(tuple(gone), space)


def disk_size(layout: Layout, container_id: str) -> int:
    """Bytes of the files in its own layer.

    An ordinary user cannot look into directories that other users of a container closed;
    what is in there is not counted.
    """
    sizes: dict[int, int] = {}
    for entry in _files(f"{layout.container(container_id)}/upper"):
        found = entry.stat(follow_symlinks=False)
        sizes[found.st_ino] = found.st_size
    return sum(sizes.values())


def _files(path: str) -> Iterator[os.DirEntry[str]]:
    try:
        entries = list(os.scandir(path))
    except (FileNotFoundError, PermissionError):
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(entry.path)
        else:
            yield entry
