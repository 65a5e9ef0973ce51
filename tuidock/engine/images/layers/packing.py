"""Files become entries of an archive: owners, modes, times, links, devices, attributes, holes.

Invariant: memory does not grow with the size of a file, and what is written is a whole archive
even when a file shrinks while it is read.
"""

from __future__ import annotations

import errno
import os
import stat

from tuidock.engine.errors import UnsafeLayer
from tuidock.engine.images.layers import pack, tar
from tuidock.engine.images.layers.bounds import BOUNDS
from tuidock.engine.images.layers.names import shown
from tuidock.engine.images.layers.owners import is_kept
from tuidock.engine.images.layers.tar import Entry
from tuidock.engine.images.layers.walk import Opener, Seen, walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tuidock.engine.images.layers.sparse import Segments

_KINDS = {
    stat.S_IFREG: tar.FILE,
    stat.S_IFLNK: tar.SYMLINK,
    stat.S_IFCHR: tar.CHARACTER,
    stat.S_IFBLK: tar.BLOCKDEV,
    stat.S_IFDIR: tar.DIRECTORY,
    stat.S_IFIFO: tar.FIFO,
}
_PIECE = 1 << 18
_ZEROS = bytes(_PIECE)
_SEGMENTS = 20_000
"""Of one sparse file: as many as its map may have in `BOUNDS.header`."""


class Packer:
    """Writes one archive, piece by piece, to `write`."""

    def __init__(
        self,
        write: Callable[[bytes], object],
        opener: Opener,
        *,
        sparse: bool,
        latest: int = 0,
        shift: int = 0,
    ) -> None:
        """`sparse`: holes are left out, as GNU tar does it; image-spec advises against.

        `latest`: no time is later, in seconds since the epoch (SOURCE_DATE_EPOCH); 0 for any.
        `shift`: what ids on disk are larger by than in the archive.
        """
        self._out = write
        self._gathered = bytearray()
        self._opener = opener
        self._sparse = sparse
        self._latest = latest * 1_000_000_000
        self._shift = shift
        self._links: dict[tuple[int, int], bytes] = {}
        """First name of each file that has several."""
        self.entries = 0
        self.sockets = 0
        """Left out, because tar has no word for them."""

    def tree(self, top: int, name: bytes) -> None:
        """A file, or a directory with all below; `top` is an O_PATH descriptor. Raises OSError."""
        for seen in walk(self._opener, top, name):
            self.add(seen)

    def add(self, seen: Seen) -> None:
        """One file. Raises OSError, UnsafeLayer for a path that no archive may have."""
        kind = _KINDS.get(stat.S_IFMT(seen.status.st_mode))
        if kind is None:
            self.sockets += 1
            return
        entry = self._entry(seen, kind)
        if kind != tar.DIRECTORY and seen.status.st_nlink > 1 and self._linked(entry, seen.status):
            return
        if kind == tar.FILE:
            self._file(entry, seen.descriptor)
        elif kind == tar.DIRECTORY:
            self._directory(entry, seen.descriptor)
        else:
            self.put(entry)

    def put(self, entry: Entry) -> None:
        """An entry; its data, if it has some, is the caller's to write."""
        self.entries += 1
        if self._latest:
            entry = entry._replace(mtime=min(entry.mtime, self._latest))
        self._write(pack.header(entry))

    def finish(self) -> None:
        """The end of the archive."""
        self._write(pack.END)
        self._flush()

    def _write(self, data: bytes) -> None:
        """Small pieces go together: most of an archive is headers."""
        self._gathered += data
        if len(self._gathered) >= _PIECE:
            self._flush()

    def _flush(self) -> None:
        self._out(bytes(self._gathered))
        self._gathered.clear()

    def _entry(self, seen: Seen, kind: int) -> Entry:
        if len(seen.path) > BOUNDS.path:
            raise UnsafeLayer(f"a path of more than {BOUNDS.path} bytes: {shown(seen.path)}...")
        status = seen.status
        link, device = b"", (0, 0)
        if kind == tar.SYMLINK:
            link = os.readlink(b"", dir_fd=seen.descriptor)
        elif kind in (tar.CHARACTER, tar.BLOCKDEV):
            device = (os.major(status.st_rdev), os.minor(status.st_rdev))
        mode, mtime = stat.S_IMODE(status.st_mode), status.st_mtime_ns
        owner = (max(status.st_uid - self._shift, 0), max(status.st_gid - self._shift, 0))
        return Entry(seen.path, kind, mode, *owner, 0, mtime, link, device)

    def _linked(self, entry: Entry, status: os.stat_result) -> bool:
        """Another name of a file that is in the archive already: then that is all there is to say.

        What follows is written under the first name.
        """
        first = self._links.setdefault((status.st_dev, status.st_ino), entry.name)
        if first != entry.name:
            self.put(entry._replace(kind=tar.LINK, link=first))
        return first != entry.name

    def _directory(self, entry: Entry, descriptor: int) -> None:
        opened = self._opener.open(descriptor)
        try:
            self.put(entry._replace(name=(entry.name or b".") + b"/", xattrs=attributes(opened)))
        finally:
            os.close(opened)

    def _file(self, entry: Entry, descriptor: int) -> None:
        opened = self._opener.open(descriptor)
        try:
            size = os.fstat(opened).st_size
            segments = self._segments(opened, size, entry.name)
            stored = size if segments is None else sum(length for _, length in segments)
            self.put(
                entry._replace(
                    size=stored, segments=segments, apparent=size, xattrs=attributes(opened)
                )
            )
            for offset, length in ((0, size),) if segments is None else segments:
                self._copy(opened, offset, length)
            self._write(pack.padding(stored))
        finally:
            os.close(opened)

    def _segments(self, opened: int, size: int, name: bytes) -> Segments | None:
        """Where a sparse file has data; None for a file without holes worth the trouble."""
        if os.fstat(opened).st_blocks * 512 + _PIECE >= size:
            return None
        if not self._sparse:
            if size > BOUNDS.total:
                raise UnsafeLayer(f"a file of {size} bytes: {shown(name)}")
            return None
        return tuple(_data(opened, size, name))

    def _copy(self, opened: int, offset: int, length: int) -> None:
        os.lseek(opened, offset, os.SEEK_SET)
        while length:
            piece = os.read(opened, min(length, _PIECE)) or _ZEROS[:length]
            self._write(piece)
            length -= len(piece)


def _data(opened: int, size: int, name: bytes) -> Iterator[tuple[int, int]]:
    end = 0
    for _ in range(_SEGMENTS):
        try:
            start = os.lseek(opened, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:  # no data up to the end
                raise
            return
        end = min(os.lseek(opened, start, os.SEEK_HOLE), size)
        if start >= end:
            return
        yield start, end - start
    raise UnsafeLayer(f"a file with more than {_SEGMENTS} holes: {shown(name)}")


def attributes(opened: int) -> tuple[tuple[bytes, bytes], ...]:
    """The extended attributes that belong into an archive, sorted. Raises OSError."""
    try:
        keys = sorted(map(os.fsencode, os.listxattr(opened)))
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        return ()
    return tuple((key, os.getxattr(opened, key)) for key in keys if is_kept(key))
