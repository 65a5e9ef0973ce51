"""Restart policies: whether a container that ended runs again, and how soon.

A person's stop is remembered in a file of the bundle until the next start: `always` means
until somebody says otherwise. How often it was restarted stands in its run state.
"""

from __future__ import annotations

import contextlib
import os

from tuidock.engine.layout import Layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tuidock.engine.runtime.state import RunState
    from tuidock.engine.types import RestartPolicy

_FIRST, _LONGEST = 0.1, 60.0
"""Seconds before a restart; doubled each time, as docker does."""
_STEADY = 10.0
"""Seconds of life after which the waiting begins anew."""


def remember_stop(layout: Layout, container_id: str) -> None:
    """A person ended it."""
    path = _mark(layout, container_id)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))


def forget_stop(layout: Layout, container_id: str) -> None:
    """A person, or the policy, starts it."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_mark(layout, container_id))


def was_stopped(layout: Layout, container_id: str) -> bool:
    return os.path.exists(_mark(layout, container_id))


def delay(policy: RestartPolicy, state: RunState) -> float | None:
    """Seconds to wait before the next start of a container that ended; None for never."""
    ended = state.exit
    if ended is None or policy.name == "no" or ended.error:
        return None
    if policy.name == "on-failure":
        spent = policy.maximum_retries and state.restarts >= policy.maximum_retries
        if ended.code == 0 or spent:
            return None
    if ended.at - state.started >= _STEADY:
        return _FIRST
    return min(_FIRST * 2.0**state.restarts, _LONGEST)


def _mark(layout: Layout, container_id: str) -> str:
    return f"{layout.container(container_id)}/stopped"
