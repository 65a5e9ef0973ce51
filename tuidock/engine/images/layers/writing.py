"""Entries of an archive become files of a layer's directory, with as few system calls as may be.

Invariant: every name is used with the descriptor of its real parent, creation is exclusive and
never follows a link; a plain file of root costs open, write, utime, close.
"""

from __future__ import annotations

import os
import stat

from tuidock.engine.errors import ContentError, UnsafeLayer
from tuidock.engine.images.layers import tar
from tuidock.engine.images.layers.bounds import Bounds
from tuidock.engine.images.layers.merged import is_whiteout
from tuidock.engine.images.layers.names import OPAQUE, clean, shown, whiteout
from tuidock.engine.images.layers.owners import Owners, kept_xattrs
from tuidock.engine.images.layers.source import Source
from tuidock.engine.images.layers.tar import Entry
from tuidock.engine.images.layers.tree import Directory, Tree
from tuidock.engine.images.root import LISTED_XATTR
from tuidock.engine.named import NamedTuple

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_SPECIAL = stat.S_ISUID | stat.S_ISGID
_NODES = {tar.CHARACTER: stat.S_IFCHR, tar.BLOCKDEV: stat.S_IFBLK, tar.FIFO: stat.S_IFIFO}


class Written(NamedTuple):
    """What became of an archive."""

    size: int
    """Bytes of data in its files."""
    entries: int
    implied: list[bytes]
    links: list[tuple[bytes, bytes]]
    """(name, target) of hard links whose target is not in this layer."""


