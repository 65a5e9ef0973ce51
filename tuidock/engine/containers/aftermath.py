"""What is left to do when a container has ended and no client waits for it.

Started by its monitor with ROOT, RUNROOT and ID, because it needs the database and netlink,
which a monitor must not hold in memory.
"""

from __future__ import annotations

import os

from tuidock.engine.core import Core
from tuidock.engine.errors import ContainerNotFound
from tuidock.engine.layout import Layout


def main(root: str, runroot: str, container_id: str, task: str) -> None:
    """`conclude`: free the endpoint, remove a `--rm` container. `revive`: start one again.

    `stop` and `restart`: it is unhealthy, and that was to be done then. Last, the bridge goes,
    once it is idle.
    """
    layout = Layout(root, runroot)
    if not os.path.exists(layout.container(container_id)):  # nor perhaps the store
        return
    core = Core(layout)
    try:
        if task == "conclude":
            core.containers.conclude(container_id)
            core.network.retire()
        else:
            verbs = core.containers
            tasks = {"revive": verbs.revive, "stop": verbs.stop, "restart": verbs.restart}
            tasks[task](container_id)
    except ContainerNotFound:  # somebody was faster
        return
    finally:
        core.close()
