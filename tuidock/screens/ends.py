"""Bad ends show themselves: the card that explains one opens under the cursor, once.

Invariant: nothing opens while the keys are in the detail, nor in the place of a tab that somebody
went to for what it says of the dead too; whoever moves on has the tab of before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tuidock.engine.api import Engine
from tuidock.engine.types import DOWN, Container, ExitRecord
from tuidock.screens.detail import Detail
from tuidock.screens.verdict import GRACE, asked_by

REST = 0.3
"""Seconds for which the cursor rests before anything opens."""
WHY = "why"
MAKE_WAY = frozenset(("logs", "stats", "top", "shell"))
"""Tabs about the living."""


class Ends:
    """Which ends were shown, and what to go back to."""

    def __init__(self, detail: Detail, engine: Engine) -> None:
        self._detail, self._engine = detail, engine
        self._known: set[tuple[str, float]] = set()
        self._asked: ExitRecord | None = None
        """The end under the cursor, until it has rested there."""
        self._shown = ""
        """The container whose card opened by itself, for as long as that is in view."""
        self._before = ""
        """The tab that made way for it."""

    def is_news(self, it: Container | None) -> bool:
        """Whether it ended badly, and there is room to say so."""
        if it is None or it.exit is None or it.status not in DOWN:
            return False
        is_bad = bool(it.exit.code or it.exit.oom_killed or it.exit.error)
        is_free = self._detail.active in MAKE_WAY and not self._detail.has_focus_within
        return is_bad and is_free and (it.id, it.exit.at) not in self._known

    async def tell(self, it: Container, subject: Callable[[], Container | None]) -> None:
        """Open its card, if it stays the `subject` and nobody wanted that end.

        Raises EngineError.
        """
        if it.exit is None or it.exit == self._asked:
            return
        self._asked = it.exit
        try:
            await asyncio.sleep(REST)
            since = it.exit.at - it.spec.stop_timeout - 2 * GRACE
            found = await self._engine.containers.history(it.id, since)
        finally:
            self._asked = None
        now = subject()
        if now is not None and now.exit == it.exit and self.is_news(now):
            self._known.add((it.id, it.exit.at))
            if asked_by(found.events, it) is None:
                self._shown, self._before = it.id, self._detail.active
                self._detail.open(WHY)

    def pass_on(self, it: Container | None) -> None:
        """Another row, or another state of it: bring back what made way."""
        stays = it is not None and it.id == self._shown and it.status in DOWN
        if self._shown and not stays:
            self._shown = ""
            if self._detail.active == WHY and not self._detail.has_focus_within:
                self._detail.open(self._before)

    def stay(self) -> None:
        """Somebody chose a tab: nothing makes way for it any more."""
        self._shown = ""
