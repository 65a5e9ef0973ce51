"""What a container gets mounted from outside: the engine's store, volumes, files of the bundle.

Opened by the starter where root runs it, with the container's ids; by the container's first
process where an ordinary user does, who may copy mounts in namespaces of its own only and
whose files need no other ids. Invariant: nothing opened here can carry a mount back.
"""

from __future__ import annotations

import errno

from tuidock.engine.linux import mount as m
from tuidock.engine.runtime import plan
from tuidock.engine.runtime.namespaces import SHARED_MEMORY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    class Steps(Protocol):
        """Whoever can say what is being done."""

        step: str


_AT_FDCWD = -100


def open_all(
    root: str, config: dict[str, Any], userns: int, steps: Steps, shared_memory: int
) -> list[int]:
    """Descriptors of detached mounts: the store's, then one for each of `plan.binds`.

    `userns` is the descriptor of the user namespace whose ids they get, -1 for none;
    `shared_memory` the mount on /dev/shm that another container has, -1 for none.
    Raises OSError.
    """
    steps.step = "open the store"
    store = m.open_tree(_AT_FDCWD, root)
    # Copies of a shared mount (systemd makes all of them so) are shared with it.
    attributes, ids = (m.MOUNT_ATTR_IDMAP, userns) if userns >= 0 else (0, 0)
    m.mount_setattr(store, attributes, propagation=m.MS_PRIVATE, userns=ids)
    descriptors = [store]
    for source, target, options in plan.binds(config):
        steps.step = f"open {source}"
        if shared_memory >= 0 and target == SHARED_MEMORY:
            m.mount_setattr(shared_memory, options.attributes, propagation=m.MS_PRIVATE)
            descriptors.append(shared_memory)
        else:
            descriptors.append(_open_bind(source, options, userns))
    return descriptors


def _open_bind(source: str, options: plan.Options, userns: int) -> int:
    """A detached, private copy of what is mounted at `source`, with its attributes set."""
    tree = m.open_tree(_AT_FDCWD, source, recursive=options.with_submounts)
    recursive = options.with_submounts
    m.mount_setattr(tree, options.attributes, propagation=m.MS_PRIVATE, recursive=recursive)
    if options.idmap and userns >= 0:
        try:
            m.mount_setattr(tree, m.MOUNT_ATTR_IDMAP, userns=userns, recursive=recursive)
        except OSError as error:
            # Not every file system can; its files then belong to `nobody`, as in any userns.
            if error.errno not in (errno.EINVAL, errno.EPERM):
                raise
    return tree
