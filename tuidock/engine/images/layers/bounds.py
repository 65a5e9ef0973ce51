"""How much one layer may ask for; what is beyond is a bomb, not an image."""

from __future__ import annotations

from tuidock.engine.named import NamedTuple


class Bounds(NamedTuple):
    """Sizes in bytes. Real images stay far below each of these."""

    total: int = 128 << 30
    """Uncompressed stream, and the apparent size of any one file."""
    entries: int = 3_000_000
    ratio: int = 200
    """Uncompressed to compressed, beyond `free`: deflate reaches 1030 and zstd 30,000."""
    free: int = 1 << 30
    """Uncompressed bytes that no ratio is asked of: small layers of zeros are real."""
    header: int = 1 << 20
    """One PAX header or GNU sparse map."""
    path: int = 4095
    """PATH_MAX without its NUL."""
    depth: int = 1024
    """Directories above a file."""
    memory: int = 2 << 30
    """Address space of the child."""


BOUNDS = Bounds()