class Writer:
    """Writes one archive into one directory, which must be empty."""

    def __init__(self, root: int, owners: Owners, bounds: Bounds) -> None:
        self._tree = Tree(root)
        self._owners = owners
        self._bounds = bounds
        self._links: list[tuple[bytes, bytes]] = []
        self._size = 0
        self._entries = 0

    def write(self, source: Source) -> Written:
        """Take the whole archive. Raises ContentError, UnsafeLayer, OSError."""
        for entry in tar.entries(source, self._bounds):
            self._entries += 1
            if self._entries > self._bounds.entries:
                raise UnsafeLayer(f"the layer has more than {self._bounds.entries} entries")
            self._tree.trim()
            path = clean(entry.name, self._bounds)
            hidden = whiteout(path)
            if hidden is not None:
                self._hide(hidden)
            elif path:
                self._entry(entry, path, source)
            else:
                self._root(entry)
        source.drain()
        self._finish_directories()
        return Written(self._size, self._entries, self._tree.depends(), self._links)

    def _hide(self, path: bytes) -> None:
        directory, _, leaf = path.rpartition(b"/")
        if leaf == OPAQUE:
            self._tree.hide(self._tree.directory(directory))
        elif leaf:
            self._tree.white_out(self._tree.directory(directory), leaf)

    def _root(self, entry: Entry) -> None:
        if entry.kind != tar.DIRECTORY:
            raise UnsafeLayer("the root of the layer is not a directory")
        root = self._tree.directory(b"")
        os.setxattr(root.descriptor, LISTED_XATTR, b"")
        self._tree.listed[b""] = entry

    def _entry(self, entry: Entry, path: bytes, source: Source) -> None:
        directory, _, leaf = path.rpartition(b"/")
        parent = self._tree.directory(directory)
        if entry.kind == tar.DIRECTORY:
            mode = entry.mode & 0o1777 | self._owners.access
            made = self._tree.make(parent, leaf, mode)
            self._tree.listed[made.path] = entry
        elif entry.kind == tar.FILE:
            self._file(entry, parent, leaf, source)
        elif entry.kind == tar.LINK:
            self._link(entry, parent, leaf)
        elif entry.kind == tar.CHARACTER and entry.device == (0, 0):
            self._tree.white_out(parent, leaf)  # what overlayfs would take it for anyway
        elif self._owners.devices or entry.kind in (tar.SYMLINK, tar.FIFO):
            self._special(entry, parent, leaf)

    def _cleared(self, parent: Directory, leaf: bytes) -> Directory:
        """Remove what stands in the way; the parent, opened anew where that was needed."""
        self._tree.clear(parent, leaf)
        return self._tree.directory(parent.path)

    def _file(self, entry: Entry, parent: Directory, leaf: bytes, source: Source) -> None:
        mode = entry.mode & 0o1777
        try:
            descriptor = os.open(leaf, _CREATE, mode, dir_fd=parent.descriptor)
        except FileExistsError:
            parent = self._cleared(parent, leaf)
            descriptor = os.open(leaf, _CREATE, mode, dir_fd=parent.descriptor)
        try:
            if entry.segments is not None:
                fill(entry, source, descriptor)
            elif entry.size:
                source.pour(entry.size, descriptor)
            self._size += entry.size
            self._attributes(entry, descriptor)
        finally:
            os.close(descriptor)

    def _attributes(self, entry: Entry, descriptor: int) -> None:
        """Owner, special bits, xattrs, time: in this order, as each undoes some of the next."""
        owner = self._owners.of(entry)
        if owner is not None:
            os.chown(descriptor, *owner)
        if entry.mode & _SPECIAL:
            os.chmod(descriptor, entry.mode)
        for key, value in kept_xattrs(entry) if entry.xattrs else ():
            os.setxattr(descriptor, key, value)
        os.utime(descriptor, ns=(entry.mtime, entry.mtime))

    def _link(self, entry: Entry, parent: Directory, leaf: bytes) -> None:
        target = clean(entry.link, self._bounds)
        directory, _, name = target.rpartition(b"/")
        source = self._source(directory, name)
        if source is None:
            self._links.append((parent.at(leaf), target))
            self._tree.clear(parent, leaf)
            return
        if (source.path, name) == (parent.path, leaf):
            return
        try:
            self._make_link(source, name, parent, leaf)
        except FileExistsError:
            parent = self._cleared(parent, leaf)
            source = self._tree.directory(source.path)
            self._make_link(source, name, parent, leaf)

    def _make_link(self, source: Directory, name: bytes, parent: Directory, leaf: bytes) -> None:
        os.link(
            name,
            leaf,
            src_dir_fd=source.descriptor,
            dst_dir_fd=parent.descriptor,
            follow_symlinks=False,
        )

    def _source(self, directory: bytes, name: bytes) -> Directory | None:
        """Where the target of a hard link is in this layer; None when a lower one must have it."""
        found = self._tree.existing(directory)
        if found is None:
            return None
        try:
            status = os.lstat(name, dir_fd=found.descriptor)
        except FileNotFoundError:
            return None
        if stat.S_ISDIR(status.st_mode):
            raise ContentError(f"a hard link to a directory: {shown(name)}")
        return None if is_whiteout(status) else found

    def _special(self, entry: Entry, parent: Directory, leaf: bytes) -> None:
        try:
            self._make_special(entry, parent, leaf)
        except FileExistsError:
            parent = self._cleared(parent, leaf)
            self._make_special(entry, parent, leaf)
        where = parent.descriptor
        owner = self._owners.of(entry)
        if owner is not None:
            os.chown(leaf, *owner, dir_fd=where, follow_symlinks=False)
        if entry.mode & _SPECIAL and entry.kind != tar.SYMLINK:
            os.chmod(leaf, entry.mode, dir_fd=where)
        times = (entry.mtime, entry.mtime)
        os.utime(leaf, ns=times, dir_fd=where, follow_symlinks=False)

    def _make_special(self, entry: Entry, parent: Directory, leaf: bytes) -> None:
        where = parent.descriptor
        if entry.kind == tar.SYMLINK:
            os.symlink(entry.link, leaf, dir_fd=where)
        else:
            mode = entry.mode & 0o1777 | _NODES[entry.kind]
            os.mknod(leaf, mode, os.makedev(*entry.device), dir_fd=where)

    def _finish_directories(self) -> None:
        """Set what writing into a directory would have changed, or would have passed on."""
        for path in self._tree.implied:
            self._tree.trim()
            os.utime(self._tree.directory(path).descriptor, ns=(0, 0))
        for path, entry in sorted(self._tree.listed.items(), reverse=True):  # parents last
            self._tree.trim()
            directory = self._tree.directory(path)
            if not path or self._owners.access & ~entry.mode:
                os.chmod(directory.descriptor, entry.mode & 0o1777)
            self._attributes(entry, directory.descriptor)


def fill(entry: Entry, source: Source, descriptor: int) -> None:
    """The data of a sparse file, each segment in its place."""
    for offset, length in entry.segments or ():
        os.lseek(descriptor, offset, os.SEEK_SET)
        source.pour(length, descriptor)
    os.truncate(descriptor, entry.apparent)
