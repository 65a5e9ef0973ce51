"""A command in a container, and all that it has started, told apart from the rest.

By session and by descent: a child that left the session has a living parent of it, one that
lost its parent is of the session; who did both meant to outlive it. Invariant: a signal goes to
the process that was looked at, never to a later one of its number.
"""

from __future__ import annotations

import os

from tuidock.engine.linux.proc import send_signal, stat
from tuidock.engine.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_ROUNDS = 20
"""Looks for what was forked since the last one."""
_KILL, _STOP = 9, 19


class _Seen(NamedTuple):
    """A process when it was looked at; all numbers are the host's."""

    pid: int
    parent: int
    session: int
    start: int


def kill(leader: int, members: Callable[[], Iterable[int]]) -> None:
    """SIGKILL the session leader `leader` and its kin, found among a container's `members`.

    They are stopped first, so that none can fork on while we look. Without a cgroup there are
    no members: every process of the host is looked at then.
    """
    stopped: set[_Seen] = set()
    for _ in range(_ROUNDS):
        fresh = set(_kin(leader, list(members()) or _everybody())) - stopped
        if not fresh:
            break
        for each in fresh:
            send_signal(each.pid, each.start, _STOP)
        stopped |= fresh
    for each in stopped:
        send_signal(each.pid, each.start, _KILL)


def _everybody() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _kin(leader: int, pids: list[int]) -> list[_Seen]:
    seen = [each for each in map(_look, pids) if each]
    found = {each.pid: each for each in seen if leader in (each.pid, each.session)}
    size = -1
    while size != len(found):
        size = len(found)
        found |= {each.pid: each for each in seen if each.parent in found}
    return list(found.values())


def _look(pid: int) -> _Seen | None:
    """None for one that is dead."""
    try:
        fields = stat(pid)
    except (FileNotFoundError, ProcessLookupError):
        return None
    if fields[0] in (b"Z", b"X"):
        return None
    return _Seen(pid, int(fields[1]), int(fields[3]), int(fields[19]))
