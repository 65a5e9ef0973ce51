"""The directories of a layer while it is written: descriptors of them, and what was implied.

Paths are *canonical*: relative to the layer's root, through real directories only. No path is
resolved by the kernel further than one component, and none through a symbolic link.
"""

from __future__ import annotations

import os
import stat

from tuidock.engine.errors import ContentError, UnsafeLayer
from tuidock.engine.images.layers.merged import is_whiteout
from tuidock.engine.images.layers.names import shown
from tuidock.engine.images.layers.owners import OPAQUE_XATTR, ORIGIN_XATTR
from tuidock.engine.images.layers.tar import Entry
from tuidock.engine.linux.files import remove_tree
from tuidock.engine.named import NamedTuple

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CACHED = 256
_LINKS = 40  # as many as the kernel follows


class Directory(NamedTuple):
    """An open directory of the layer."""

    path: bytes
    descriptor: int

    def at(self, name: bytes) -> bytes:
        """The canonical path of a name in it."""
        return self.path + b"/" + name if self.path else name


class Tree:
    """Finds and makes directories; remembers what later has to be known of lower layers."""

    def __init__(self, root: int) -> None:
        self._root = Directory(b"", root)
        self._open: dict[bytes, Directory] = {b"": self._root}
        self.implied: set[bytes] = set()
        """Directories without an entry of their own, whose attributes lower layers decide."""
        self.listed: dict[bytes, Entry] = {}
        """Directories with one; its attributes are set when nothing changes them any more."""
        self.opaque: set[bytes] = set()

    def trim(self) -> None:
        """Close descriptors when there are many; those handed out become invalid."""
        if len(self._open) > _CACHED:
            self.forget()

    def forget(self) -> None:
        """Close all descriptors but the root's."""
        for directory in set(self._open.values()) - {self._root}:
            os.close(directory.descriptor)
        self._open = {b"": self._root}

    def existing(self, path: bytes) -> Directory | None:
        """The directory at a clean path, None when this layer does not have it."""
        try:
            return self.directory(path, make=False)
        except FileNotFoundError:
            return None

    def directory(self, path: bytes, *, links: int = 0, make: bool = True) -> Directory:
        """The directory at a clean path, made if need be; symbolic links lead on inside the layer.

        Raises ContentError when something else is in the way, UnsafeLayer for a loop.
        """
        found = self._open.get(path)
        if found is None:
            parts = path.split(b"/")
            known = len(parts) - 1
            while (found := self._open.get(b"/".join(parts[:known]))) is None:
                known -= 1
            for end in range(known, len(parts)):
                found = self._child(found, parts[end], links, make)
                self._open[b"/".join(parts[: end + 1])] = found
        return found

    def _child(self, parent: Directory, name: bytes, links: int, make: bool) -> Directory:
        path = parent.at(name)
        try:
            return Directory(path, os.open(name, _OPEN, dir_fd=parent.descriptor))
        except FileNotFoundError:
            if not make:
                raise
            os.mkdir(name, 0o755, dir_fd=parent.descriptor)
            self.implied.add(path)
        except NotADirectoryError:
            status = os.lstat(name, dir_fd=parent.descriptor)
            if stat.S_ISLNK(status.st_mode):
                return self._follow(parent, name, links + 1, make)
            if not is_whiteout(status):
                text = f"{shown(path)} is not a directory, and something is below it"
                raise ContentError(text) from None
            if not make:
                raise FileNotFoundError(path) from None
            os.unlink(name, dir_fd=parent.descriptor)
            os.mkdir(name, 0o755, dir_fd=parent.descriptor)
            self.hide(self._cached(path, parent, name))
        return self._cached(path, parent, name)

    def _cached(self, path: bytes, parent: Directory, name: bytes) -> Directory:
        """Open a directory that is there."""
        if (found := self._open.get(path)) is None:
            found = Directory(path, os.open(name, _OPEN, dir_fd=parent.descriptor))
            self._open[path] = found
        return found

    def _follow(self, here: Directory, name: bytes, links: int, make: bool) -> Directory:
        target = os.readlink(name, dir_fd=here.descriptor)
        if links > _LINKS:
            raise UnsafeLayer(f"too many symbolic links at {shown(target)}")
        if target.startswith(b"/"):
            here = self._root
        for part in target.split(b"/"):
            if part == b"..":
                here = self.directory(here.path.rpartition(b"/")[0], links=links, make=make)
            elif part not in (b"", b"."):
                path = here.at(part)
                here = self.directory(path, links=links, make=make)
        return here

    def make(self, parent: Directory, name: bytes, mode: int) -> Directory:
        """The directory of an entry: new, or the one that is there; replaces anything else."""
        path = parent.at(name)
        try:
            os.mkdir(name, mode, dir_fd=parent.descriptor)
        except FileExistsError:
            if self._is_directory(parent, name):
                os.chmod(name, mode, dir_fd=parent.descriptor)
            else:  # a whiteout or an earlier entry: lower layers do not show through
                os.unlink(name, dir_fd=parent.descriptor)
                os.mkdir(name, mode, dir_fd=parent.descriptor)
                self.forget()
                self.hide(self._cached(path, self.directory(parent.path), name))
        self.implied.discard(path)
        return self._cached(path, self.directory(parent.path), name)

    def _is_directory(self, parent: Directory, name: bytes) -> bool:
        try:
            return stat.S_ISDIR(os.lstat(name, dir_fd=parent.descriptor).st_mode)
        except FileNotFoundError:
            return False

    def hide(self, directory: Directory) -> None:
        """Mark as opaque: nothing of lower layers is seen in it."""
        os.setxattr(directory.descriptor, OPAQUE_XATTR, b"y")
        self.opaque.add(directory.path)

    def white_out(self, parent: Directory, name: bytes) -> None:
        """Delete what lower layers have under a name, and nothing that this layer has."""
        path = parent.at(name)
        try:
            status = os.lstat(name, dir_fd=parent.descriptor)
        except FileNotFoundError:
            os.mknod(name, stat.S_IFCHR, 0, dir_fd=parent.descriptor)
            # Without it, readdir of a directory that only this layer has shows the device.
            os.setxattr(parent.descriptor, ORIGIN_XATTR, b"")
            return
        if stat.S_ISDIR(status.st_mode):
            self.hide(self._cached(path, parent, name))
            self.implied.discard(path)

    def clear(self, parent: Directory, name: bytes) -> None:
        """Make room for an entry that replaces an earlier one; handed-out descriptors close."""
        path = parent.at(name)
        was_directory = self._is_directory(parent, name)
        remove_tree(parent.descriptor, name)
        if was_directory:
            self._forget_below(path)
        self.forget()  # the name may have been a link on the way to another

    def _forget_below(self, path: bytes) -> None:
        below = path + b"/"
        gone = {
            p for p in (*self.implied, *self.opaque, *self.listed) if (p + b"/").startswith(below)
        }
        self.implied -= gone
        self.opaque -= gone
        for each in gone:
            self.listed.pop(each, None)

    def depends(self) -> list[bytes]:
        """Implied directories that may have a lower one, parents first."""
        return sorted(path for path in self.implied if not self._hidden(path))

    def _hidden(self, path: bytes) -> bool:
        while path:
            path = path.rpartition(b"/")[0]
            if path in self.opaque:
                return True
        return False
