"""Restart policies: whether a container that ended runs again, and how soon.

A person's stop is remembered in a file of the bundle until the next start: `always` means
until somebody says otherwise. The stop of all at the machine's end is remembered in the same
place in other words, so that it holds back the policy, but not the next boot. How often it was
restarted, and how long was waited the last time, stands in its run state.
"""

from __future__ import annotations

import os

from tuidock.engine.layout import Layout
from tuidock.engine.linux.files import unlink
from tuidock.engine.types import RestartPolicy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from tuidock.engine.runtime.state import RunState

POLICY = "tuidock.restart"
"""Annotation of a bundle: the policy as a person writes it."""
_FIRST, _LONGEST = 0.1, 60.0
"""Seconds before a restart; doubled each time, as docker does."""
_STEADY = 10.0
"""Seconds of life after which the waiting begins anew."""


PERSON, SHUTDOWN, RESTART = "", "shutdown", "restart"
"""Who ended it; a restart starts it again at once, so that not even `--rm` removes it."""


def remember_stop(layout: Layout, container_id: str, by: str = PERSON) -> None:
    """Somebody ended it, on purpose."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    mark = os.open(_mark(layout, container_id), flags, 0o600)
    try:
        os.write(mark, by.encode())
    finally:
        os.close(mark)


def forget_stop(layout: Layout, container_id: str) -> None:
    """A person starts it."""
    unlink(_mark(layout, container_id))


def was_stopped(layout: Layout, container_id: str) -> bool:
    return os.path.exists(_mark(layout, container_id))


def is_restart(layout: Layout, container_id: str) -> bool:
    """Whether it was ended to be started again."""
    return _stopped_by(layout, container_id) == RESTART


def _stopped_by(layout: Layout, container_id: str) -> str | None:
    try:
        with open(_mark(layout, container_id), encoding="utf-8") as mark:
            return mark.read()
    except FileNotFoundError:
        return None


def written(policy: RestartPolicy) -> str:
    """As a person writes it: `on-failure:3`."""
    most = policy.maximum_retries
    return f"{policy.name}:{most}" if most else policy.name


def policy(about: Mapping[str, str]) -> RestartPolicy:
    """From a bundle's annotations."""
    name, _, most = about.get(POLICY, "no").partition(":")
    return RestartPolicy(name, int(most or 0))


def belongs_up(layout: Layout, container_id: str, policy: RestartPolicy) -> bool:
    """Whether it is to run after a boot; for a container that was started at least once.

    `unless-stopped` means by a person. As with docker, `on-failure` is not for boots.
    """
    if policy.name == "always":
        return True
    return policy.name == "unless-stopped" and _stopped_by(layout, container_id) != PERSON


def delay(policy: RestartPolicy, state: RunState) -> float | None:
    """Seconds to wait before the next start of a container that ended; None for never."""
    ended = state.exit
    if ended is None or policy.name == "no" or ended.error:
        return None
    if policy.name == "on-failure":
        spent = policy.maximum_retries and state.restarts >= policy.maximum_retries
        if ended.code == 0 or spent:
            return None
    if ended.at - state.started >= _STEADY or not state.pause:
        return _FIRST
    return min(state.pause * 2, _LONGEST)


def _mark(layout: Layout, container_id: str) -> str:
    return f"{layout.container(container_id)}/stopped"
