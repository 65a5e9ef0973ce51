"""The process that sees to a visit from outside: freezes, makes the guest, waits, thaws.

It has a single thread, so that the guest can be forked from it with everything imported.
Invariant: whatever becomes of guest and client, the container is thawed again if we froze it;
if we are killed, by its monitor.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys

from tuidock.engine.cgroups.cgroup import reach_cgroup
from tuidock.engine.containers.files import entering, errands
from tuidock.engine.containers.files.faults import told
from tuidock.engine.errors import Conflict, EngineError, Unsupported
from tuidock.engine.linux import process as p
from tuidock.engine.runtime import stillness

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, NoReturn

_ANSWERS, _LOCK = 3, 4
"""Descriptors; the lock is held by being open."""


class _Leave(Exception):
    """The client is gone, or wants us to be."""


def main() -> NoReturn:
    """Do the errand in our only argument; standard input and output are its archives."""
    request = json.loads(sys.argv[1])
    parent = os.getppid()
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGUSR1, _make_way)
    p.prctl(p.PR_SET_PDEATHSIG, signal.SIGTERM)
    guest = entering.NOBODY
    try:
        if os.getppid() != parent:
            raise _Leave
        with _frozen(request) as held:
            guest = entering.make(request, lambda enter: _live(request, enter))
            for number in (0, 1):
                os.dup2(2, number)  # the ends of the streams are the guest's alone
            _await(guest, request["freeze"], held)
    except _Leave:
        pass
    except (EngineError, OSError) as error:
        errands.say(_ANSWERS, told(error, request))
    finally:
        guest.end()
        os._exit(0)


def _leave(number: int, frame: object) -> NoReturn:
    raise _Leave


def _make_way(number: int, frame: object) -> NoReturn:
    raise Conflict("the container is being removed", "what was copied is not whole")


@contextlib.contextmanager
def _frozen(request: dict[str, Any]) -> Iterator[contextlib.ExitStack]:
    """Hold the container still, where a freezer can be had; closing the stack lets it go on."""
    with contextlib.ExitStack() as stack:
        if request["freeze"]:
            with contextlib.suppress(EngineError, FileNotFoundError):  # nothing depends on it
                stack.callback(stillness.revoke, request["run"])
                stack.callback(thaw, request["tag"], request["id"])
                stillness.announce(request["run"])
                reach_cgroup(request["tag"], request["id"]).freeze()
        yield stack


def thaw(tag: str, container_id: str) -> None:
    """Let a container go on, if it is there and can be held still at all."""
    with contextlib.suppress(FileNotFoundError, Unsupported):
        reach_cgroup(tag, container_id).thaw()


def _await(guest: entering.Guest, seconds: float, held: contextlib.ExitStack) -> None:
    """Until the guest is gone; the container stays frozen for at most `seconds` of that."""
    if not select.select([guest.pidfd], [], [], seconds)[0]:
        held.close()
        select.select([guest.pidfd], [], [])


def _live(request: dict[str, Any], enter: entering.Enter) -> NoReturn:
    """The guest's life."""
    try:
        for number in (signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, signal.SIG_DFL)
        os.close(_LOCK)
        errands.ERRANDS[request["errand"]](request, enter, _ANSWERS)
    except BrokenPipeError:  # nobody wants to know any more
        pass
    except BaseException as error:
        errands.say(_ANSWERS, told(error, request))
    finally:
        os._exit(0)
