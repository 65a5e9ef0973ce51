"""Clients attached to a container's streams, and how slow ones are borne.

No output waits in this process: it goes to the socket's buffer, and nothing is read from the
container while an attached client has no room. Invariant: whoever started the container in
the foreground loses nothing and holds it up like a pipe would; any other client that takes
nothing for `STALL` seconds is dropped.
"""

from __future__ import annotations

import select
import time

from tuidock.engine.runtime.protocol import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tuidock.engine.linux.sockets import Packets

STALL = 5.0
NEEDED = "tuidock.needed"
"""The annotation of a container that is nobody's once its last client has gone."""


class Line:
    """One attached client."""

    def __init__(self, packets: Packets, *, primary: bool) -> None:
        self.packets = packets
        self.primary = primary
        """It started the container: its output is the container's, not a copy to look at."""
        self.stalled = 0.0
        """Since when it has no room (CLOCK_MONOTONIC); 0 when it has."""
        packets.make_room()
        packets.set_blocking(blocking=False)

    def fileno(self) -> int:
        return self.packets.fileno()


class Lines:
    """All attached clients of one container."""

    def __init__(self) -> None:
        self.all: dict[int, Line] = {}
        self._had = False

    def add(self, line: Line) -> None:
        self.all[line.fileno()] = line
        self._had = True

    def deserted(self) -> bool:
        """Whether there were clients, and all have gone."""
        return self._had and not self.all

    def attended(self) -> bool:
        """Whether the client that started the container in the foreground is still there."""
        return any(line.primary for line in self.all.values())

    def drop(self, line: Line) -> None:
        self.all.pop(line.fileno(), None)
        line.packets.close()

    def full(self) -> list[Line]:
        """Clients without room, after those that stalled for too long were dropped.

        A socket counts as writable with a quarter of its buffer in use, so whoever is not
        full can take the largest message several times over.
        """
        if not self.all:
            return []
        poll = select.poll()
        for descriptor in self.all:
            poll.register(descriptor, select.POLLOUT)
        ready = {descriptor for descriptor, _ in poll.poll(0)}
        found = []
        for descriptor, line in list(self.all.items()):
            if descriptor in ready:
                line.stalled = 0.0
            elif self._is_patient(line):
                found.append(line)
            else:
                self.drop(line)
        return found

    def stalling(self) -> bool:
        """Whether somebody had no room when `full` looked."""
        return bool(self.all) and any(line.stalled for line in self.all.values())

    def _is_patient(self, line: Line) -> bool:
        now = time.monotonic()
        line.stalled = line.stalled or now
        return line.primary or now - line.stalled < STALL

    def broadcast(self, message: bytes) -> None:
        """Send to everybody; who cannot take it is dropped."""
        for line in list(self.all.values()):
            try:
                line.packets.send(message)
            except OSError:
                self.drop(line)

    def finish(self, code: int) -> None:
        """Tell the end and hang up; what is in the sockets' buffers can still be read."""
        self.broadcast(encode({"exit": code}))
        for line in list(self.all.values()):
            self.drop(line)
