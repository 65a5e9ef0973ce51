"""Entries of an archive become files below a directory, as docker's `cp` does it.

What is there is replaced, but no directory by a file or the reverse. Invariant: a file is made
exclusively in the open descriptor of its real parent, and no link is followed on the way there,
unless the caller gives a way to follow it that cannot lead out.
"""

from __future__ import annotations

import errno
import os
import stat

from tuidock.engine.errors import Conflict, ContentError
from tuidock.engine.images.layers import tar
from tuidock.engine.images.layers.bounds import BOUNDS
from tuidock.engine.images.layers.names import WHITEOUT, clean, shown
from tuidock.engine.images.layers.writing import fill
from tuidock.engine.linux.files import remove_tree
from tuidock.engine.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tuidock.engine.images.layers.source import Source
    from tuidock.engine.images.layers.tar import Entry

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_REPLACE = os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LARGEST = 1 << 62
_LIMITS = BOUNDS._replace(total=_LARGEST, entries=_LARGEST)
"""Of an archive that somebody wants to have: sizes are limited by the disk."""


class Manner(NamedTuple):
    """What of an entry counts."""

    owners: bool
    """Give files to the ids that the archive says; else they are ours."""
    mode: int
    """Permission bits that may be set."""
    xattrs: tuple[bytes, ...]
    """How the names of attributes that may be set begin."""
    layer: bool = False
    """As a layer: whiteouts remove, and directories and files replace each other."""


IN_CONTAINER = Manner(False, 0o7777, (b"user.", b"security.capability", b"system.posix_acl_"))
AS_LAYER = IN_CONTAINER._replace(owners=True, layer=True)
ON_HOST = Manner(False, 0o1777, ())
"""Nothing that a container made may run on the host as somebody else: no setuid, no setgid."""


class _Open(NamedTuple):
    """A directory on the way to the current entry."""

    name: bytes
    descriptor: int
    entry: Entry | None
    """What it is to look like when we leave it."""


class Rename(NamedTuple):
    """The first component of every name: what it is in the archive, and what it shall be."""

    old: bytes
    new: bytes

    def __call__(self, path: bytes) -> bytes:
        if not self.old:
            return self.new + b"/" + path if self.new and path else self.new or path
        rest = path[len(self.old) :]
        if not path.startswith(self.old) or rest[:1] not in (b"", b"/"):
            raise ContentError(f"an entry beside what was asked for: {shown(path)}")
        return self.new + rest if self.new else rest[1:]


