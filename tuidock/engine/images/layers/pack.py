"""Tar headers written: ustar, with PAX records (POSIX.1-2001) for what does not fit it.

The counterpart of `tar`, which reads them. Invariant: equal entries give equal bytes, and a
header that needs no PAX record is plain ustar.
"""

from __future__ import annotations

from tuidock.engine.images.layers import tar
from tuidock.engine.images.layers.source import BLOCK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tuidock.engine.images.layers.pax import Records
    from tuidock.engine.images.layers.tar import Entry

END = bytes(2 * BLOCK)
"""What an archive ends with."""

_FLAGS = {
    tar.FILE: b"0",
    tar.LINK: b"1",
    tar.SYMLINK: b"2",
    tar.CHARACTER: b"3",
    tar.BLOCKDEV: b"4",
    tar.DIRECTORY: b"5",
    tar.FIFO: b"6",
}
_NAME = 100
_OCTAL_7 = 0o7777777
_OCTAL_11 = 0o77777777777
_SECOND = 1_000_000_000


def header(entry: Entry) -> bytes:
    """Everything that comes before an entry's data; for a sparse file also its map."""
    records = _records(entry)
    sparse_map = b""
    if entry.segments is not None:
        sparse_map = _map(entry)
        records |= {
            b"GNU.sparse.major": b"1",
            b"GNU.sparse.minor": b"0",
            b"GNU.sparse.name": entry.name,
            b"GNU.sparse.realsize": b"%d" % entry.apparent,
        }
        name = b"GNUSparseFile.0/" + _leaf(entry.name)
        entry = entry._replace(name=name[:_NAME], size=entry.size + len(sparse_map))
    extended = _extended(records, entry) if records else b""
    return extended + _ustar(entry, _FLAGS[entry.kind]) + sparse_map


def padding(size: int) -> bytes:
    """What follows data of that size, up to the next header."""
    return bytes(-size % BLOCK)


def _records(entry: Entry) -> Records:
    """The PAX records that an entry needs."""
    found: Records = {}
    if len(entry.name) > _NAME:
        found[b"path"] = entry.name
    if len(entry.link) > _NAME:
        found[b"linkpath"] = entry.link
    for key, value, most in (
        (b"uid", entry.uid, _OCTAL_7),
        (b"gid", entry.gid, _OCTAL_7),
        (b"size", entry.size, _OCTAL_11),
    ):
        if value > most:
            found[key] = b"%d" % value
    seconds, fraction = divmod(entry.mtime, _SECOND)
    if fraction or not 0 <= seconds <= _OCTAL_11:
        found[b"mtime"] = _decimal(entry.mtime)
    return found | {b"SCHILY.xattr." + key: value for key, value in entry.xattrs}


def _decimal(nanoseconds: int) -> bytes:
    """Seconds with a fraction; before 1970 the sign is of the whole."""
    whole, fraction = divmod(abs(nanoseconds), _SECOND)
    sign = b"-" if nanoseconds < 0 else b""
    digits = (b"%09d" % fraction).rstrip(b"0")
    return sign + b"%d" % whole + (b"." + digits if digits else b"")


def _extended(records: Records, entry: Entry) -> bytes:
    body = b"".join(_record(key, value) for key, value in records.items())
    about = tar.Entry(
        (b"PaxHeaders.0/" + _leaf(entry.name))[:_NAME],
        tar.FILE,
        *(0o644, 0, 0, len(body), 0, b"", (0, 0)),
    )
    return _ustar(about, b"x") + body + padding(len(body))


def _record(key: bytes, value: bytes) -> bytes:
    """`length key=value\\n`, where the length counts its own digits."""
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest) + len(str(len(rest)))
    if len(str(length)) + len(rest) != length:
        length += 1
    return b"%d" % length + rest


def _leaf(name: bytes) -> bytes:
    return name.rstrip(b"/").rpartition(b"/")[2]


def _ustar(entry: Entry, flag: bytes) -> bytes:
    """One block. What is too big for its field is in a PAX record, and 0 here."""
    seconds = entry.mtime // _SECOND
    major, minor = entry.device
    parts = [
        entry.name[:_NAME].ljust(_NAME, b"\0"),
        _octal(entry.mode & 0o7777, 7),
        _octal(entry.uid, 7),
        _octal(entry.gid, 7),
        _octal(entry.size, 11),
        _octal(max(seconds, 0), 11),
        b" " * 8,
        flag,
        entry.link[:_NAME].ljust(_NAME, b"\0"),
        b"ustar\x0000",
        bytes(64),
        _octal(major, 7),
        _octal(minor, 7),
        bytes(155 + 12),
    ]
    block = b"".join(parts)
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def _octal(value: int, digits: int) -> bytes:
    return b"%0*o\0" % (digits, value if value < 1 << 3 * digits else 0)


def _map(entry: Entry) -> bytes:
    """GNU sparse format 1.0: the number of segments, then offset and length of each, a line each.

    A hole at the end is a segment of no length, as GNU tar writes it.
    """
    segments = list(entry.segments or ())
    if not segments or sum(segments[-1]) < entry.apparent:
        segments.append((entry.apparent, 0))
    numbers = [len(segments), *(number for pair in segments for number in pair)]
    text = b"".join(b"%d\n" % number for number in numbers)
    return text + padding(len(text))
