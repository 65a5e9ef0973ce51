"""Maps of sparse files: GNU's old format, and PAX formats 0.0, 0.1 and 1.0.

Invariant: a map that passed `check` has its segments in order, apart, and inside the file.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from tuidock.engine.errors import ContentError, UnsafeLayer
from tuidock.engine.images.layers.bounds import Bounds
from tuidock.engine.images.layers.pax import Records, integer
from tuidock.engine.images.layers.source import BLOCK, Source

Segments = tuple[tuple[int, int], ...]
Number = Callable[[bytes], int]

_PAIR = 24  # bytes of an (offset, length) pair in GNU headers


def check(segments: Segments, apparent: int, size: int) -> None:
    """Hold a map against the file's apparent size and its data. Raises ContentError."""
    places = [place for offset, length in segments for place in (offset, offset + length)]
    in_order = all(before <= after for before, after in pairwise([*places, apparent]))
    if not in_order or sum(length for _offset, length in segments) != size:
        raise ContentError("a sparse file whose map does not fit it")


def gnu_segments(
    area: bytes, number: Number, source: Source, bounds: Bounds
) -> tuple[Segments, int]:
    """The old GNU format: four pairs in the header, 21 in each block that follows.

    `area` is the header from byte 345. Raises ContentError, UnsafeLayer.
    """
    segments = list(_pairs(area[41:137], number))
    more = area[137] != 0
    while more:
        block = source.read(BLOCK)
        segments += _pairs(block[:504], number)
        _bounded(len(segments) * _PAIR, bounds)
        more = block[504] != 0
    return tuple(segments), number(area[138:150])


def _pairs(area: bytes, number: Number) -> Segments:
    pairs = (area[at : at + _PAIR] for at in range(0, len(area), _PAIR))
    return tuple((number(pair[:12]), number(pair[12:])) for pair in pairs if pair[0])


def pax_segments(records: Records, source: Source, bounds: Bounds) -> tuple[Segments, int]:
    """The PAX formats; 1.0 has its map in front of the data. Raises ContentError, UnsafeLayer."""
    if b"GNU.sparse.major" not in records:
        text = records.get(b"GNU.sparse.map", b"")
        numbers = _decimals(text.split(b",") if text else [])
        return _paired(numbers), integer(records, b"GNU.sparse.size", 0)
    return _paired(_leading_map(source, bounds)), integer(records, b"GNU.sparse.realsize", 0)


def _leading_map(source: Source, bounds: Bounds) -> list[int]:
    """Format 1.0: the number of pairs, then the pairs, a number a line, in whole blocks."""
    text = b""
    wanted = 1
    lines = 0
    while lines < wanted:
        block = source.read(BLOCK)
        text += block
        lines += block.count(b"\n")
        if wanted == 1 and lines:
            wanted += 2 * _decimals([text.partition(b"\n")[0]])[0]
        _bounded(max(len(text), wanted), bounds)
    return _decimals(text.split(b"\n")[1:wanted])


def _paired(numbers: list[int]) -> Segments:
    if len(numbers) % 2:
        raise ContentError("a sparse map with half a pair")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _decimals(texts: list[bytes]) -> list[int]:
    if not all(text.isdigit() and len(text) <= 20 for text in texts):
        raise ContentError("not a number in a sparse map")
    return [int(text) for text in texts]


def _bounded(size: int, bounds: Bounds) -> None:
    if size > bounds.header:
        raise UnsafeLayer("a sparse map that is too long")
