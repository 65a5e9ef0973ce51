"""A container's log as batches of lines, and the same while it grows."""

from __future__ import annotations

import os
import select
import time

from tuidock.engine.layout import Layout
from tuidock.engine.logs.reader import Follower, files, read
from tuidock.engine.runtime.state import read_state
from tuidock.engine.types import UP, LogQuery

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tuidock.engine.types import LogLine

_GLANCE = 0.5
"""Seconds between two looks at whether the container still runs, while nothing is written."""


def logs(
    layout: Layout, container_id: str, path: str, query: LogQuery
) -> Iterator[Sequence[LogLine]]:
    """What was written and, with `follow`, what is, until the container has ended."""
    if not query.follow:
        if os.path.exists(path):
            yield from read(files(path), query)
        return
    with Follower(path, query) as follower:
        while True:
            up = is_up(layout, container_id)  # before reading, so that its last words are read
            lines = follower.read()
            if lines:
                yield lines
            elif not up:
                return
            if _past(query):
                return
            select.select([follower.fileno()], [], [], _GLANCE if up else 0)


def is_up(layout: Layout, container_id: str) -> bool:
    """Whether more output may come."""
    return read_state(layout, container_id).status in UP


def _past(query: LogQuery) -> bool:
    return query.until is not None and time.time() > query.until
