"""Tar headers: ustar, PAX (POSIX.1-2001), GNU and star, one entry after the other.

Knows nothing of file systems. Invariant: whatever the bytes, the only errors are ContentError
and UnsafeLayer, and no more than one header of bounded size is held.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from zlib import adler32

from tuidock.engine.errors import ContentError, UnsafeLayer
from tuidock.engine.images.layers import pax
from tuidock.engine.images.layers.bounds import Bounds
from tuidock.engine.images.layers.source import BLOCK, Source
from tuidock.engine.images.layers.sparse import Segments, check, gnu_segments, pax_segments
from tuidock.engine.named import NamedTuple

FILE, LINK, SYMLINK, CHARACTER, BLOCKDEV, DIRECTORY, FIFO = range(7)

_KINDS = {
    **dict(zip(b"0123456", range(7), strict=True)),
    0: FILE,  # before ustar
    ord("7"): FILE,  # contiguous
    ord("S"): FILE,  # GNU sparse
    ord("D"): DIRECTORY,  # GNU incremental: a directory whose data lists names
}
_HEADER = struct.Struct("100s 8s 8s 8s 12s 12s 8s c 100s 8s 32s 32s 8s 8s 155s 12s")
_ZEROS = bytes(BLOCK)
_SECOND = 1_000_000_000


class Entry(NamedTuple):
    """One file as the archive describes it."""

    name: bytes
    kind: int
    mode: int
    """Permission bits with setuid, setgid and sticky."""
    uid: int
    gid: int
    size: int
    """Bytes of data that follow in the stream."""
    mtime: int
    """Nanoseconds since the epoch."""
    link: bytes
    device: tuple[int, int]
    xattrs: tuple[tuple[bytes, bytes], ...] = ()
    segments: Segments | None = None
    """For a sparse file (offset, length) of each part that the data fills."""
    apparent: int = 0
    """Size of the file with its holes."""


def entries(source: Source, bounds: Bounds) -> Iterator[Entry]:
    """Every entry of an archive; its data must be taken from `source` before the next one.

    What the caller does not take is skipped. Raises ContentError, UnsafeLayer.
    """
    reader = _Reader(source, bounds)
    while (entry := reader.next()) is not None:
        start = source.position
        yield entry
        left = entry.size - (source.position - start)
        source.skip(left + -entry.size % BLOCK)


class _Reader:
    """The state between headers: global PAX records, and what the next entry inherits."""

    def __init__(self, source: Source, bounds: Bounds) -> None:
        self._source = source
        self._bounds = bounds
        self._global: pax.Records = {}
        self._count = 0

    def next(self) -> Entry | None:
        local: pax.Records = {}
        while True:
            block = self._source.block()
            if not block or (block == _ZEROS and self._ends()):
                if local:
                    raise ContentError("the archive ends after an extended header")
                return None
            self._counted()
            fields = _fields(block)
            flag = fields[7]
            if flag in b"xX":
                local.update(pax.records(self._payload(fields)))
            elif flag == b"g":
                pax.merge(self._global, pax.records(self._payload(fields)), self._bounds.header)
            elif flag == b"L":
                local[b"path"] = self._payload(fields).partition(b"\0")[0]
            elif flag == b"K":
                local[b"linkpath"] = self._payload(fields).partition(b"\0")[0]
            elif flag != b"V":  # V: the label of a volume
                return self._entry(fields, {**self._global, **local} if self._global else local)

    def _ends(self) -> bool:
        following = self._source.block()
        if following and following != _ZEROS:
            raise ContentError("a lone block of zeros in the archive")
        return True

    def _counted(self) -> None:
        self._count += 1
        if self._count > 2 * self._bounds.entries:
            raise UnsafeLayer(f"the layer has more than {self._bounds.entries} entries")

    def _payload(self, fields: _Fields) -> bytes:
        size = _number(fields[4])
        if size > self._bounds.header:
            raise UnsafeLayer(f"an extended header of {size} bytes")
        data = self._source.read(size)
        self._source.skip(-size % BLOCK)
        return data

    def _entry(self, fields: _Fields, records: pax.Records) -> Entry:
        flag = fields[7]
        kind = _KINDS.get(flag[0])
        if kind is None:
            raise ContentError(f"an entry of unknown type {flag!r}")
        entry = _plain(fields, kind)
        if records:
            entry = _extended(entry, records)
        if flag == b"\0" and entry.name.endswith(b"/"):
            entry = entry._replace(kind=DIRECTORY)
        if entry.kind not in (FILE, DIRECTORY):
            entry = entry._replace(size=0)  # POSIX: a header only, whatever its size field says
        elif flag == b"S" or b"GNU.sparse.major" in records or b"GNU.sparse.size" in records:
            entry = self._sparse(entry, fields if flag == b"S" else None, records)
        return self._checked(entry)

    def _sparse(self, entry: Entry, gnu: _Fields | None, records: pax.Records) -> Entry:
        start = self._source.position
        if gnu is not None:
            segments, apparent = gnu_segments(gnu[14], _number, self._source, self._bounds)
            left = entry.size  # the map's extra blocks are not part of it
        else:
            segments, apparent = pax_segments(records, self._source, self._bounds)
            left = entry.size - (self._source.position - start)
        check(segments, apparent, left)
        name = records.get(b"GNU.sparse.name", entry.name)
        return entry._replace(name=name, size=left, segments=segments, apparent=apparent)

    def _checked(self, entry: Entry) -> Entry:
        if max(entry.size, entry.apparent) > self._bounds.total:
            raise UnsafeLayer(f"a file of {max(entry.size, entry.apparent)} bytes")
        if max(len(entry.name), len(entry.link)) > self._bounds.path:
            raise UnsafeLayer(f"a path of more than {self._bounds.path} bytes")
        if b"\0" in entry.name or b"\0" in entry.link:
            raise UnsafeLayer("a path with a NUL byte")
        if not _in_range(entry):
            raise ContentError("an owner, time or device number out of range")
        return entry


def _in_range(entry: Entry) -> bool:
    major, minor = entry.device
    owners = max(entry.uid, entry.gid) < 0xFFFFFFFF  # that one means "leave it" to chown(2)
    return owners and abs(entry.mtime) < 1 << 93 and major < 1 << 12 and minor < 1 << 20


_Fields = tuple[
    bytes, bytes, bytes, bytes, bytes, bytes, bytes, bytes,
    bytes, bytes, bytes, bytes, bytes, bytes, bytes, bytes,
]  # fmt: skip


def _fields(block: bytes) -> _Fields:
    """Split a header. Raises ContentError when its checksum is wrong."""
    fields: _Fields = _HEADER.unpack(block)
    # adler32's low half is 1 + the sum of all bytes, modulo 65521: ten times faster than sum().
    total = (adler32(block) & 0xFFFF) - 1 - sum(fields[6]) + 8 * 0x20
    if (total - _number(fields[6])) % 65521 and _signed_sum(block) != _number(fields[6]):
        raise ContentError("a tar header with a wrong checksum")
    return fields


def _signed_sum(block: bytes) -> int:
    """The checksum as some old tars made it, of signed bytes."""
    signed: tuple[int, ...] = struct.unpack("148b 8x 356b", block)
    return sum(signed) + 8 * 0x20


def _number(field: bytes) -> int:
    """A numeric field: octal digits, or GNU's base-256. Raises ContentError; never negative."""
    if field[0] & 0x80:
        if field[0] & 0x40:
            raise ContentError("a negative number in a tar header")
        return int.from_bytes(field, "big") ^ (0x80 << 8 * (len(field) - 1))
    digits = field.strip(b" \0")
    try:
        if digits.isdigit() or not digits:
            return int(digits or b"0", 8)
    except ValueError:
        pass
    raise ContentError(f"not a number in a tar header: {field!r}")


