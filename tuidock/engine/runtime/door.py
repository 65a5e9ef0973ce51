"""The socket in a container's run dir, and who has connected to it without saying what for.

Invariant: no client ends whoever listens here, whatever it sends, and no descriptor that it sends
stays open unless it is taken.
"""

from __future__ import annotations

import os
import select
from functools import partial

from tuidock.engine.linux import sockets
from tuidock.engine.runtime.protocol import decode, tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tuidock.engine.linux.sockets import Packets

    Obey = Callable[[dict[str, Any], Packets, list[int]], None]
    """Does what a first message asks; removes from the list the descriptors that it takes."""


class Door:
    """Accepts connections and hears their first message."""

    def __init__(self, listener: sockets.Listener, obey: Obey) -> None:
        self.newcomers: dict[int, Packets] = {}
        self._listener = listener
        self._obey = obey

    def interest(self) -> dict[int, tuple[int, Callable[[], object]]]:
        """Descriptors to watch, the events, and what to do then."""
        found: dict[int, tuple[int, Callable[[], object]]] = {
            self._listener.fileno(): (select.POLLIN, self._accept)
        }
        for descriptor, line in self.newcomers.items():
            found[descriptor] = (select.POLLIN, partial(self._hear, line))
        return found

    def _accept(self) -> None:
        if line := sockets.accept_own(self._listener):
            self.newcomers[line.fileno()] = line

    def _hear(self, line: Packets) -> None:
        self.newcomers.pop(line.fileno())
        descriptors: list[int] = []
        try:
            message, descriptors = line.receive()
            self._obey(decode(message), line, descriptors)
        except Exception as error:  # of a broken or hostile client
            tell(line, {"error": f"{type(error).__name__}: {error}"})
            line.close()
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
