"""The root directory's own attributes: which layer gives them, and copying them.

Small, because every `tuidock run` asks. Overlayfs takes owner, mode and times of the merged
root from its topmost directory, which is the container's own and would be a stranger's.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

LISTED_XATTR = "user.tuidock.listed"
"""On a layer's directory: its archive has an entry for the root itself."""


def source(directories: Sequence[str]) -> str:
    """The topmost of a chain's layer directories that lists the root; the lowest without one."""
    for directory in reversed(directories):
        if LISTED_XATTR in os.listxattr(directory):
            return directory
    return directories[0]


def copy(directories: Sequence[str], target: str) -> None:
    """Give `target` the root's owner, mode and times. An image without layers has none."""
    if not directories:
        return
    try:
        _copy(directories, target)
    except PermissionError:  # it belongs to another id of this user
        if os.geteuid() == 0:
            raise
        from tuidock.engine.linux import inside

        inside.call(__name__, "copy", list(directories), target)


def _copy(directories: Sequence[str], target: str) -> None:
    found = os.stat(source(directories))
    os.chown(target, found.st_uid, found.st_gid)
    os.chmod(target, found.st_mode & 0o7777)
    os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))
