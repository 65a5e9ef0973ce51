"""Output on its way from a container's fifo to its log: looked at, written down, then taken.

What is taken first and written down later is lost with a monitor that is killed between the
two. Invariant: what is not in the log is still in the fifo; what is in both, because the
monitor was killed between writing and taking, the ledger tells its successor.
"""

from __future__ import annotations

import errno
import os
import stat
import struct

from tuidock.engine.linux.libc import check, libc
from tuidock.engine.logs.record import HEAD
from tuidock.engine.logs.writer import LogWriter
from tuidock.engine.runtime.protocol import CHUNK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from tuidock.engine.layout import Layout

_ENTRY = struct.Struct("=QQQ6s")
"""Inode and size of the log before the piece, bytes of the piece, its stream."""
_SPLICE_F_NONBLOCK = 2


class Intake:
    """Reads a container's output, and writes it to its log."""

    def __init__(self, log: LogWriter, ledger: str) -> None:
        self.log = log
        self._ledger = os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._copy, self._copied = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._sink = os.open("/dev/null", os.O_WRONLY | os.O_CLOEXEC)

    def take(self, output: int, stream: str) -> bytes:
        """The next piece, logged; empty at the end. Raises BlockingIOError, OSError."""
        if not stat.S_ISFIFO(os.fstat(output).st_mode):  # a terminal cannot be looked into
            data = os.read(output, CHUNK)
            self.log.write(stream, data)
            return data
        data = self._look(output)
        if data:
            self._note(len(data), stream)
            self.log.write(stream, data)
            self.log.flush()
            os.splice(output, self._sink, len(data))
            self._note(0, stream)
        return data

    def _look(self, output: int) -> bytes:
        if size := _tee(output, self._copied):
            return os.read(self._copy, size)
        return b""

    def _note(self, size: int, stream: str) -> None:
        os.pwrite(self._ledger, _ENTRY.pack(*self.log.position(), size, stream.encode()), 0)

    def close(self) -> None:
        """Close the log, too."""
        self.log.close()
        for descriptor in (self._ledger, self._copy, self._copied, self._sink):
            os.close(descriptor)


def _tee(source: int, pipe: int) -> int:
    """tee(2): bytes that are in both pipes now; 0 at the end. Raises BlockingIOError."""
    return check(libc.tee(source, pipe, CHUNK, _SPLICE_F_NONBLOCK), "tee")


def open_intake(layout: Layout, container_id: str, about: Mapping[str, str]) -> Intake:
    """With a log as the container's annotations limit it."""
    max_size, max_files = map(int, about["tuidock.log"].split(":"))
    log = LogWriter(layout.log(container_id), max_size, max_files)
    return Intake(log, layout.intake(container_id))


def recover(layout: Layout, container_id: str, outputs: Mapping[int, str]) -> None:
    """Take back what a killed monitor wrote down but did not take: it will be read again.

    Call it before the log is opened. When the log was rotated in that very moment, what was
    written stands. Raises OSError.
    """
    try:
        with open(layout.intake(container_id), "rb", buffering=0) as ledger:
            inode, before, size, name = _ENTRY.unpack(ledger.read(_ENTRY.size))
    except (FileNotFoundError, struct.error):  # it has not read anything
        return
    stream = name.decode()
    fifos = [each for each, carried in outputs.items() if carried == stream]
    log = os.open(layout.log(container_id), os.O_RDWR | os.O_CLOEXEC)
    try:
        found = os.fstat(log)
        if size and fifos and found.st_ino == inode and found.st_size > before:
            written = _text(os.pread(log, found.st_size - before, before))
            if _peek(fifos[0], size).startswith(written):
                os.ftruncate(log, before)
    finally:
        os.close(log)


def _peek(fifo: int, size: int) -> bytes:
    """The first bytes in a fifo; nothing when it has less, because then they were taken."""
    copy, copied = os.pipe2(os.O_CLOEXEC)
    try:
        data = os.read(copy, _tee(fifo, copied))
    except OSError as error:
        if error.errno != errno.EAGAIN:
            raise
        data = b""
    finally:
        os.close(copy)
        os.close(copied)
    return data[:size] if len(data) >= size else b""


def _text(records: bytes) -> bytes:
    """What the container wrote, from whole records and perhaps a beginning of another."""
    *whole, begun = records.split(b"\n")
    pieces = [
        record[HEAD:] + (b"\n" if record[HEAD - 2 : HEAD - 1] == b"F" else b"") for record in whole
    ]
    return b"".join(pieces) + begun[HEAD:]
