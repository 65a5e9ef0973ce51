"""Starting a container in the foreground, and clearing up after it."""

from __future__ import annotations

from contextlib import closing, suppress

from tuidock.cli.terminal import Manner, follow
from tuidock.engine.errors import MonitorGone, NotFound, WrongStatus
from tuidock.engine.types import Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from tuidock.engine.core import Core
    from tuidock.engine.runtime.client import Line
    from tuidock.engine.types import Container


_ATTACHABLE = {
    Status.CREATED: "You cannot attach to a stopped container, start it first",
    Status.EXITED: "You cannot attach to a stopped container, start it first",
    Status.PAUSED: "You cannot attach to a paused container, unpause it first",
    Status.RESTARTING: "You cannot attach to a restarting container, wait until it is running",
}


def refuse_unless_attachable(container: Container) -> None:
    """Raises WrongStatus, in docker's words."""
    if refusal := _ATTACHABLE.get(container.status):
        raise WrongStatus(refusal)


def forwarder(core: Core, container_id: str) -> Callable[[int], object]:
    """Passes on signals that this process gets; one that comes too late is nobody's."""

    def forward(number: int) -> None:
        with suppress(NotFound, WrongStatus):
            core.containers.kill(container_id, str(number))

    return forward


def follow_on(core: Core, container_id: str, line: Line, manner: Manner) -> int | None:
    """As `follow`; when the container's monitor is killed, with the line of the next one."""
    while True:
        try:
            with closing(line):
                return follow(line, manner)
        except MonitorGone:
            try:
                line = core.containers.attach(container_id)
            except (MonitorGone, WrongStatus):  # it ended meanwhile
                return core.containers.wait(container_id).code


def start_and_follow(core: Core, key: str, options: Namespace) -> int:
    """Start, pass everything on in both directions, conclude. Returns the exit code.

    Signals to this process go to the container's, as docker's sig-proxy does.
    """
    container = core.containers.get(key)
    manner = Manner(
        tty=container.spec.tty,
        stdin=options.interactive,
        detach_keys=options.detach_keys,
        forward=forwarder(core, container.id) if options.sig_proxy else None,
    )
    try:
        line = core.containers.start_attached(container.id)
        code = follow_on(core, container.id, line, manner)
    except BaseException:
        core.containers.conclude(container.id)
        raise
    if code is None:
        return 0
    core.containers.conclude(container.id)
    return code
