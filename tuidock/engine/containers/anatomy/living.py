"""A running container as the kernel shows it: /proc of its processes, and its cgroup's files.

Everything is read from outside, by number, so nothing of the container is run, entered or asked.
Invariant: what cannot be read is told with its reason and keeps nothing else from being read.
"""

from __future__ import annotations

import errno
import os

from tuidock.engine.anatomy import IdRange, Living, Namespace, Privileges
from tuidock.engine.cgroups.cgroup import reach_cgroup
from tuidock.engine.containers.anatomy import groups, members, mounts
from tuidock.engine.metrics.kin import Kin
from tuidock.engine.runtime.capabilities import ALL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from tuidock.engine.layout import Layout

    T = TypeVar("T")

NAMESPACES = ("user", "mnt", "pid", "net", "uts", "ipc", "cgroup", "time")
_SECCOMP = {"0": "off", "1": "strict", "2": "filter"}


def living(layout: Layout, container_id: str, pid: int, others: Mapping[str, int]) -> Living:
    """All of it; `others` are the first processes of other running containers, by name.

    Raises ProcessLookupError when the first process has ended.
    """
    reader = _Reader(pid)
    cgroup = reach_cgroup(layout.tag, container_id)
    inside = members.Users(pid)
    pids = cgroup.pids if cgroup.exists() else Kin(pid).pids
    found = Living(
        container_id,
        pid,
        reader.read("namespaces", lambda: _namespaces(pid, others), ()),
        reader.read("ids", lambda: _ids(pid), ()),
        reader.read("cgroup", lambda: groups.files(cgroup.directories()), ()),
        reader.read("mounts", lambda: mounts.mounts(pid), ()),
        reader.read("processes", lambda: members.members(pids(), inside), ()),
        len(list(filter(str.isdecimal, os.listdir("/proc")))),
        reader.read("privileges", lambda: _privileges(pid), None),
    )
    if not found.cgroup and "cgroup" not in dict(reader.unread):
        reader.unread.append(("cgroup", groups.NONE))
    return found._replace(unread=tuple(reader.unread))


class _Reader:
    """Reads section by section, and remembers what could not be read."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.unread: list[tuple[str, str]] = []

    def read(self, section: str, source: Callable[[], T], nothing: T) -> T:
        try:
            return source()
        except OSError as error:
            if not os.path.exists(f"/proc/{self.pid}"):
                raise ProcessLookupError(errno.ESRCH, "it has ended") from error
            self.unread.append((section, f"{error.filename or ''}: {error.strerror}".strip(": ")))
            return nothing


def _namespaces(pid: int, others: Mapping[str, int]) -> tuple[Namespace, ...]:
    theirs = {name: _every_inode(other) for name, other in others.items()}
    found = []
    for kind in NAMESPACES:
        if os.path.exists(f"/proc/self/ns/{kind}"):
            inode, host = _inode(pid, kind), _inode("self", kind)
            same = [name for name, inodes in theirs.items() if inodes.get(kind) == inode != host]
            found.append(Namespace(kind, inode, host, tuple(same)))
    return tuple(found)


def _inode(pid: int | str, kind: str) -> int:
    link = os.readlink(f"/proc/{pid}/ns/{kind}")
    return int(link.partition("[")[2].rstrip("]"))


def _every_inode(pid: int) -> dict[str, int]:
    """None of a process that has ended, or that is not ours to look at."""
    found = {}
    for kind in NAMESPACES:
        try:
            found[kind] = _inode(pid, kind)
        except OSError:
            continue
    return found


def _ids(pid: int) -> tuple[IdRange, ...]:
    found = []
    for name in ("uid", "gid"):
        with open(f"/proc/{pid}/{name}_map", encoding="ascii") as file:
            found += [IdRange(name, *map(int, line.split())) for line in file]
    return tuple(found)


def _privileges(pid: int) -> Privileges:
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    kept = _capabilities(status["CapBnd"])
    return Privileges(
        kept=kept,
        effective=_capabilities(status["CapEff"]),
        dropped=tuple(name for name in _known() if name not in kept),
        seccomp=_SECCOMP.get(status.get("Seccomp", "0"), "off"),
        filters=int(status.get("Seccomp_filters", "0")),
        no_new_privileges=status.get("NoNewPrivs") == "1",
    )


def _capabilities(mask: str) -> tuple[str, ...]:
    bits = int(mask, 16)
    return tuple(name for number, name in enumerate(ALL) if bits >> number & 1)


def _known() -> tuple[str, ...]:
    """The capabilities that this kernel has."""
    with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as file:
        return ALL[: int(file.read()) + 1]
