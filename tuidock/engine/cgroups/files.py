"""Cgroup files: one value in, one value out, and a set of writes that can be taken back.

The kernel takes each value in a single write(2); nothing here buffers.
"""

from __future__ import annotations

import os

from tuidock.engine.linux import ledger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def read(path: str) -> str:
    """Content without the final newline. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        # cgroup.procs of a busy cgroup is longer than one page, so read to the end.
        parts = []
        while part := os.read(fd, 1 << 16):
            parts.append(part)
    finally:
        os.close(fd)
    return b"".join(parts).decode().rstrip("\n")


def write(path: str, value: str) -> None:
    """Write one value. Raises OSError with the path as its file name."""
    ledger.note("write", path, value)
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        # An empty value still needs a write(2) that reaches the kernel.
        os.write(fd, (value or "\n").encode())
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None
    finally:
        os.close(fd)


def counter(path: str, key: str) -> int:
    """The number after `key` in a flat-keyed file such as `memory.events`; 0 without the key.

    Raises OSError.
    """
    for line in read(path).splitlines():
        name, _, value = line.partition(" ")
        if name == key:
            return int(value)
    return 0


class Changes:
    """Writes to cgroup files that can be undone as a whole, last one first."""

    def __init__(self) -> None:
        self._old: list[tuple[str, str]] = []

    def set(self, path: str, value: str) -> None:
        """Write `value` unless it is there already, and remember what was. Raises OSError."""
        old = read(path)
        if old != value:
            self.write(path, value, (path, old))

    def write(self, path: str, value: str, back: tuple[str, str]) -> None:
        """Write `value`; `back` is the file and the value that undo it. Raises OSError."""
        write(path, value)
        self._old.append(back)

    def set_lines(self, path: str, wanted: Mapping[str, str], unlimited: str) -> None:
        """As `set`, for a file with a line for each device: `wanted` and no others.

        `unlimited` is the value that takes a line away. Raises OSError.
        """
        here = dict(line.split(" ", 1) for line in read(path).splitlines())
        for name in {**here, **wanted}:
            old, new = here.get(name, unlimited), wanted.get(name, unlimited)
            if old != new:
                self.write(path, f"{name} {new}", (path, f"{name} {old}"))

    def undo(self) -> None:
        """Write back what was. Raises the first OSError, after having tried every file."""
        failure: OSError | None = None
        while self._old:
            path, old = self._old.pop()
            try:
                write(path, old)
            except OSError as error:
                failure = failure or error
        if failure:
            raise failure
