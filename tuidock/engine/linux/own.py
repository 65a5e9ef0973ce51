"""System calls in the words of a stub, made by this very process.

So the same code can have a container's mounts made there, or look after them from outside.
Invariant: a call is made when it is written down, and its answer is known at once.
"""

from __future__ import annotations

import os

from tuidock.engine.linux import ledger
from tuidock.engine.linux.arena import NEVER, Answer
from tuidock.engine.linux.calls import NUMBER
from tuidock.engine.linux.libc import syscall
from tuidock.engine.linux.mount import messages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Unpack

    from tuidock.engine.linux.arena import Argument, Batch, How


class Own:
    """The same for this very process: each call is made at once."""

    def __init__(self) -> None:
        self.step = ""
        self.waiting = 0
        self._left_out = 0

    def add(self, name: str, *arguments: Argument, **how: Unpack[How]) -> Answer:
        """Raises OSError, but not for an errno that is `fine`."""
        answer = Answer(0)
        if self._left_out:
            self._left_out -= 1
            answer.value = NEVER
            return answer
        try:
            answer.value = self._make(name, arguments, how.get("tries", 0))
        except OSError as error:
            if error.errno not in how.get("fine", ()):
                context = how.get("context")
                said = messages(context.known) if context else []
                text = "; ".join([error.strerror or "", *said])
                raise OSError(error.errno, text, how.get("path") or None) from error
            answer.value = -(error.errno or 0)
            self._left_out = how.get("skip", 0)
        ledger.note("own", self.step, name, arguments, answer)
        return answer

    def _make(self, name: str, arguments: tuple[Argument, ...], tries: int) -> int:
        words = [*map(_plain, arguments), *[0] * 6][:6]  # what is left out must be 0
        while True:
            try:
                return syscall(NUMBER[name], name, *words)
            except BlockingIOError:
                if tries <= 0:
                    raise
                tries -= 1

    def push(self) -> None:
        """All was made already."""

    def play(self, passage: Batch) -> None:
        """Only a stub can make what was written down for one."""
        raise NotImplementedError

    def run(self) -> None:
        """All was made already."""


def _plain(argument: Argument) -> object:
    if isinstance(argument, Answer):
        return argument.known
    return os.fsencode(argument) if isinstance(argument, str) else argument
