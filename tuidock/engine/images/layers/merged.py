"""What overlayfs would show of a stack of layers, found without mounting it.

Paths are canonical: relative, through real directories only; in each layer that `stack` names
such a path therefore holds no symbolic link on the way.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence

from tuidock.engine.errors import ContentError
from tuidock.engine.images.layers.names import shown
from tuidock.engine.images.layers.owners import OPAQUE_XATTR
from tuidock.engine.named import NamedTuple

_LINKS = 40  # as many as the kernel follows


class Found(NamedTuple):
    """What the merged tree shows at a path."""

    file: bytes
    """Path on the host."""
    status: os.stat_result


def is_whiteout(status: os.stat_result) -> bool:
    """Overlayfs' whiteout: a character device 0/0."""
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def is_opaque(directory: bytes | str) -> bool:
    """Whether a directory of a layer hides all lower content. Raises OSError."""
    try:
        return os.getxattr(directory, OPAQUE_XATTR, follow_symlinks=False) == b"y"
    except OSError as error:
        if error.errno not in (errno.ENODATA, errno.ENOTSUP):
            raise
        return False


class Merged:
    """A stack of layer directories, highest first.

    In the highest, the directories in `seen_through` count for their content only: what kind
    of file is there, and its attributes, lower layers say.
    """

    def __init__(self, layers: Sequence[str], seen_through: set[bytes] | None = None) -> None:
        self._layers = [os.fsencode(layer) for layer in layers]
        self._seen_through = set() if seen_through is None else seen_through
        self._stacks: dict[bytes, list[bytes]] = {}

    def forget(self) -> None:
        """The highest layer has changed."""
        self._stacks.clear()

    def stack(self, path: bytes) -> list[bytes]:
        """Host paths of the directories that are merged at a path, highest first."""
        known = self._stacks.get(path)
        if known is None:
            known = self._stacks[path] = self._merging(path)
        return known

    def _merging(self, path: bytes) -> list[bytes]:
        if not path:
            candidates = self._layers
        else:
            parent, _, name = path.rpartition(b"/")
            candidates = [each + b"/" + name for each in self.stack(parent)]
        merging: list[bytes] = []
        for candidate in candidates:
            status = _status(candidate)
            if status is None:
                continue
            if not stat.S_ISDIR(status.st_mode):
                break
            merging.append(candidate)
            if is_opaque(candidate):
                break
        return merging

    def lookup(self, path: bytes) -> Found | None:
        """What is at a path whose parent is canonical; a link at its end is not followed."""
        parent, _, name = path.rpartition(b"/")
        through: Found | None = None
        for directory in self.stack(parent):
            file = directory + b"/" + name
            status = _status(file)
            if status is None:
                continue
            if is_whiteout(status):
                break
            if not (path in self._seen_through and file == self._layers[0] + b"/" + path):
                return Found(file, status)
            through = Found(file, status)
        return through

    def resolve(self, path: bytes) -> bytes:
        """The canonical path that a path leads to, links followed; it need not exist.

        Raises ContentError for a loop.
        """
        here = b""
        waiting = path.split(b"/")[::-1]
        links = 0
        while waiting:
            part = waiting.pop()
            if part in (b"", b"."):
                continue
            if part == b"..":
                here = here.rpartition(b"/")[0]
                continue
            there = here + b"/" + part if here else part
            found = self.lookup(there)
            if found is None or not stat.S_ISLNK(found.status.st_mode):
                here = there
                continue
            links += 1
            if links > _LINKS:
                raise ContentError(f"too many symbolic links at {shown(path)}")
            target = os.readlink(found.file)
            here = b"" if target.startswith(b"/") else here
            waiting += target.split(b"/")[::-1]
        return here


def _status(file: bytes) -> os.stat_result | None:
    try:
        return os.lstat(file)
    except FileNotFoundError:
        return None
