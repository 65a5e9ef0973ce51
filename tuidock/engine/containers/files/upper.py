"""What a container changed: its own directory of the overlay, held against the image's layers.

Overlayfs' marks are understood as its documentation has them: a character device 0/0, or an
empty file with `user.overlay.whiteout`, deletes; `user.overlay.opaque` hides a directory below.
Invariant: the layers never change and are looked at by path, the container's own directory may
change at any time and is looked at by descriptor.
"""

from __future__ import annotations

import errno
import os
import stat

from tuidock.engine.errors import ContentError
from tuidock.engine.filesystem import ChangeKind
from tuidock.engine.images.layers import tar
from tuidock.engine.images.layers.merged import Merged, is_whiteout
from tuidock.engine.images.layers.names import OPAQUE, WHITEOUT, shown
from tuidock.engine.images.layers.owners import OPAQUE_XATTR, WHITEOUT_XATTR
from tuidock.engine.images.layers.tar import Entry
from tuidock.engine.images.layers.walk import Opener, Seen, walk
from tuidock.engine.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tuidock.engine.images.layers.merged import Found
    from tuidock.engine.images.layers.packing import Packer

_REMEMBERED = 4096
"""Directories of the layers between two times that they are forgotten."""


class Difference(NamedTuple):
    """A path of the container's own directory, and what it means."""

    kind: ChangeKind | None
    """None for a directory that is changed if something in it is."""
    seen: Seen
    hides: bool = False
    """In what was a directory nothing of the image is left but what is told anew."""


