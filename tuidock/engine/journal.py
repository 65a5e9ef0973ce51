"""The journal of a root: one JSON line for each lifecycle event, appended by every process.

Written by the monitor too, so `append` needs next to nothing. Each event is one write(2) with
O_APPEND of less than a page, so lines of several writers never mix. The file is rotated at
`ROTATE` bytes under a lock; one old file, `.1`, is kept.
"""

from __future__ import annotations

import fcntl
import json
import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from tuidock.engine.layout import Layout

ROTATE = 4 * 1024 * 1024
LINE = 4096
"""Longest line, bytes with its newline."""


def append(
    layout: Layout,
    kind: str,
    action: str,
    id: str,
    name: str = "",
    attributes: Mapping[str, str] | None = None,
) -> None:
    """Add an event with the present time; words as in `events.Event`.

    Attributes that would make the line longer than a page are cut. Raises OSError.
    """
    event = {
        "at": time.time_ns() / 1e9,
        "kind": kind,
        "action": action,
        "id": id,
        "name": name,
        "attributes": dict(attributes or {}),
    }
    line = _encode(event)
    fd = _open_for_append(layout.events)
    try:
        os.write(fd, line)
    finally:
        os.close(fd)


def _encode(event: dict[str, object]) -> bytes:
    line = json.dumps(event, separators=(",", ":")).encode() + b"\n"
    attributes = event["attributes"]
    while len(line) > LINE and isinstance(attributes, dict) and attributes:
        longest = max(attributes, key=lambda key: len(key) + len(attributes[key]))
        del attributes[longest]
        line = json.dumps(event, separators=(",", ":")).encode() + b"\n"
    return line


def _open_for_append(path: str) -> int:
    """A locked (shared) descriptor of the file that is the journal at this moment."""
    while True:
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_SH)
            if not _is_current(fd, path):
                os.close(fd)
                continue
            if os.fstat(fd).st_size < ROTATE:
                return fd
            _rotate(fd, path)
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def _is_current(fd: int, path: str) -> bool:
    try:
        return os.stat(path).st_ino == os.fstat(fd).st_ino
    except FileNotFoundError:
        return False


def _rotate(fd: int, path: str) -> None:
    """Rename the file once nobody is in the middle of writing to it."""
    fcntl.flock(fd, fcntl.LOCK_EX)
    if _is_current(fd, path):
        os.rename(path, f"{path}.1")
