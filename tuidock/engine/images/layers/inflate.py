"""The compressed stream turned into plain bytes: gzip, zstd or neither, told by its first bytes.

Invariant: every plain byte is hashed and counted, including whatever follows the archive, and
a stream that ends early or goes on after its end is an error.
"""

from __future__ import annotations

import hashlib
import os
import queue
import threading
from collections.abc import Iterator
from typing import Protocol

from tuidock.engine.errors import ContentError, UnsafeLayer
from tuidock.engine.images.layers.bounds import Bounds

CHUNK = 1 << 20
_ZSTD_PIECE = 4096
"""zstd cannot bound its output; so much input gives at most 128 MiB."""
_ZSTD_WINDOW = 128 << 20
"""Largest window accepted, that of `zstd --ultra -22`."""


class Decoder(Protocol):
    """Bytes in, bytes out; stateful."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Decompress. Raises ContentError."""
        ...

    def close(self) -> None:
        """The input is over. Raises ContentError when it should not be."""
        ...


class Plain:
    """An archive that is not compressed."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Pass the bytes on."""
        yield data

    def close(self) -> None:
        """A tar archive may end anywhere as far as this layer is concerned."""


class Gzip:
    """RFC 1952, any number of members (pigz and estargz write many)."""

    def __init__(self) -> None:
        from isal import igzip_lib

        self._lib = igzip_lib
        self._error: type[Exception] = igzip_lib.IsalError  # type: ignore[assignment]
        self._member = self._new()
        self._fresh = True

    def _new(self) -> object:
        return self._lib.IgzipDecompressor(flag=self._lib.DECOMP_GZIP)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Decompress, at most `CHUNK` bytes at a time. Raises ContentError."""
        try:
            yield from self._feed(data)
        except self._error as error:
            raise ContentError(f"broken gzip stream: {error}") from error

    def _feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            member = self._member
            self._fresh = False
            output = member.decompress(data, CHUNK)  # type: ignore[attr-defined]
            while output:
                yield output
                if member.eof or member.needs_input:  # type: ignore[attr-defined]
                    break
                output = member.decompress(b"", CHUNK)  # type: ignore[attr-defined]
            data = b""
            if member.eof:  # type: ignore[attr-defined]
                data = member.unused_data  # type: ignore[attr-defined]
                self._member = self._new()
                self._fresh = True

    def close(self) -> None:
        """Raises ContentError when a member is not complete."""
        if not self._fresh:
            raise ContentError("the gzip stream ends early")


class Zstd:
    """RFC 8878, any number of frames, skippable ones included (zstd:chunked)."""

    def __init__(self) -> None:
        import zstandard

        self._error = zstandard.ZstdError
        self._context = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        self._frame = self._context.decompressobj()
        self._fresh = True

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Decompress. Raises ContentError."""
        gathered: list[bytes] = []
        for start in range(0, len(data), _ZSTD_PIECE):
            gathered += self._piece(data[start : start + _ZSTD_PIECE])
            if sum(map(len, gathered)) >= CHUNK // 4:
                yield b"".join(gathered)
                gathered = []
        yield b"".join(gathered)

    def _piece(self, data: bytes) -> Iterator[bytes]:
        while data:
            self._fresh = False
            try:
                yield self._frame.decompress(data)
            except self._error as error:
                raise ContentError(f"broken zstd stream: {error}") from error
            data = b""
            if self._frame.eof:
                data = self._frame.unused_data
                self._frame = self._context.decompressobj()
                self._fresh = True

    def close(self) -> None:
        """Raises ContentError when a frame is not complete."""
        if not self._fresh:
            raise ContentError("the zstd stream ends early")


def decoder(start: bytes) -> Decoder:
    """The decoder for a stream that starts so; registries get media types wrong."""
    if start[:2] == b"\x1f\x8b":
        return Gzip()
    if start[:4] == b"\x28\xb5\x2f\xfd" or (start[1:4] == b"\x2a\x4d\x18" and start[0] >> 4 == 5):
        return Zstd()
    return Plain()


class Plaintext:
    """The plain bytes of `descriptor`, made ready by a thread of its own.

    Inflating and hashing release the interpreter lock, so they use a second core while the
    caller creates files.
    """

    def __init__(self, descriptor: int, start: bytes, bounds: Bounds) -> None:
        self._descriptor = descriptor
        self._start = start
        self._decoder = decoder(start)
        self._bounds = bounds
        self._sha256 = hashlib.sha256()
        self._queue: queue.SimpleQueue[bytes | BaseException] = queue.SimpleQueue()
        self._slots = threading.Semaphore(8)
        self.compressed = 0
        self.size = 0

    def begin(self) -> None:
        """Start the thread; it inherits what locks the caller in, so call this after that."""
        threading.Thread(target=self._run, name="inflate", daemon=True).start()

    @property
    def diff_id(self) -> str:
        """Digest of all plain bytes; true once `next` has returned b""."""
        return f"sha256:{self._sha256.hexdigest()}"

    def next(self) -> bytes:
        """The next bytes, b"" at the end. Raises ContentError, UnsafeLayer, OSError."""
        item = self._queue.get()
        self._slots.release()
        if isinstance(item, BaseException):
            raise item
        return item

    def _run(self) -> None:
        try:
            self._pump()
            self._put(b"")
        except BaseException as error:
            self._put(error)

    def _put(self, item: bytes | BaseException) -> None:
        self._slots.acquire()
        self._queue.put(item)

    def _pump(self) -> None:
        data = self._start
        while data:
            self.compressed += len(data)
            for plain in self._decoder.feed(data):
                if plain:
                    self._count(len(plain))
                    self._sha256.update(plain)
                    self._put(plain)
            data = os.read(self._descriptor, CHUNK)
        self._decoder.close()

    def _count(self, size: int) -> None:
        self.size += size
        if self.size > self._bounds.total:
            raise UnsafeLayer(f"the layer is larger than {self._bounds.total} bytes")
        if self.size - self._bounds.free > self.compressed * self._bounds.ratio:
            raise UnsafeLayer(f"the layer unpacks to more than {self._bounds.ratio} times its size")
