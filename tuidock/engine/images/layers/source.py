"""Plain bytes in the portions a tar reader wants: blocks, small payloads, file contents.

Invariant: `position` is the number of bytes taken so far, whoever took them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from tuidock.engine.errors import ContentError

BLOCK = 512


class Source:
    """Wraps `more`, which returns the next bytes, or b"" at the end."""

    def __init__(self, more: Callable[[], bytes]) -> None:
        self._more = more
        self._chunk = b""
        self._at = 0
        self._over = False
        self.position = 0

    def _refill(self) -> bool:
        if not self._over:  # past the end nothing would ever come
            self._chunk = self._more()
            self._at = 0
            self._over = not self._chunk
        return not self._over

    def block(self) -> bytes:
        """The next 512 bytes; b"" when the archive ends here. Raises ContentError."""
        start = self._at
        end = start + BLOCK
        if end <= len(self._chunk):
            self._at = end
            self.position += BLOCK
            return self._chunk[start:end]
        if start == len(self._chunk) and not self._refill():
            return b""
        return self.read(BLOCK)

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes; the caller bounds `size`. Raises ContentError."""
        return b"".join(self.portions(size))

    def portions(self, size: int) -> Iterator[memoryview]:
        """`size` bytes piece by piece, without copying. Raises ContentError when they end early."""
        while size:
            if self._at == len(self._chunk) and not self._refill():
                raise ContentError("the archive ends early")
            piece = memoryview(self._chunk)[self._at : self._at + size]
            self._at += len(piece)
            self.position += len(piece)
            size -= len(piece)
            yield piece

    def pour(self, size: int, descriptor: int) -> None:
        """Write the next `size` bytes to `descriptor`. Raises ContentError, OSError."""
        end = self._at + size
        if end <= len(self._chunk):  # a small file: nine of ten
            done = os.write(descriptor, memoryview(self._chunk)[self._at : end])
            self._at += done
            self.position += done
            size -= done
        for piece in self.portions(size):
            while piece:
                piece = piece[os.write(descriptor, piece) :]

    def skip(self, size: int) -> None:
        """Pass over `size` bytes. Raises ContentError."""
        for _piece in self.portions(size):
            pass

    def drain(self) -> None:
        """Take everything that is left, so that it is hashed. Raises ContentError."""
        while self._refill():
            pass
