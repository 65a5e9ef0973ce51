"""Logs of the fake engine: lines in memory, those of removed containers too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from tuidock.engine.api import ALL_LINES
from tuidock.engine.fake.box import Box
from tuidock.engine.fake.words import within
from tuidock.engine.types import UP, LogLine, LogQuery, Removed


class LogVerbs:
    """For whoever has boxes."""

    _remains: dict[str, tuple[Box, Removed]]

    def _box(self, key: str) -> Box:
        raise NotImplementedError

    async def log_files(self, key: str) -> Sequence[str]:
        """None: a fake container keeps its lines in memory."""
        self._said(key)
        return ()

    async def removed(self) -> Sequence[Removed]:
        return tuple(removed for _, removed in self._remains.values())

    def _said(self, key: str) -> Box:
        """A container, or what is left of one."""
        return self._remains[key][0] if key in self._remains else self._box(key)

    async def logs(self, key: str, query: LogQuery = ALL_LINES) -> AsyncIterator[Sequence[LogLine]]:
        box = self._said(key)
        lines = [it for it in box.lines if within(it, query)]
        position = len(box.lines)
        if query.tail is not None:
            lines = lines[max(0, len(lines) - query.tail) :]
        if lines:
            yield lines
        while query.follow:
            if position == len(box.lines):
                if box.it.status not in UP:
                    return
                await box.changed()
                continue
            fresh, position = box.lines[position:], len(box.lines)
            yield fresh

    async def log_growth(self, key: str) -> AsyncIterator[None]:
        yield
        async for _ in self.logs(key, LogQuery(follow=True, tail=0)):
            yield

    def _leave(self, box: Box, now: float) -> None:
        """Keep what a box said, if it said anything."""
        it = box.it
        code = it.exit.code if it.exit else None
        if box.lines:
            left = {it.id: (box, Removed(it.id, it.name, it.image, now, code))}
            self._remains = {**left, **self._remains}