class Upper:
    """One comparison; `stubs` are paths that the engine made to mount something on."""

    def __init__(
        self, opener: Opener, layers: Sequence[str], stubs: Sequence[str], *, exact: bool
    ) -> None:
        """`layers`: directories, highest first. `exact`: as docker's `diff`, a file that was
        copied up and still looks the same is no change.
        """
        self._opener = opener
        self._image = Merged(layers)
        self._stubs = {os.fsencode(each.strip("/")) for each in stubs}
        self._above = {os.path.dirname(each) for each in self._stubs}
        self._exact = exact
        self._looked = 0

    def differences(self, top: int) -> Iterator[Difference]:
        """In order, parents first; what is in a changed directory makes the directory changed."""
        waiting: list[Difference] = []
        try:
            for seen in walk(self._opener, top, b""):
                _drop(waiting, seen.path)
                found = self._judged(seen) if seen.path else None
                if found is None:
                    continue
                if found.kind is None:
                    descriptor = os.dup(seen.descriptor)
                    waiting.append(found._replace(seen=seen._replace(descriptor=descriptor)))
                    continue
                yield from map(self._decided, waiting)
                _drop(waiting, b"")
                yield found
        finally:
            _drop(waiting, b"")

    def _decided(self, waiting: Difference) -> Difference:
        found = self._lookup(waiting.seen.path)
        return waiting._replace(kind=ChangeKind.MODIFIED if found else ChangeKind.ADDED)

    def hidden(self, path: bytes, top: int) -> list[bytes]:
        """Paths of the image that a directory hides and has not told anew itself; all for -1."""
        own: set[bytes] = set()
        if top >= 0 and stat.S_ISDIR(os.fstat(top).st_mode):
            opened = self._opener.open(top)
            own = set(map(os.fsencode, os.listdir(opened)))
            os.close(opened)
        names = {name for each in self._image.stack(path) for name in os.listdir(each)}
        paths = [path + b"/" + name for name in sorted(names - own)]
        return [each for each in paths if self._image.lookup(each)]

    def original(self, path: bytes, *, whole: bool) -> Iterator[Seen]:
        """What the image has at a path, and with `whole` all below, parents first."""
        found = self._image.lookup(path)
        if found is None:
            return
        descriptor = os.open(found.file, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            yield Seen(path, descriptor, found.status)
        finally:
            os.close(descriptor)
        if whole and stat.S_ISDIR(found.status.st_mode):
            for below in self.hidden(path, -1):
                yield from self.original(below, whole=True)

    def _lookup(self, path: bytes) -> Found | None:
        self._looked += 1
        if self._looked % _REMEMBERED == 0:
            self._image.forget()
        return self._image.lookup(path)

    def _judged(self, seen: Seen) -> Difference | None:
        """None for what is nobody's change; a directory may turn out to be one by its content."""
        before = self._lookup(seen.path)
        if self._deletes(seen):
            return Difference(ChangeKind.DELETED, seen) if before else None
        is_directory = stat.S_ISDIR(seen.status.st_mode)
        if before is None:
            if seen.path in self._stubs and (is_directory or not seen.status.st_size):
                return None
            made_for_stubs = is_directory and seen.path in self._above
            return Difference(None if made_for_stubs else ChangeKind.ADDED, seen)
        if not is_directory:
            if self._exact and not _differs(seen, before):
                return None
            return Difference(ChangeKind.MODIFIED, seen, stat.S_ISDIR(before.status.st_mode))
        hides = self._attribute(seen, OPAQUE_XATTR) == b"y"
        if hides and self._exact:  # it was made anew, perhaps with all that was in it
            hides = bool(self.hidden(seen.path, seen.descriptor))
        changed = hides or _differs(seen, before)
        return Difference(ChangeKind.MODIFIED if changed else None, seen, hides)

    def _deletes(self, seen: Seen) -> bool:
        if is_whiteout(seen.status):
            return True
        empty = stat.S_ISREG(seen.status.st_mode) and not seen.status.st_size
        return empty and self._attribute(seen, WHITEOUT_XATTR) is not None

    def _attribute(self, seen: Seen, key: bytes) -> bytes | None:
        opened = self._opener.open(seen.descriptor)
        try:
            return os.getxattr(opened, key)
        except OSError as error:
            if error.errno not in (errno.ENODATA, errno.ENOTSUP):
                raise
            return None
        finally:
            os.close(opened)


def _drop(waiting: list[Difference], path: bytes) -> None:
    """Forget the directories that a path is not in; all of them for b""."""
    while waiting and not (path and path.startswith(waiting[-1].seen.path + b"/")):
        os.close(waiting.pop().seen.descriptor)


def _differs(seen: Seen, before: Found) -> bool:
    """As docker compares: of directories not size and time, which all changes in them move."""
    now, then = seen.status, before.status
    if (now.st_mode, now.st_uid, now.st_gid) != (then.st_mode, then.st_uid, then.st_gid):
        return True
    if stat.S_ISDIR(now.st_mode):
        return False
    if (now.st_mtime_ns, now.st_size, now.st_rdev) != (
        then.st_mtime_ns,
        then.st_size,
        then.st_rdev,
    ):
        return True
    if stat.S_ISLNK(now.st_mode):
        return os.readlink(b"", dir_fd=seen.descriptor) != os.readlink(before.file)
    return False


def tell(upper: Upper, top: int) -> Iterator[tuple[ChangeKind, bytes]]:
    """What `diff` tells, parents first."""
    for kind, seen, hides in upper.differences(top):
        yield kind or ChangeKind.MODIFIED, seen.path
        if hides:
            for path in upper.hidden(seen.path, seen.descriptor):
                yield ChangeKind.DELETED, path


def pack_layer(upper: Upper, top: int, packer: Packer) -> None:
    """The changes as a layer after OCI's image-spec, layer.md. Raises ContentError, OSError."""
    for kind, seen, hides in upper.differences(top):
        directory, _, leaf = seen.path.rpartition(b"/")
        if leaf.startswith(WHITEOUT):
            raise ContentError(f"no image can hold a file of the name {shown(leaf)}")
        if kind is ChangeKind.DELETED:
            packer.put(_mark(directory, WHITEOUT + leaf, seen))
            continue
        packer.add(seen)
        if hides and stat.S_ISDIR(seen.status.st_mode):
            packer.put(_mark(seen.path, OPAQUE, seen))


def pack_undone(
    upper: Upper, top: int, below: bytes, mounted: Sequence[bytes], packer: Packer
) -> int:
    """What takes the changes at and below a path back, as a layer to be laid over them.

    Whiteouts for what was added, and the image's own for all else; the number of changes. What
    leads to a place that something is `mounted` on stays.
    """
    count, settled = 0, None
    for kind, path in tell(upper, top):
        kept = kind is ChangeKind.ADDED and any(_within(each, path) for each in mounted)
        if kept or not _within(path, below):
            continue
        count += 1
        if settled is not None and _within(path, settled):
            continue
        if kind is ChangeKind.ADDED:
            packer.put(whiteout(path))
            settled = path
            continue
        for seen in upper.original(path, whole=kind is ChangeKind.DELETED):
            packer.add(seen)
            if seen.path == path and not stat.S_ISDIR(seen.status.st_mode):
                settled = path
    return count


def _within(path: bytes, top: bytes) -> bool:
    return not top or path == top or path.startswith(top + b"/")


def whiteout(path: bytes) -> Entry:
    """The entry that removes a path."""
    directory, _, leaf = path.rpartition(b"/")
    name = directory + b"/" + WHITEOUT + leaf if directory else WHITEOUT + leaf
    return Entry(name, tar.FILE, 0o644, 0, 0, 0, 0, b"", (0, 0))


def _mark(directory: bytes, name: bytes, seen: Seen) -> Entry:
    """A whiteout file; its time is that of the deed."""
    path = directory + b"/" + name if directory else name
    mtime = seen.status.st_mtime_ns
    return Entry(path, tar.FILE, 0o644, 0, 0, 0, mtime, b"", (0, 0))
