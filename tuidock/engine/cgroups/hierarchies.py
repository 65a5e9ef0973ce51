"""Which cgroup hierarchies are mounted, and where in each this process may make cgroups.

Controllers are named as v2 names them (`io` for v1's `blkio`). A hierarchy in which nothing
may be made is not listed, so whatever is listed can be used.
"""

from __future__ import annotations

import os

from tuidock.engine.cgroups.files import read
from tuidock.engine.linux.mountinfo import Mount, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

CONTROLLERS = ("cpu", "cpuacct", "cpuset", "io", "memory", "pids", "freezer", "devices")
"""What we use; a stray hugetlb or rdma, on either side, is none of our business."""


class Hierarchy:
    """One mounted hierarchy: the directory beneath which our cgroups go, and what counts there."""

    __slots__ = ("base", "controllers", "unified")

    def __init__(self, base: str, controllers: tuple[str, ...], *, unified: bool) -> None:
        self.base = base
        self.controllers = controllers
        self.unified = unified


def find(proc: str = "/proc/self") -> list[Hierarchy]:
    """Hierarchies we can use, v2 last; empty when there is none. Raises OSError without /proc."""
    own = _own_cgroups(read(f"{proc}/cgroup"))
    found: dict[tuple[str, ...], Hierarchy] = {}
    for root, mount_point, kind, options in _mounts(proc):
        unified = kind == "cgroup2"
        names = () if unified else _v1_controllers(options)
        if not (unified or names) or names in found:
            continue
        base = _base(mount_point, _below(root, own.get(names, "/")), unified=unified)
        if base:
            if unified:
                names = _v2_controllers(base)
            found[() if unified else names] = Hierarchy(base, names, unified=unified)
    return sorted(found.values(), key=lambda hierarchy: hierarchy.unified)


def delegated(proc: str = "/proc/self") -> list[Hierarchy]:
    """What systemd gave an ordinary user to make cgroups in, though we may be elsewhere.

    From a login session nothing can be moved there, but what is there can be limited, frozen,
    counted and removed. Empty for root and without systemd. Raises OSError without /proc.
    """
    user = os.geteuid()
    if not user:
        return []
    below = f"/user.slice/user-{user}.slice/user@{user}.service"
    return [
        Hierarchy(mount_point + below, _v2_controllers(mount_point + below), unified=True)
        for root, mount_point, kind, _ in _mounts(proc)
        if kind == "cgroup2" and root == "/" and _usable(mount_point + below, unified=True)
    ]


def mode(proc: str = "/proc/self") -> str:
    """`v1`, `v2`, `hybrid`, or `none`: what is mounted, whether we may use it or not."""
    kinds = set()
    for _, _, kind, options in _mounts(proc):
        if kind == "cgroup2" or _v1_controllers(options):
            kinds.add(kind)
    if len(kinds) == 2:
        return "hybrid"
    return {"cgroup": "v1", "cgroup2": "v2"}[kinds.pop()] if kinds else "none"


def home(controller: str, proc: str = "/proc/thread-self") -> str:
    """Directory of the v1 cgroup of `controller` that the calling thread is in.

    Raises LookupError when no hierarchy has it.
    """
    own = _own_cgroups(read(f"{proc}/cgroup"))
    for root, mount_point, kind, options in _mounts(proc):
        names = _v1_controllers(options)
        if kind == "cgroup" and controller in names:
            return mount_point + _below(root, own.get(names, "/"))
    raise LookupError(controller)


def is_real_root(directory: str) -> bool:
    """Whether a v2 directory is the root of all, which may hold processes beside children."""
    return not os.path.exists(f"{directory}/cgroup.events")


def _own_cgroups(text: str) -> dict[tuple[str, ...], str]:
    """Controllers of each hierarchy (none for v2) -> our own path in it; see cgroups(7)."""
    own: dict[tuple[str, ...], str] = {}
    for line in text.splitlines():
        _number, names, path = line.split(":", 2)
        if not names.startswith("name="):
            own[_v1_controllers(names.split(","))] = path
    return own


def _mounts(proc: str) -> list[Mount]:
    return parse(read(f"{proc}/mountinfo"), ("cgroup", "cgroup2"))


def _v1_controllers(options: Iterable[str]) -> tuple[str, ...]:
    names = {"io" if option == "blkio" else option for option in options}
    return tuple(name for name in CONTROLLERS if name in names)


def _v2_controllers(base: str) -> tuple[str, ...]:
    names = read(f"{base}/cgroup.controllers").split()
    return tuple(name for name in CONTROLLERS if name in names)


def _below(root: str, own: str) -> str:
    """Our own path as seen from a mount of `root`; empty when we are the mount itself."""
    prefix = root.rstrip("/")
    return own[len(prefix) :].rstrip("/") if own.startswith(f"{prefix}/") else ""


def _base(mount_point: str, own: str, *, unified: bool) -> str | None:
    """The highest directory from the mount down to our own cgroup in which we may make others.

    A process may be moved only by who may write `cgroup.procs` of the nearest common ancestor;
    starting from an ancestor of our own cgroup, that is the directory found here.
    """
    directory = mount_point
    parts = [part for part in own.split("/") if part]
    while not _usable(directory, unified=unified):
        if not parts:
            return None
        directory = f"{directory}/{parts.pop(0)}"
    return directory


def _usable(directory: str, *, unified: bool) -> bool:
    needed = ["", "/cgroup.procs"] + (["/cgroup.subtree_control"] if unified else [])
    return all(os.access(directory + name, os.W_OK, effective_ids=True) for name in needed)
