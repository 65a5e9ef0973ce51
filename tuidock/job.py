"""A job: work that takes its time, told apart from whoever began it. Who does it is jobs.py."""

from __future__ import annotations

from typing import NamedTuple

FINISHED = 100
"""Jobs that are over and still listed."""
LINES = 200
"""Last lines of what a job said."""


class Job(NamedTuple):
    """One, as it is now."""

    number: int
    kind: str
    """`pull`, `prune`, `copy` or `command`."""
    title: str
    words: tuple[str, ...]
    """The command line that does the same, and could go on with it without us."""
    began: float
    ended: float = 0.0
    """0.0 while it runs."""
    said: tuple[str, ...] = ()
    """Its last lines."""
    problem: str = ""
    """Why it failed, or `cancelled`."""
    hint: str = ""
    ending: bool = False
    """It was asked to end, and tidies up."""

    @property
    def running(self) -> bool:
        return not self.ended

    def saying(self, line: str) -> Job:
        return self._replace(said=(*self.said, line)[-LINES:])
