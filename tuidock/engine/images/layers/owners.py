"""Who owns what is extracted, and which extended attributes it gets: the one place that decides.

Invariant: nothing an archive says can make overlayfs or a security module of the host act.
"""

from __future__ import annotations

import os

from tuidock.engine.images.layers.tar import Entry

OVERLAY_PREFIX = b"user.overlay."
"""Overlayfs' own attributes when it is mounted with `userxattr`."""

OPAQUE_XATTR = b"user.overlay.opaque"
ORIGIN_XATTR = b"user.overlay.origin"
LISTED_XATTR = b"user.tuidock.listed"
"""On a layer's root: the archive has an entry for the root itself."""

_KEPT = (b"user.", b"security.capability", b"system.posix_acl_access", b"system.posix_acl_default")


class Owners:
    """Ownership as in the archive, as far as this process may set it."""

    def __init__(self, uid: int, gid: int) -> None:
        self._own = (uid, gid)
        self.privileged = uid == 0

    def of(self, entry: Entry) -> tuple[int, int] | None:
        """(uid, gid) to set, or None when a new file has them already.

        Without privileges every file belongs to the caller: to root, as a container sees it.
        """
        owner = (entry.uid, entry.gid)
        return owner if self.privileged and owner != self._own else None


def kept_xattrs(entry: Entry) -> list[tuple[bytes, bytes]]:
    """The attributes that are restored.

    `trusted.*` is invisible in a container, `user.overlay.*` would steer overlayfs, and labels
    of the builder's security module mean nothing to this host's.
    """
    return [
        (key, value)
        for key, value in entry.xattrs
        if key.startswith(_KEPT) and not key.startswith((OVERLAY_PREFIX, b"user.tuidock."))
    ]


def current() -> Owners:
    """What this process may do."""
    return Owners(os.geteuid(), os.getegid())
