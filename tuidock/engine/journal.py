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
    from collections.abc import Iterator, Mapping

    from tuidock.engine.events import Event
    from tuidock.engine.layout import Layout

ROTATE = 4 * 1024 * 1024
LINE = 4096
"""Longest line, bytes with its newline."""
_BLOCK = 1 << 16
_GRACE = 0.05
"""Seconds after `until` in which a writer that took its time earlier may still write."""


def append(
    layout: Layout,
    kind: str,
    action: str,
    id: str,
    name: str = "",
    attributes: Mapping[str, str] | None = None,
) -> None:
    """Add an event with the present time; words as in `events.Event`.

    Attributes that would make the line longer than a page are left out. Raises OSError.
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


# --- reading -----------------------------------------------------------------------------------


def read(layout: Layout, since: float | None = None, until: float | None = None) -> Iterator[Event]:
    """Events on disk, oldest first, of that span of time. Raises OSError."""
    from tuidock.engine.logs.files import LogFiles, blocks

    with LogFiles(layout.events) as log:
        for _, data in blocks(log, log.start, log.end, _BLOCK):
            yield from _events(data, since, until)


def of(layout: Layout, container_id: str, since: float | None = None) -> Iterator[Event]:
    """As `read`, one container's alone: lines of others are not even parsed. Raises OSError."""
    from tuidock.engine.logs.files import LogFiles, blocks

    word = container_id.encode()
    with LogFiles(layout.events) as log:
        for _, data in blocks(log, log.start, log.end, _BLOCK):
            if word in data:
                lines = b"\n".join(each for each in data.splitlines() if word in each)
                yield from (each for each in _events(lines, since, None) if each.id == container_id)


def watch(
    layout: Layout, since: float | None = None, until: float | None = None
) -> Iterator[Event]:
    """Events since then (None: from now on), and those to come, for ever or until that time.

    Blocks while nothing happens. Raises HostError, OSError.
    """
    import select

    with Follower(layout, since, until) as follower:
        while True:
            past = until is not None and time.time() > until
            yield from follower.read()
            if past:
                return
            left = None if until is None else max(until - time.time(), 0) + _GRACE
            select.select([follower.fileno()], [], [], left)


class Follower:
    """Events since a time (None: from now on), and on for as long as it is read.

    `fileno()` is readable when `read()` has, or may have, something; both never block.
    Use as a context manager, or call `close`.
    """

    def __init__(
        self, layout: Layout, since: float | None = None, until: float | None = None
    ) -> None:
        """Raises HostError, OSError."""
        from tuidock.engine.logs.tail import Tail

        self._span = (since, until)
        self._tail = Tail(layout.events)
        if since is None:
            self._tail.skip()

    def fileno(self) -> int:
        return self._tail.fileno()

    def read(self) -> list[Event]:
        """What happened since the last call; empty when nothing did. Raises OSError."""
        while data := self._tail.read(_BLOCK):
            if events := list(_events(data, *self._span)):
                return events
        return []

    def close(self) -> None:
        self._tail.close()

    def __enter__(self) -> Follower:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _events(data: bytes, since: float | None, until: float | None) -> Iterator[Event]:
    for line in data.splitlines():
        event = _parse(line)
        if event and (since is None or event.at >= since) and (until is None or event.at <= until):
            yield event


def _parse(line: bytes) -> Event | None:
    """None for what a power cut left of a line, or a later version wrote otherwise."""
    from tuidock.engine.events import Event

    try:
        found = json.loads(line)
        attributes = tuple((str(k), str(v)) for k, v in found["attributes"].items())
        kind, action, id, name = (str(found[key]) for key in ("kind", "action", "id", "name"))
        return Event(float(found["at"]), kind, action, id, name, attributes)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
