"""Something to be done at regular times for as long as a process waits.

Awake the process does it itself, asleep machine code does, without waking it up (`dozing`). All
processes do it at the same times, multiples of the length: of fifty that follow one another each
costs half of what it costs alone, measured. Invariant: it is never done twice for one time, and a
time that passed is made up for once.
"""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_MOST = 900
"""Times that are left to machine code, whose clock falls behind: half an hour of two seconds."""


class Beat:
    """What is to be done, and when the next time."""

    __slots__ = ("_call", "_due", "_seconds", "function", "value")

    def __init__(
        self, seconds: float, call: Callable[[], object], function: int = 0, value: int = 0
    ) -> None:
        """`function`: an address of machine code that does with `value` what `call` does."""
        self._seconds, self._call, self.function, self.value = seconds, call, function, value
        self.align()

    def align(self) -> None:
        """The next time is when it is for all."""
        self._due = (time.monotonic() // self._seconds + 1) * self._seconds

    def left(self) -> float:
        """Milliseconds until it is to be done."""
        return max(0.0, self._due - time.monotonic()) * 1000

    def strike(self) -> None:
        """Do it, if it is time."""
        if self._due <= time.monotonic():
            self._call()
            self.align()

    def go_on(self, seconds: float) -> None:
        """The next time is in so many seconds."""
        self._due = time.monotonic() + seconds

    def times(self, patience: float | None) -> int:
        """How often machine code is to do it in so many milliseconds, or until it should end."""
        if patience is None:
            return _MOST
        left = patience - self.left()
        return 0 if left < 0 else min(_MOST, 1 + int(left / (self._seconds * 1000)))

    def order(self, times: int) -> tuple[int, int, int, int, int]:
        """For the code."""
        return self.function, self.value, times, *divmod(int(self._seconds * 1e9), 1_000_000_000)
