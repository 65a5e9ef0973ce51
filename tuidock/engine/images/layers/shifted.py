"""Copies of layers with other owners, where ids cannot be mapped by a mount.

So it is on a file system, or before a kernel, without id-mapped mounts, and with `keep-id` for an
ordinary user. A copy lies beside its layer as `KEY.TAG`; containers with the same ids share it.
Invariant: a copy is complete from the moment that it has its name.
"""

from __future__ import annotations

import os
import stat
import struct

from tuidock.engine.layout import Layout
from tuidock.engine.linux.files import remove_path, rename, syncfs
from tuidock.engine.linux.userns import Range

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Ids = tuple[tuple[Range, ...], tuple[Range, ...]]
"""Of uids and of gids: `inside` is what the image says, `outside` what the copy shall say."""

_NOBODY = 65534
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_AT_ONCE = 1 << 30
_CAPABILITY, _ACL = "security.capability", "system.posix_acl_"
_REVISION_3 = 0x03000000
_ACL_USER, _ACL_GROUP = 2, 8


def name(key: str, tag: str) -> str:
    """What the copy of a layer is called."""
    return f"{key}.{tag}"


def original(found: str) -> str:
    """The key of the layer that a directory among the layers is, or is a copy of."""
    return found.partition(".")[0]


def ensure(layout: Layout, keys: Sequence[str], tag: str, ids: Ids) -> list[str]:
    """Names of the copies, made where they are missing. Raises OSError."""
    names = [name(key, tag) for key in keys]
    for key, copied in zip(keys, names, strict=True):
        if not os.path.exists(layout.layer(copied)):
            _make(layout, key, copied, ids)
    return names


def _make(layout: Layout, key: str, copied: str, ids: Ids) -> None:
    place = f"{layout.ingest}/layer-{os.urandom(8).hex()}"
    if os.geteuid() == 0:
        copy(layout.layer(key), place, ids)
    else:
        from tuidock.engine.linux import inside

        inside.call(__name__, "copy", layout.layer(key), place, ids)
    try:
        rename(place, layout.layer(copied))
    except OSError:  # another process was faster
        remove_path(place)
        if not os.path.exists(layout.layer(copied)):
            raise


def copy(source: str, target: str, ids: Sequence[Sequence[Sequence[int]]]) -> None:
    """Copy a tree with other owners, and all else as it is. Raises OSError."""
    uids, gids = (tuple(Range(*each) for each in kind) for kind in ids)
    os.mkdir(target, 0o700)
    _Copying((uids, gids)).directory(source, target)
    here = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        syncfs(here)
    finally:
        os.close(here)


class _Copying:
    """One tree. Nobody else can reach source or target, so paths are safe."""

    def __init__(self, ids: Ids) -> None:
        self.uids, self.gids = ids
        self.links: dict[tuple[int, int], str] = {}
        """Where a file with several names was copied to."""

    def directory(self, source: str, target: str) -> None:
        for each in sorted(os.listdir(source)):
            self._entry(f"{source}/{each}", f"{target}/{each}")
        self._dress(source, target, os.lstat(source))

    def _entry(self, source: str, target: str) -> None:
        status = os.lstat(source)
        file = status.st_dev, status.st_ino
        if stat.S_ISDIR(status.st_mode):
            os.mkdir(target, 0o700)
            return self.directory(source, target)
        if file in self.links:
            return os.link(self.links[file], target, follow_symlinks=False)
        if status.st_nlink > 1:
            self.links[file] = target
        if stat.S_ISREG(status.st_mode):
            _copy_data(source, target)
        elif stat.S_ISLNK(status.st_mode):
            os.symlink(os.readlink(source), target)
        else:
            os.mknod(target, status.st_mode, status.st_rdev)
        return self._dress(source, target, status)

    def _dress(self, source: str, target: str, status: os.stat_result) -> None:
        """Owner first: changing it takes set-user-id bits and capabilities away."""
        uid, gid = _shift(status.st_uid, self.uids), _shift(status.st_gid, self.gids)
        os.chown(target, uid, gid, follow_symlinks=False)
        if not stat.S_ISLNK(status.st_mode):
            os.chmod(target, stat.S_IMODE(status.st_mode))
        for key in os.listxattr(source, follow_symlinks=False):
            value = os.getxattr(source, key, follow_symlinks=False)
            os.setxattr(target, key, self._value(key, value), follow_symlinks=False)
        times = (status.st_atime_ns, status.st_mtime_ns)
        os.utime(target, ns=times, follow_symlinks=False)

    def _value(self, key: str, value: bytes) -> bytes:
        """Capabilities of files are those of one user namespace, by its root's id."""
        if key == _CAPABILITY and os.geteuid() == 0 and len(value) == 20:
            magic = struct.unpack_from("<I", value)[0] & 1 | _REVISION_3
            return struct.pack("<I", magic) + value[4:20] + struct.pack("<I", _shift(0, self.uids))
        if key.startswith(_ACL):
            return value[:4] + b"".join(map(self._acl_entry, struct.iter_unpack("<HHI", value[4:])))
        return value

    def _acl_entry(self, entry: tuple[int, int, int]) -> bytes:
        tag, permissions, number = entry
        ranges = {_ACL_USER: self.uids, _ACL_GROUP: self.gids}.get(tag)
        return struct.pack("<HHI", tag, permissions, _shift(number, ranges) if ranges else number)


def _copy_data(source: str, target: str) -> None:
    reading = os.open(source, _READ)
    writing = os.open(target, _CREATE, 0o600)
    try:
        while os.sendfile(writing, reading, None, _AT_ONCE):
            pass
    finally:
        os.close(reading)
        os.close(writing)


def _shift(number: int, ranges: Iterable[Range]) -> int:
    """The new id; nobody's for one that the ranges do not have."""
    for each in ranges:
        if each.inside <= number < each.inside + each.size:
            return each.outside + number - each.inside
    return _shift(_NOBODY, ranges) if number != _NOBODY else _NOBODY
