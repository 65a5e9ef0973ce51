"""How far a copy is, on a terminal; an archive written to a file or to standard output."""

from __future__ import annotations

import os
import signal
import sys
import time

from tuidock.cli import words
from tuidock.engine.errors import Conflict, HostError, NotFound
from tuidock.engine.linux.files import write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NoReturn

_INTERVAL = 0.1


class Meter:
    """Counts bytes; shows them on standard error while that is a terminal."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._shown = sys.stderr.isatty()
        self._due = time.monotonic() + _INTERVAL
        self._drawn = False
        self.size = 0

    def __enter__(self) -> Meter:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._drawn:
            sys.stderr.write("\r\x1b[K")

    def tick(self, size: int) -> None:
        self.size += size
        if self._shown and time.monotonic() >= self._due:
            self._due += _INTERVAL
            self._drawn = True
            sys.stderr.write(f"\r\x1b[K{self._what} - {words.size(self.size)}")
            sys.stderr.flush()


def heed_termination() -> None:
    """Let SIGTERM end us the way SIGINT does: with whatever is half-made taken away."""
    signal.signal(signal.SIGTERM, _leave)


def _leave(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def to_stdout(pieces: Iterable[bytes]) -> None:
    """Pass an archive on. Raises Conflict when it would go to a terminal."""
    if sys.stdout.isatty():
        raise Conflict(
            "cowardly refusing to save to a terminal", "redirect it, or name a file with -o"
        )
    for piece in pieces:
        write_all(1, piece)


def to_file(path: str, pieces: Iterable[bytes]) -> None:
    """Write a new file, ours alone, which appears whole or not at all.

    A link is followed; a device or a pipe would make way for that file, and is refused.
    Raises NotFound, Conflict, HostError.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise Conflict(f'invalid output path: "{path}" must be a regular file')
    path = os.path.realpath(path)
    temporary = f"{path}.{os.urandom(4).hex()}"
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            for piece in pieces:
                write_all(descriptor, piece)
        finally:
            os.close(descriptor)
        os.rename(temporary, path)
    except FileNotFoundError as error:
        raise NotFound(f"{path}: no such directory") from error
    except OSError as error:
        raise HostError(f"cannot write {path}: {error.strerror}") from error
    finally:
        if os.path.lexists(temporary):
            os.unlink(temporary)
