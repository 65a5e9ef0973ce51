"""Which ids of the host a container has, and how the files of its image come to have them.

By an id-mapped mount where kernel and file system can; else by copies of its layers, which are
worth sharing, so that all such containers have one range. Invariant: what was decided when a
container was created stays: its files have these owners.
"""

from __future__ import annotations

import errno
import os

from tuidock.engine.errors import BadSpec
from tuidock.engine.layout import Layout
from tuidock.engine.linux import userns
from tuidock.engine.linux.userns import Maps, Range
from tuidock.engine.named import NamedTuple
from tuidock.engine.runtime.spec import ID_RANGE

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from tuidock.engine.types import ContainerSpec

MODES = ("auto", "host", "keep-id")
# The range that systemd keeps for containers' users, so that no login user lives in it.
_FIRST_UID = 0x10000000
_UID_SLOTS = 0x4000
_EVERY = 2**32 - 1
ANY = -1
"""A range that nobody has, to be found in the transaction that takes it."""
_LAYERS_SINCE = (5, 19)
"""The first Linux with overlay over id-mapped layers."""
_CANNOT = (errno.EINVAL, errno.ENOSYS, errno.EPERM, errno.EOPNOTSUPP, errno.EOVERFLOW)


class Ids(NamedTuple):
    """Of one container."""

    base: int
    """The host's id of its root, or ANY, where root gives it a range of its own; else 0."""
    maps: Maps | None = None
    """Other ids than such a range; None for that, and for the host's."""
    tag: str = ""
    """Of the copies of layers that it needs; empty where it can have the layers themselves."""
    owners: Maps | None = None
    """Whom the files in these copies belong to, as the process sees it that makes them."""


def as_caller(spec: ContainerSpec) -> ContainerSpec:
    """With keep-id an ordinary user is itself in there, unless it asked for another."""
    if spec.userns != "keep-id" or spec.user is not None or os.geteuid() == 0:
        return spec
    return spec._replace(user=f"{os.geteuid()}:{os.getegid()}")


def choose(layout: Layout, spec: ContainerSpec) -> Ids:
    """For a container with a user namespace of its own, or with the host's.

    Raises BadSpec, OSError.
    """
    if os.geteuid():
        return _ordinary(spec)
    if spec.userns == "host" or spec.privileged:
        return Ids(0)
    if spec.userns == "keep-id":
        every = (Range(0, 0, _EVERY),)
        return Ids(0, Maps(every, every))
    if not can_map(layout):
        base = _FIRST_UID + int(layout.tag, 16) % _UID_SLOTS * ID_RANGE
        shared = (Range(0, base, ID_RANGE),)
        return Ids(base, None, str(base), Maps(shared, shared))
    return Ids(ANY)


def free(layout: Layout, db: sqlite3.Connection) -> int:
    """A range that no container has. Roots begin at different places, so that two of them
    seldom use the same ones.
    """
    used = {row[0] for row in db.execute("SELECT uid_base FROM container")}
    start = int(layout.tag, 16)
    for step in range(_UID_SLOTS):
        base = _FIRST_UID + (start + step) % _UID_SLOTS * ID_RANGE
        if base not in used:
            return base
    raise BadSpec(f"all {_UID_SLOTS} id ranges are in use", "remove some containers")


def _ordinary(spec: ContainerSpec) -> Ids:
    """Root in there is the caller; with keep-id it has the number that it has outside."""
    own = userns.own()
    if spec.userns != "keep-id":
        return Ids(0, own)
    if own.single:
        raise BadSpec(
            "--userns=keep-id needs ids for the others in the container",
            "`tuidock doctor` says how an ordinary user gets a range of them",
        )
    uid, gid = os.geteuid(), os.getegid()
    maps = Maps(_kept(own.uids, uid), _kept(own.gids, gid))
    owners = Maps(_rotated(own.uids, uid), _rotated(own.gids, gid))
    return Ids(0, maps, f"keep-{uid}-{gid}", owners)


def _kept(own: tuple[Range, ...], caller: int) -> tuple[Range, ...]:
    """The caller's id as itself, those around it from the subordinate ranges, in order."""
    found: list[Range] = []
    inside = 0
    for _, first, size in own[1:]:
        before = max(0, min(size, caller - inside))
        if before:
            found.append(Range(inside, first, before))
            inside += before
        if inside == caller:
            found.append(Range(caller, own[0].outside, 1))
            inside += 1
        if size > before:
            found.append(Range(inside, first + before, size - before))
            inside += size - before
    if inside <= caller:
        found.append(Range(caller, own[0].outside, 1))
    return tuple(found)


def _rotated(own: tuple[Range, ...], caller: int) -> tuple[Range, ...]:
    """From an image's ids to what `userns.own` calls the ids that `_kept` gives to them.

    There the caller is 0 and its subordinate ids follow.
    """
    size = sum(each.size for each in own)
    before = min(caller, size - 1)
    ranges = [Range(0, 1, before), Range(caller, 0, 1)]
    ranges.append(Range(caller + 1, before + 1, max(0, size - 1 - before)))
    return tuple(each for each in ranges if each.size)


def layers(layout: Layout, keys: Sequence[str], owned: Ids) -> Sequence[str]:
    """The directories of its layers, by name; copies are made where it needs them."""
    if not owned.tag or owned.owners is None:
        return keys
    from tuidock.engine.images.layers import shifted

    return shifted.ensure(layout, keys, owned.tag, owned.owners)


def own(bundle: str, owned: Ids) -> None:
    """Give the directories that overlayfs writes in to the container's root."""
    if owned.tag and os.geteuid() == 0:
        for name in ("upper", "work"):
            os.chown(f"{bundle}/{name}", owned.base, owned.base)


def can_map(layout: Layout) -> bool:
    """Whether layers of this root can be mounted with other ids; tried once after each boot."""
    note = f"{layout.runroot}/idmap"
    try:
        with open(note, encoding="utf-8") as file:
            return file.read() == "yes"
    except FileNotFoundError:
        pass
    found = _try(layout.root)
    with open(f"{note}.{os.getpid()}", "w", encoding="utf-8") as file:
        file.write("yes" if found else "no")
    os.rename(file.name, note)
    return found


def _try(path: str) -> bool:
    """Map the ids of a mount of this directory. Raises OSError for what says nothing of that."""
    from tuidock.engine.linux import mount as m
    from tuidock.engine.runtime import idmaps
    from tuidock.engine.runtime.staging import id_namespace

    numbers = os.uname().release.split("-")[0].split(".")
    if tuple(map(int, numbers[:2])) < _LAYERS_SINCE:
        return False
    ids = (Range(0, _FIRST_UID, ID_RANGE),)
    namespace = id_namespace(idmaps.described(Maps(ids, ids)))
    tree = m.open_tree(m.AT_FDCWD, path)
    try:
        m.mount_setattr(tree, m.MOUNT_ATTR_IDMAP, userns=namespace)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
        return False
    finally:
        os.close(tree)
        os.close(namespace)
    return True
