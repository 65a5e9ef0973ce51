"""Starting a container in the foreground, and clearing up after it."""

from __future__ import annotations

from contextlib import closing

from tuidock.cli.terminal import Manner, follow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.engine.core import Core


def start_and_follow(core: Core, key: str, options: Namespace) -> int:
    """Start, pass everything on in both directions, conclude. Returns the exit code.

    Signals to this process go to the container's, as docker's sig-proxy does.
    """
    container = core.containers.get(key)
    manner = Manner(
        tty=container.spec.tty,
        stdin=options.interactive,
        detach_keys=options.detach_keys,
        forward=lambda number: core.containers.kill(container.id, str(number)),
    )
    try:
        with closing(core.containers.start_attached(container.id)) as line:
            code = follow(line, manner)
    except BaseException:
        core.containers.conclude(container.id)
        raise
    if code is None:
        return 0
    core.containers.conclude(container.id)
    return code
