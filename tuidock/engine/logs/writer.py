"""The writing end of a container's log, used by its monitor.

Lines become whole records, many of them one write(2); the file is rotated between records.
Invariant: the file always ends with a complete record, also when the disk is full.
"""

from __future__ import annotations

import os
import time

from tuidock.engine.logs.record import PIECE, head

BATCH = 64 * 1024
"""Formatted bytes that may wait in memory for `flush`."""


class LogWriter:
    """Writes `path`, `path.1` being the file before it, up to `path.(max_files - 1)`.

    max_size: bytes at which a file is rotated; one record may exceed it. Never raises for a
    full or failing disk: a container must not hang on its log. What could not be written is
    counted in `dropped` (bytes) and noted in the log as soon as it can be written again.
    """

    def __init__(self, path: str, max_size: int, max_files: int) -> None:
        self.path = path
        self.dropped = 0
        self._max_size = max_size
        self._max_files = max(max_files, 1)
        self._rest: dict[str, bytes] = {}
        self._begun: set[str] = set()
        self._batch = bytearray()
        self._why = ""
        self._fd = -1
        self._inode = self._size = 0
        self._open()

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self._fd = os.open(self.path, flags, 0o600)
        found = os.fstat(self._fd)
        self._inode, self._size = found.st_ino, found.st_size
        self._end_torn_record()

    def _end_torn_record(self) -> None:
        """A monitor that was killed, or a power cut, may have left half a record."""
        if self._size:
            with open(self.path, "rb", buffering=0) as file:
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    self._size += os.write(self._fd, b"\n")

    def position(self) -> tuple[int, int]:
        """Inode and size of the current file; what was taken is in it once it is flushed."""
        return self._inode, self._size

    def write(self, stream: str, data: bytes) -> None:
        """Take what the container wrote to `stdout` or `stderr`, in pieces of any size."""
        *lines, rest = (self._rest.get(stream, b"") + data).split(b"\n")
        now = time.time_ns()
        if lines:
            self._add_lines(stream, lines, now)
        while len(rest) >= PIECE:
            self._add(stream, b"P", rest[:PIECE], now)
            rest = rest[PIECE:]
        self._rest[stream] = rest
        if len(self._batch) >= BATCH:
            self._drain()

    def _add_lines(self, stream: str, lines: list[bytes], now: int) -> None:
        if max(map(len, lines)) <= PIECE:
            front = head(now, stream, b"F")
            self._batch += front + (b"\n" + front).join(lines) + b"\n"
            self._begun.discard(stream)
            return
        for line in lines:
            while len(line) > PIECE:
                self._add(stream, b"P", line[:PIECE], now)
                line = line[PIECE:]
            self._add(stream, b"F", line, now)

    def _add(self, stream: str, tag: bytes, text: bytes, now: int) -> None:
        self._batch += head(now, stream, tag) + text + b"\n"
        if tag == b"P":
            self._begun.add(stream)
        else:
            self._begun.discard(stream)

    def flush(self) -> None:
        """Write everything taken so far; a line without its end goes as a partial record."""
        now = time.time_ns()
        for stream, rest in self._rest.items():
            if rest:
                self._add(stream, b"P", rest, now)
                self._rest[stream] = b""
        self._drain()

    def close(self) -> None:
        """Write everything, end unfinished lines, and close. The writer is dead then."""
        now = time.time_ns()
        for stream, rest in self._rest.items():
            if rest or stream in self._begun:
                self._add(stream, b"F", rest, now)
        self._rest.clear()
        self._drain()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    # --- files -------------------------------------------------------------------------------

    def _drain(self) -> None:
        batch = self._batch
        self._batch = bytearray()
        if self.dropped and self._why and batch:
            note = f"tuidock: {self.dropped} bytes of this log were lost: {self._why}"
            batch[:0] = head(time.time_ns(), "stderr", b"F") + note.encode() + b"\n"
        position = 0
        try:
            while position < len(batch):
                fitting = self._fitting(batch, position)
                self._append(batch[position : position + fitting])
                position += fitting
        except OSError as error:
            self._why = error.strerror or "error"
            self.dropped += len(batch) - position
            return
        if batch:
            self._why = ""

    def _fitting(self, batch: bytearray, start: int) -> int:
        """Bytes of whole records from `start` that go to the current file, rotating if none fit."""
        room = self._max_size - self._size
        if len(batch) - start <= room:
            return len(batch) - start
        end = batch.rfind(b"\n", start, start + max(room, 0)) + 1
        if not end and self._size:
            self._rotate()
            return self._fitting(batch, start)
        return (end or batch.index(b"\n", start) + 1) - start

    def _append(self, data: bytearray) -> None:
        """Append all or, when the disk refuses, nothing. Raises OSError."""
        if self._fd < 0:
            self._open()
        written = 0
        try:
            with memoryview(data) as view:
                while written < len(data):
                    written += os.write(self._fd, view[written:])
        except OSError:
            if written:
                os.ftruncate(self._fd, self._size)
            raise
        self._size += written

    def _rotate(self) -> None:
        """Shift every file by one; the oldest goes. Readers follow by inode. Raises OSError."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._size = -1, 0
        if self._max_files == 1:
            os.unlink(self.path)
        kept = 1
        while kept < self._max_files - 1 and os.path.exists(f"{self.path}.{kept}"):
            kept += 1
        for number in range(min(kept, self._max_files - 1), 0, -1):
            newer = f"{self.path}.{number - 1}" if number > 1 else self.path
            os.rename(newer, f"{self.path}.{number}")
        self._open()
