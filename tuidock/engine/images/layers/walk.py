"""A tree of files walked by descriptor, though somebody hostile changes it meanwhile.

Invariant: no name is resolved but one component below an open directory, no link is followed,
and nothing is opened for reading before it is known to be a file or a directory.
"""

from __future__ import annotations

import os
import stat

from tuidock.engine.errors import UnsafeLayer
from tuidock.engine.images.layers.bounds import BOUNDS
from tuidock.engine.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Seen(NamedTuple):
    """A file on the way; its descriptor holds until the walk goes on."""

    path: bytes
    """Below where the walk began, whose own path is what the caller says."""
    descriptor: int
    """O_PATH."""
    status: os.stat_result


class Opener:
    """Opens for reading what an O_PATH descriptor is of: that very file, whatever its name now is.

    Made while /proc is the host's own, because a container's may be anything.
    """

    def __init__(self) -> None:
        flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
        self._descriptors = os.open("/proc/self/fd", flags)

    def open(self, descriptor: int) -> int:
        """For a file or a directory only. Raises OSError."""
        return os.open(str(descriptor), _READ, dir_fd=self._descriptors)


class _Level(NamedTuple):
    path: bytes
    descriptor: int
    names: list[bytes]
    """Still to come, last first."""


def walk(opener: Opener, top: int, path: bytes) -> Iterator[Seen]:
    """`top` (an O_PATH descriptor, the caller's) and all below it, parents first, in order.

    What vanishes meanwhile is left out. Raises OSError, UnsafeLayer for too deep a tree.
    """
    status = os.fstat(top)
    yield Seen(path, top, status)
    levels: list[_Level] = []
    try:
        if stat.S_ISDIR(status.st_mode):
            levels.append(_level(opener, top, path))
        while levels:
            level = levels[-1]
            if not level.names:
                os.close(levels.pop().descriptor)
                continue
            name = level.names.pop()
            below = level.path + b"/" + name if level.path else name
            try:
                descriptor = os.open(name, _LOOK, dir_fd=level.descriptor)
            except FileNotFoundError:
                continue
            try:
                status = os.fstat(descriptor)
                yield Seen(below, descriptor, status)
                if stat.S_ISDIR(status.st_mode):
                    _bounded(len(levels))
                    levels.append(_level(opener, descriptor, below))
            finally:
                os.close(descriptor)
    finally:
        for level in levels:
            os.close(level.descriptor)


def _level(opener: Opener, directory: int, path: bytes) -> _Level:
    descriptor = opener.open(directory)
    names = sorted(map(os.fsencode, os.listdir(descriptor)), reverse=True)
    return _Level(path, descriptor, names)


def _bounded(depth: int) -> None:
    if depth >= BOUNDS.depth:
        raise UnsafeLayer(f"a tree of more than {BOUNDS.depth} directories in each other")
