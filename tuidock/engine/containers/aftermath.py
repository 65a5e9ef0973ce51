"""What is left to do when a container has ended and no client waits for it.

Started by its monitor as `python -I -m tuidock.engine.containers.aftermath ROOT RUNROOT ID`,
because it needs the database and netlink, which a monitor must not hold in memory. Doing it
twice, or while a client does the same, is harmless.
"""

from __future__ import annotations

import sys

from tuidock.engine.core import Core
from tuidock.engine.errors import ContainerNotFound, WrongStatus
from tuidock.engine.layout import Layout


def main(root: str, runroot: str, container_id: str) -> None:
    """Free the network endpoint, and remove a `--rm` container."""
    core = Core(Layout(root, runroot))
    try:
        container = core.containers.get(container_id)
        if container.exit is None:
            return  # started again meanwhile
        core.network.disconnect(container_id)
        if container.spec.remove:
            core.containers.remove(container_id)
    except (ContainerNotFound, WrongStatus):
        return  # somebody was faster, or started it again
    finally:
        core.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
