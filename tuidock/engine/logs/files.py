"""The files of one log as one run of bytes, oldest first, while the writer rotates them.

Offsets never change: a file keeps its place when it is renamed, because it is known by its open
descriptor. Bytes end at the last complete record.
"""

from __future__ import annotations

import os

from tuidock.engine.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class _Piece(NamedTuple):
    """One file, from offset `start` of the whole."""

    start: int
    end: int
    fd: int
    inode: int


class _Opened(NamedTuple):
    fd: int
    inode: int


def files(path: str) -> list[str]:
    """The files of the log at `path`, oldest first; `path`, there or not yet, is the last.

    Raises OSError without its directory.
    """
    directory, name = os.path.split(path)
    names = os.listdir(directory)
    numbers = [int(each[len(name) + 1 :]) for each in names if _is_rotated(each, name)]
    return [*(f"{path}.{number}" for number in sorted(numbers, reverse=True)), path]


def _is_rotated(entry: str, name: str) -> bool:
    return entry.startswith(f"{name}.") and entry[len(name) + 1 :].isdecimal()


class LogFiles:
    """The bytes from `start` to `end`; `grow` looks for more. Use as a context manager."""

    def __init__(self, path: str) -> None:
        """The log at `path`, which need not exist yet. Raises OSError."""
        self._path = path
        self._pieces: list[_Piece] = []
        self._holders = 0
        self._idle: list[int] = []
        """Descriptors to close once nobody holds them."""
        self._append(self._newer())

    def __enter__(self) -> LogFiles:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files; harmless when repeated."""
        self._let_go(len(self._pieces))

    def hold(self) -> None:
        """Keep descriptors open until `release`, so that another thread may read meanwhile."""
        self._holders += 1

    def release(self) -> None:
        """Undo one `hold`, in the thread that called it."""
        self._holders -= 1
        self._close_idle()

    def _let_go(self, count: int) -> None:
        self._idle += [piece.fd for piece in self._pieces[:count]]
        self._pieces = self._pieces[count:]
        self._close_idle()

    def _close_idle(self) -> None:
        while self._idle and not self._holders:
            os.close(self._idle.pop())

    @property
    def start(self) -> int:
        return self._pieces[0].start if self._pieces else 0

    @property
    def end(self) -> int:
        return self._pieces[-1].end if self._pieces else 0

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` to `end`, as far as they exist. Raises OSError."""
        parts = []
        for piece in self._pieces:
            low, high = max(start, piece.start), min(end, piece.end)
            if low < high:
                parts.append(os.pread(piece.fd, high - low, low - piece.start))
        return b"".join(parts)

    def grow(self) -> bool:
        """Take in what was written meanwhile; True when there is more than before.

        Raises OSError.
        """
        before = self.end
        # In this order: a file that is no longer the current one has its final size.
        newer = self._newer()
        if self._pieces:
            last = self._pieces[-1]
            self._pieces[-1] = last._replace(
                end=last.start + _complete(last.fd, last.end - last.start)
            )
        self._append(newer)
        return self.end > before

    def forget(self, before: int) -> None:
        """Close files that end at or before an offset; the last one stays."""
        while len(self._pieces) > 1 and self._pieces[0].end <= before:
            self._let_go(1)

    def forget_deleted(self) -> None:
        """Close files that rotation has deleted, so that their space on disk comes free."""
        while len(self._pieces) > 1 and not os.fstat(self._pieces[0].fd).st_nlink:
            self._let_go(1)

    def _newer(self) -> list[_Opened]:
        """Files newer than those we have, oldest first. Raises OSError."""
        while True:
            current = _inode(self._path)
            if current and self._pieces and current == self._pieces[-1].inode:
                return []
            opened = self._walk()
            if _inode(self._path) == current:
                return opened[::-1]
            # Rotated while we looked: some names no longer stand for what we think.
            for each in opened:
                os.close(each.fd)

    def _walk(self) -> list[_Opened]:
        """Open from the newest file back to the last one that we have.

        Rotation renames from the oldest to the newest, so on the way from the newest we may
        meet a file twice, and one name that is missing, but never miss a file.
        """
        known = {piece.inode for piece in self._pieces}
        opened: list[_Opened] = []
        number = missing = 0
        while missing < 2:
            found = _open(f"{self._path}.{number}" if number else self._path)
            number += 1
            missing = 0 if found else missing + 1
            if found and found.inode in known:
                os.close(found.fd)
                if self._pieces and found.inode == self._pieces[-1].inode:
                    break
            elif found:
                known.add(found.inode)
                opened.append(found)
        return opened

    def _append(self, opened: list[_Opened]) -> None:
        for fd, inode in opened:
            start = self.end
            self._pieces.append(_Piece(start, start + _complete(fd, 0), fd, inode))


def _inode(path: str) -> int:
    """0 when there is no such file: not made yet, or between two steps of a rotation."""
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return 0


def _open(path: str) -> _Opened | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    return _Opened(fd, os.fstat(fd).st_ino)


def _complete(fd: int, known: int) -> int:
    """Size of a file up to its last newline, of which `known` bytes are complete already."""
    size = os.fstat(fd).st_size
    step = 1 << 15
    while size > known:
        low = max(size - step, known)
        newline = os.pread(fd, size - low, low).rfind(b"\n")
        if newline >= 0:
            return low + newline + 1
        size = low
    return known


def blocks(log: LogFiles, start: int, end: int, size: int) -> Iterator[tuple[int, bytes]]:
    """(offset, bytes) from `start`, a record's beginning, to `end`, of whole records each."""
    while start < end:
        data = log.read(start, min(start + size, end))
        whole = data.rfind(b"\n") + 1
        if not whole:
            if start + size >= end:
                return
            size *= 2
            continue
        yield start, data[:whole]
        start += whole


def blocks_backwards(log: LogFiles, end: int, size: int) -> Iterator[tuple[int, bytes]]:
    """(offset, bytes) of whole records each, from `end`, a record's end, to the beginning."""
    while end > log.start:
        low = max(end - size, log.start)
        data = log.read(low, end)
        # Unless it begins the log, the first record may have lost its head to this cut.
        cut = 0 if low == log.start else data.find(b"\n", 0, len(data) - 1) + 1
        if low > log.start and not cut:
            size *= 2
            continue
        yield low + cut, data[cut:]
        end = low + cut
