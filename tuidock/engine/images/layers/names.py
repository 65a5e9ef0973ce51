"""Names in an archive: where they point, and which of them are whiteouts.

Invariant: a path that comes out of here is relative, without empty, `.` and `..` components.
"""

from __future__ import annotations

from tuidock.engine.errors import UnsafeLayer
from tuidock.engine.images.layers.bounds import Bounds

OPAQUE = b".wh..wh..opq"
WHITEOUT = b".wh."
_AUFS = b".wh..wh."


def clean(name: bytes, bounds: Bounds) -> bytes:
    """The path below the layer's root, b"" for the root. Raises UnsafeLayer.

    Absolute names count from the root; `..` is taken lexically, and never beyond the root.
    """
    parts = [part for part in name.split(b"/") if part and part != b"."]
    if b".." in parts:
        parts = _collapsed(parts, name)
    if len(parts) > bounds.depth:
        raise UnsafeLayer(f"a path of more than {bounds.depth} components")
    return b"/".join(parts)


def _collapsed(parts: list[bytes], name: bytes) -> list[bytes]:
    kept: list[bytes] = []
    for part in parts:
        if part != b"..":
            kept.append(part)
        elif kept:
            kept.pop()
        else:
            raise UnsafeLayer(f"a path that leaves the layer: {shown(name)}")
    return kept


def whiteout(path: bytes) -> bytes | None:
    """What a clean path deletes: a path, all in `OPAQUE`'s directory, b"" for nothing.

    None when it is no whiteout. Raises UnsafeLayer for a whiteout of `.` or `..`, and for
    anything below a whiteout.
    """
    if WHITEOUT not in path:
        return None
    directory, _, leaf = path.rpartition(b"/")
    if any(part.startswith(WHITEOUT) for part in directory.split(b"/")):
        if any(part.startswith(_AUFS) for part in directory.split(b"/")):
            return b""
        raise UnsafeLayer(f"a path below a whiteout: {shown(path)}")
    if not leaf.startswith(WHITEOUT):
        return None
    if leaf.startswith(_AUFS):
        return path if leaf == OPAQUE else b""
    target = leaf.removeprefix(WHITEOUT)
    if target in (b"", b".", b".."):
        raise UnsafeLayer(f"a whiteout of {shown(target) or 'nothing'}")
    return directory + b"/" + target if directory else target


def shown(name: bytes) -> str:
    """A name for a message: short, and without control characters."""
    text = name[:80].decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
