"""PAX extended headers: records of `length key=value\\n` and what their values mean."""

from __future__ import annotations

from tuidock.engine.errors import ContentError, UnsafeLayer

Records = dict[bytes, bytes]

_XATTR = b"SCHILY.xattr."
_SPARSE_PART = (b"GNU.sparse.offset", b"GNU.sparse.numbytes")


def records(data: bytes) -> Records:
    """Take a header apart. Raises ContentError.

    Sparse format 0.0 repeats two keys; they are gathered into the one key of format 0.1.
    """
    found: Records = {}
    parts: list[bytes] = []
    at = 0
    while at < len(data):
        if data[at] == 0 and not data[at:].strip(b"\0"):
            break  # padding that some writers count in
        key, value, at = _record(data, at)
        if key in _SPARSE_PART:
            parts.append(value)
        else:
            found[key] = value
    if parts:
        found[b"GNU.sparse.map"] = b",".join(parts)
    return found


def _record(data: bytes, at: int) -> tuple[bytes, bytes, int]:
    space = data.find(b" ", at, at + 20)
    digits = data[at : max(space, at)]
    if not digits.isdigit():
        raise ContentError("an extended header without a length")
    end = at + int(digits)
    key, equals, value = data[space + 1 : end - 1].partition(b"=")
    if end > len(data) or end <= space + 1 or data[end - 1] != 0x0A or not equals or not key:
        raise ContentError("a malformed record in an extended header")
    return key, value, end


def merge(into: Records, more: Records, limit: int) -> None:
    """Take over global records; an empty value takes one back. Raises UnsafeLayer."""
    for key, value in more.items():
        if value:
            into[key] = value
        else:
            into.pop(key, None)
    if sum(map(len, into)) + sum(map(len, into.values())) > limit:
        raise UnsafeLayer("too many global extended headers")


def integer(records: Records, key: bytes, default: int) -> int:
    """A decimal value, never negative. Raises ContentError."""
    text = records.get(key)
    if not text:
        return default
    if not text.isdigit() or len(text) > 20:
        raise ContentError(f"not a number in an extended header: {text[:40]!r}")
    return int(text)


def nanoseconds(records: Records, key: bytes, default: int) -> int:
    """A time in decimal seconds, as nanoseconds. Raises ContentError."""
    text = records.get(key)
    if not text:
        return default
    whole, _, fraction = text.partition(b".")
    digits = whole.removeprefix(b"-")
    if not digits.isdigit() or len(digits) > 20 or not (fraction.isdigit() or not fraction):
        raise ContentError(f"not a time in an extended header: {text[:40]!r}")
    value = int(digits) * 1_000_000_000 + int(fraction[:9].ljust(9, b"0"))
    return -value if whole[:1] == b"-" else value


def xattrs(records: Records) -> tuple[tuple[bytes, bytes], ...]:
    """Extended attributes in star's spelling, which everybody writes."""
    return tuple(
        (key.removeprefix(_XATTR), value)
        for key, value in records.items()
        if key.startswith(_XATTR)
    )
