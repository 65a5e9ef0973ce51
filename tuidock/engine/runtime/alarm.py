"""The out-of-memory killer, heard at the moment when it strikes.

v1 tells by an eventfd before the kill, v2 by POLLPRI on `memory.events` after it. Invariant:
each look at the counter notes what is new in it once, and a container that does nothing but run
out of memory costs a look every `_LATEST` seconds, not more.
"""

from __future__ import annotations

import os
import select
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tuidock.engine.runtime.timers import Timers
    from tuidock.engine.runtime.ward import Ward

_FIRST, _LATEST = 0.02, 0.3
"""Seconds after an alarm at which the counter is looked at."""


class Alarm:
    """Counts the kills of one container; `heard` is called for each look that found more."""

    def __init__(self, ward: Ward, timers: Timers, heard: Callable[[], object]) -> None:
        self.kills = 0
        self._ward = ward
        self._timers = timers
        self._heard = heard
        self._due = False
        is_file = ward.alarm >= 0 and stat.S_ISREG(os.fstat(ward.alarm).st_mode)
        self._events = select.POLLPRI if is_file else select.POLLIN

    def interest(self) -> dict[int, tuple[int, Callable[[], object]]]:
        """Nothing while a look is due anyway."""
        quiet = self._due or self._ward.alarm < 0
        return {} if quiet else {self._ward.alarm: (self._events, self._ring)}

    def _ring(self) -> None:
        if self._events == select.POLLPRI:
            os.pread(self._ward.alarm, 4096, 0)
        else:
            os.read(self._ward.alarm, 8)
        self._due = True
        self._timers.after(_FIRST, self._look_soon)

    def _look_soon(self) -> None:
        if self.look():
            self._timers.after(_LATEST, self._rest)
        else:
            self._timers.after(_LATEST, self._look_late)

    def _look_late(self) -> None:
        self.look()
        self._rest()

    def _rest(self) -> None:
        self._due = False

    def begin_anew(self) -> None:
        """What was counted by another monitor is told."""
        self.kills = self._ward.cgroup().oom_kills()

    def look(self) -> bool:
        """Whether there were kills since the last look."""
        kills = self._ward.cgroup().oom_kills()
        is_new, self.kills = kills > self.kills, max(kills, self.kills)
        if is_new:
            self._heard()
        return is_new
