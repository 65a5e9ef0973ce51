"""Who owns what is extracted, and which extended attributes it gets: the one place that decides.

Invariant: nothing an archive says can make overlayfs or a security module of the host act.
"""

from __future__ import annotations

import os

from tuidock.engine.images.layers.tar import Entry
from tuidock.engine.named import NamedTuple

OVERLAY_PREFIX = b"user.overlay."
"""Overlayfs' own attributes when it is mounted with `userxattr`."""

OPAQUE_XATTR = b"user.overlay.opaque"
ORIGIN_XATTR = b"user.overlay.origin"
WHITEOUT_XATTR = b"user.overlay.whiteout"

_KEPT = (b"user.", b"security.capability", b"system.posix_acl_access", b"system.posix_acl_default")


Ranges = tuple[tuple[int, int], ...]
"""(first, count) of the ids that exist in this user namespace."""

_ALL: Ranges = ((0, 0xFFFFFFFF),)


class Owners(NamedTuple):
    """Ownership as in the archive, as far as this process may set it.

    Files whose owner it may not set belong to itself, which is root as a container sees it.
    """

    own: tuple[int, int]
    uids: Ranges
    gids: Ranges
    devices: bool
    """Whether device nodes can be made; without, they are left out."""
    access: int
    """Permission bits that a directory needs while files are made in it."""

    def of(self, entry: Entry) -> tuple[int, int] | None:
        """(uid, gid) to set, or None when a new file has them already."""
        owner = (
            entry.uid if _within(entry.uid, self.uids) else self.own[0],
            entry.gid if _within(entry.gid, self.gids) else self.own[1],
        )
        return owner if owner != self.own else None


def _within(number: int, ranges: Ranges) -> bool:
    return any(first <= number < first + count for first, count in ranges)


def current() -> Owners:
    """What this process may do; reads /proc, so it comes before the new root. Raises OSError."""
    own = (os.geteuid(), os.getegid())
    if own[0] != 0:
        return Owners(own, (), (), devices=False, access=0o700)
    uids, gids = _mapped("/proc/self/uid_map"), _mapped("/proc/self/gid_map")
    return Owners(own, uids, gids, devices=uids == _ALL, access=0)


def _mapped(path: str) -> Ranges:
    with open(path) as file:
        fields = [line.split() for line in file]
    return tuple((int(first), int(count)) for first, _outside, count in fields)


def is_kept(key: bytes) -> bool:
    """Whether an extended attribute is a file's own: neither overlayfs' mark nor ours."""
    return key.startswith(_KEPT) and not key.startswith((OVERLAY_PREFIX, b"user.tuidock."))


def kept_xattrs(entry: Entry) -> list[tuple[bytes, bytes]]:
    """The attributes that are restored.

    `trusted.*` is invisible in a container, `user.overlay.*` would steer overlayfs, and labels
    of the builder's security module mean nothing to this host's.
    """
    return [(key, value) for key, value in entry.xattrs if is_kept(key)]
