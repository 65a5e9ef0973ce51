"""Which mounts of a container belong to its files, and which are the machine's.

Docker's rule: `cp` sees the root and what was mounted into it from outside; what the kernel
makes up in /proc, /sys and /dev is no file of the container.
"""

from __future__ import annotations

import errno
import os

from tuidock.engine.errors import HostError
from tuidock.engine.linux import mount as m
from tuidock.engine.linux.mountinfo import parse
from tuidock.engine.runtime import plan, rootfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SYSTEM = ("/proc", "/sys", "/dev")
_KINDS = frozenset(
    "autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs fusectl "
    "hugetlbfs mqueue nsfs proc pstore rpc_pipefs securityfs selinuxfs sysfs tracefs".split()
)
_TRIES = 16
_UMOUNT_NOFOLLOW = 8


def is_system(path: str) -> bool:
    """Whether a path of the container is the kernel's or the engine's."""
    return path.startswith(tuple(f"{each}/" for each in _SYSTEM)) or path in _SYSTEM


def hide_system(proc: int) -> None:
    """Unmount, in this mount namespace of our own, what is no file of the container.

    `proc` is the host's /proc: the container's tells of other processes only. Somebody in the
    container may move directories that hold mounts meanwhile; then it is tried again.
    Raises HostError when that does not end, OSError.
    """
    for _ in range(_TRIES):
        found = _system_mounts(proc)
        if not found:
            return
        for target in sorted(found, key=len):
            _unmount(target)
    raise HostError("the mounts of the container keep changing", "pause it first")


def _unmount(target: str) -> None:
    try:
        m.unmount(target, m.MNT_DETACH | _UMOUNT_NOFOLLOW)
    except OSError as error:
        # It went with the one above it, or was moved.
        if error.errno not in (errno.EINVAL, errno.ENOENT, errno.ENOTDIR):
            raise


def _system_mounts(proc: int) -> list[str]:
    """Where the system's file systems are mounted, the root left out."""
    descriptor = os.open("self/mountinfo", os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc)
    with open(descriptor, encoding="utf-8", errors="surrogateescape") as file:
        mounts = parse(file.read())
    targets = [each.target for each in mounts if each.kind in _KINDS or is_system(each.target)]
    return [target for target in targets if target != "/"]


def files(config: dict[str, Any], bundle: str, *, volumes: bool) -> list[dict[str, Any]]:
    """The mounts that belong to the container's files; without `volumes` there are none.

    What is mounted from the bundle is there from the first start on.
    """
    mounts: list[dict[str, Any]] = config["mounts"] if volumes else []
    return [
        each
        for each in mounts
        if not is_system(each["destination"])
        and (not each["source"].startswith(f"{bundle}/") or os.path.exists(each["source"]))
    ]


def operations(config: dict[str, Any]) -> list[rootfs.Operation]:
    """The steps of a start that make the container's files appear.

    Never volatile: what was mounted so once, the kernel mounts no second time.
    """
    kinds = (rootfs.Private, rootfs.Overlay, rootfs.Attach, rootfs.ReadOnlyRoot)
    return [
        each._replace(volatile=False) if isinstance(each, rootfs.Overlay) else each
        for each in plan.operations(config)
        if isinstance(each, kinds)
    ]