def _time(field: bytes) -> int:
    """As `_number`, and base-256 times may lie before 1970."""
    if field[0] == 0xFF:
        return int.from_bytes(field, "big", signed=True) * _SECOND
    return _number(field) * _SECOND


def _string(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _plain(fields: _Fields, kind: int) -> Entry:
    name, mode, uid, gid, size, mtime, _sum, _flag, link, magic, *_rest = fields
    name = _string(name)
    if magic[:6] == b"ustar\0":
        field = fields[14]
        # star keeps times in the tail of the prefix and marks that at the very end.
        prefix = _string(field[:131] if fields[15].endswith(b"tar\0") else field)
        if prefix:
            name = prefix + b"/" + name
    device = (0, 0)
    if kind in (CHARACTER, BLOCKDEV):
        device = (_number(fields[12]), _number(fields[13]))
    return Entry(
        name,
        kind,
        _number(mode) & 0o7777,
        _number(uid),
        _number(gid),
        _number(size),
        _time(mtime),
        _string(link) if kind in (LINK, SYMLINK) else b"",
        device,
    )


def _extended(entry: Entry, records: pax.Records) -> Entry:
    """The entry with what PAX records say of it."""
    return entry._replace(
        name=records.get(b"path", entry.name),
        link=records.get(b"linkpath", entry.link) if entry.link or entry.kind != FILE else b"",
        uid=pax.integer(records, b"uid", entry.uid),
        gid=pax.integer(records, b"gid", entry.gid),
        size=pax.integer(records, b"size", entry.size),
        mtime=pax.nanoseconds(records, b"mtime", entry.mtime),
        xattrs=pax.xattrs(records),
    )