class Restorer:
    """Restores one archive below the directory open as `base`; it holds a descriptor a level."""

    def __init__(
        self,
        base: int,
        manner: Manner,
        follow: Callable[[int, bytes], int] | None = None,
        rename: Rename = Rename(b"", b""),  # noqa: B008
    ) -> None:
        """`follow` opens the directory that a link (parent, name) leads to; None: an error."""
        self._base = base
        self._manner = manner
        self._follow = follow
        self._rename = rename
        self._way: list[_Open] = []
        self.entries = 0
        self.skipped = 0
        """Device nodes: whoever restores is not to be given the machine's devices."""

    def restore(self, source: Source) -> None:
        """Take the whole archive. Raises Conflict, ContentError, UnsafeLayer, OSError."""
        for entry in tar.entries(source, _LIMITS):
            path = self._rename(clean(entry.name, _LIMITS))
            if path:
                self._entry(entry, path, source)
                self.entries += 1
        self._back(0)
        source.drain()

    def leave(self) -> None:
        """Close what is open; after an error directories stay as they are."""
        while self._way:
            os.close(self._way.pop().descriptor)

    def _entry(self, entry: Entry, path: bytes, source: Source) -> None:
        parts = path.split(b"/")
        parent = self._enter(parts[:-1])
        leaf = parts[-1]
        if self._manner.layer and leaf.startswith(WHITEOUT):
            _remove(parent, leaf.removeprefix(WHITEOUT))
        elif entry.kind == tar.DIRECTORY:
            self._directory(entry, parent, leaf)
        elif entry.kind == tar.FILE:
            self._file(entry, parent, leaf, source)
        elif entry.kind == tar.LINK:
            self._link(entry, parent, leaf)
        elif entry.kind in (tar.SYMLINK, tar.FIFO):
            self._special(entry, parent, leaf)
        else:
            self.skipped += 1

    # --- directories ------------------------------------------------------------------------

    def _enter(self, parts: list[bytes]) -> int:
        """The directory at a path; what is missing is made. Directories left get their looks."""
        known = 0
        while known < min(len(parts), len(self._way)) and self._way[known].name == parts[known]:
            known += 1
        self._back(known)
        for name in parts[known:]:
            descriptor = self._child(self._here(), name)
            self._way.append(_Open(name, descriptor, None))
        return self._here()

    def _here(self) -> int:
        return self._way[-1].descriptor if self._way else self._base

    def _back(self, depth: int) -> None:
        while len(self._way) > depth:
            left = self._way.pop()
            try:
                if left.entry is not None:
                    self._attributes(left.entry, left.descriptor)
            finally:
                os.close(left.descriptor)

    def _child(self, parent: int, name: bytes) -> int:
        try:
            return os.open(name, _OPEN, dir_fd=parent)
        except FileNotFoundError:
            os.mkdir(name, 0o755, dir_fd=parent)
            return os.open(name, _OPEN, dir_fd=parent)
        except OSError as error:
            if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                raise
        return self._linked(parent, name)

    def _linked(self, parent: int, name: bytes) -> int:
        """The directory that a link in the way leads to."""
        if self._follow is None or not stat.S_ISLNK(os.lstat(name, dir_fd=parent).st_mode):
            raise Conflict(f"{shown(name)} is not a directory, and something is below it")
        return self._follow(parent, name)

    def _directory(self, entry: Entry, parent: int, leaf: bytes) -> None:
        try:
            os.mkdir(leaf, 0o700, dir_fd=parent)
        except FileExistsError:
            self._become_directory(parent, leaf)
        descriptor = os.open(leaf, _OPEN, dir_fd=parent)
        self._way.append(_Open(leaf, descriptor, entry))

    def _become_directory(self, parent: int, leaf: bytes) -> None:
        """See to it that what is there is a directory."""
        if stat.S_ISDIR(os.lstat(leaf, dir_fd=parent).st_mode):
            return
        if not self._manner.layer:
            raise Conflict(f'cannot overwrite non-directory "{shown(leaf)}" with directory')
        os.unlink(leaf, dir_fd=parent)
        os.mkdir(leaf, 0o700, dir_fd=parent)

    # --- everything else --------------------------------------------------------------------

    def _clear(self, parent: int, leaf: bytes) -> None:
        """Make room."""
        if self._manner.layer:
            _remove(parent, leaf)
            return
        if stat.S_ISDIR(os.lstat(leaf, dir_fd=parent).st_mode):
            raise Conflict(f'cannot overwrite directory "{shown(leaf)}" with non-directory')
        os.unlink(leaf, dir_fd=parent)

    def _file(self, entry: Entry, parent: int, leaf: bytes, source: Source) -> None:
        descriptor = self._created(parent, leaf)
        try:
            if entry.segments is not None:
                fill(entry, source, descriptor)
            else:
                source.pour(entry.size, descriptor)
            self._attributes(entry, descriptor)
        except BaseException:
            _withdraw(parent, leaf, descriptor)
            raise
        finally:
            os.close(descriptor)

    def _created(self, parent: int, leaf: bytes) -> int:
        try:
            return os.open(leaf, _CREATE, 0o600, dir_fd=parent)
        except FileExistsError:
            pass
        try:
            self._clear(parent, leaf)
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            return self._replaced(parent, leaf)
        return os.open(leaf, _CREATE, 0o600, dir_fd=parent)

    def _replaced(self, parent: int, leaf: bytes) -> int:
        """A file that is a mount, as /etc/hosts is, keeps its place and gets new content."""
        descriptor = os.open(leaf, _REPLACE, dir_fd=parent)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise Conflict(f"{shown(leaf)} is mounted, and no regular file")
        return descriptor

    def _attributes(self, entry: Entry, descriptor: int) -> None:
        """Owner, mode, xattrs, time: in this order, as each undoes some of the next."""
        if self._manner.owners:
            _give(entry, lambda uid, gid: os.chown(descriptor, uid, gid))
        os.chmod(descriptor, entry.mode & self._manner.mode)
        for key, value in entry.xattrs:
            if key.startswith(self._manner.xattrs):
                os.setxattr(descriptor, key, value)
        os.utime(descriptor, ns=(entry.mtime, entry.mtime))

    def _link(self, entry: Entry, parent: int, leaf: bytes) -> None:
        """Another name of an entry before it."""
        parts = self._rename(clean(entry.link, _LIMITS)).split(b"/")
        source = os.dup(self._base)
        try:
            for name in parts[:-1]:
                below = os.open(name, _OPEN, dir_fd=source)
                os.close(source)
                source = below
            self._make(parent, leaf, lambda: _linked_to(source, parts[-1], parent, leaf))
        finally:
            os.close(source)

    def _special(self, entry: Entry, parent: int, leaf: bytes) -> None:
        if entry.kind == tar.SYMLINK:
            self._make(parent, leaf, lambda: os.symlink(entry.link, leaf, dir_fd=parent))
        else:
            mode = entry.mode & self._manner.mode
            self._make(parent, leaf, lambda: os.mkfifo(leaf, mode, dir_fd=parent))
        if self._manner.owners:
            _give(entry, lambda uid, gid: _chown_here(parent, leaf, uid, gid))
        times = (entry.mtime, entry.mtime)
        os.utime(leaf, ns=times, dir_fd=parent, follow_symlinks=False)

    def _make(self, parent: int, leaf: bytes, make: Callable[[], None]) -> None:
        try:
            make()
        except FileExistsError:
            self._clear(parent, leaf)
            make()


def _remove(parent: int, leaf: bytes) -> None:
    """With all that is in it. Raises Conflict for what something is mounted on."""
    try:
        remove_tree(parent, leaf)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        raise Conflict(f"something is mounted at {shown(leaf)}") from None


def _linked_to(source: int, name: bytes, parent: int, leaf: bytes) -> None:
    os.link(name, leaf, src_dir_fd=source, dst_dir_fd=parent, follow_symlinks=False)


def _withdraw(parent: int, leaf: bytes, descriptor: int) -> None:
    """Leave no part of a file behind, if its name still means it."""
    try:
        if os.path.samestat(os.lstat(leaf, dir_fd=parent), os.fstat(descriptor)):
            os.unlink(leaf, dir_fd=parent)
    except OSError:  # there is an error on its way already
        return


def _give(entry: Entry, chown: Callable[[int, int], None]) -> None:
    """Set user and group, each if it exists in this user namespace; else it stays ours."""
    try:
        chown(entry.uid, entry.gid)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        for uid, gid in ((entry.uid, -1), (-1, entry.gid)):
            try:
                chown(uid, gid)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise


def _chown_here(parent: int, leaf: bytes, uid: int, gid: int) -> None:
    os.chown(leaf, uid, gid, dir_fd=parent, follow_symlinks=False)
