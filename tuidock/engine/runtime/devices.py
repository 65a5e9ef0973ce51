"""The devices of a container: which nodes it has, and which its cgroup lets it use.

As docker has it: nothing but a list of harmless ones, though any may be made, and what was asked
for; a privileged container has all of the host's. Nodes are looked up when a container is made,
as OCI's `linux.devices` wants their numbers, and compared when it starts.
"""

from __future__ import annotations

import os
import stat

from tuidock.engine.errors import BadSpec
from tuidock.engine.named import NamedTuple
from tuidock.engine.types import Device

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

HOST = "/dev"
_PASSED_OVER = frozenset("pts shm fd mqueue .lxc .lxd-mounts .udev console".split())
"""Names in /dev that every container has of its own, or that are somebody else's."""
_HARMLESS = (
    *((1, minor) for minor in (3, 5, 7, 8, 9)),  # null, zero, full, random, urandom
    *((5, minor) for minor in (0, 1, 2)),  # tty, console, ptmx
    (136, None),  # the terminals of devpts
)


class Node(NamedTuple):
    """A device node of the host that a container is to have."""

    source: str
    path: str
    kind: str
    """`b` or `c`."""
    major: int
    minor: int
    mode: int
    """Permissions."""
    uid: int
    gid: int
    access: str


def find(devices: Iterable[Device]) -> list[Node]:
    """The nodes that were asked for, those below directories too. Raises BadSpec."""
    found = []
    for device in devices:
        nodes = list(_below(device, os.path.realpath(device.source), ()))
        if not nodes:
            raise BadSpec(
                f'error gathering device information while adding custom device "{device.source}": '
                "not a device node",
                "name a device, or a directory of devices",
            )
        found += nodes
    return found


def host() -> list[Node]:
    """Every device of this machine, at the same place."""
    return list(_below(Device(HOST, HOST), HOST, _PASSED_OVER))


def _below(device: Device, source: str, without: Iterable[str]) -> Iterator[Node]:
    """The device itself, or those below the directory; what vanishes meanwhile is left out."""
    try:
        status = os.stat(source, follow_symlinks=False)
        names = sorted(os.listdir(source)) if stat.S_ISDIR(status.st_mode) else []
    except FileNotFoundError:
        return
    except OSError as error:
        raise BadSpec(f"cannot look into {source}: {error.strerror}") from error
    if stat.S_ISBLK(status.st_mode) or stat.S_ISCHR(status.st_mode):
        yield _node(device, source, status)
    for name in names:
        if name not in without:
            below = device._replace(source=f"{source}/{name}", target=f"{device.target}/{name}")
            yield from _below(below, below.source, without)


def _node(device: Device, source: str, status: os.stat_result) -> Node:
    return Node(
        source,
        os.path.normpath(device.target),
        "b" if stat.S_ISBLK(status.st_mode) else "c",
        os.major(status.st_rdev),
        os.minor(status.st_rdev),
        stat.S_IMODE(status.st_mode),
        status.st_uid,
        status.st_gid,
        device.access,
    )


def described(nodes: Iterable[Node]) -> list[dict[str, Any]]:
    """OCI `linux.devices`."""
    return [
        {
            "path": node.path,
            "type": node.kind,
            "major": node.major,
            "minor": node.minor,
            "fileMode": node.mode,
            "uid": node.uid,
            "gid": node.gid,
        }
        for node in nodes
    ]


def rules(nodes: Iterable[Node], asked: Sequence[str], *, privileged: bool) -> list[dict[str, Any]]:
    """OCI `linux.resources.devices`; `asked` are as cgroup v1 writes them. Raises BadSpec."""
    if privileged:
        return [{"allow": True, "access": "rwm"}]
    found: list[dict[str, Any]] = [{"allow": False, "access": "rwm"}]
    found += [{"allow": True, "type": kind, "access": "m"} for kind in "cb"]
    for major, minor in _HARMLESS:
        found.append(_permit("c", major, minor, "rwm"))
    for node in nodes:
        found.append(_permit(node.kind, node.major, node.minor, node.access))
    return found + [_parsed(text) for text in asked]


def _permit(kind: str, major: int | None, minor: int | None, access: str) -> dict[str, Any]:
    rule: dict[str, Any] = {"allow": True, "type": kind}
    numbers = {"major": major, "minor": minor}
    return rule | {k: v for k, v in numbers.items() if v is not None} | {"access": access}


def _parsed(text: str) -> dict[str, Any]:
    """`c 188:* rwm`."""
    kind, numbers, access = [*text.split(" "), "", ""][:3]
    parts = numbers.split(":")
    plain = all(part == "*" or _is_number(part) for part in parts)
    words = len(text.split(" ")) == 3 and len(parts) == 2 and kind in ("a", "b", "c")
    if not (words and plain and access and len(access) <= 3 and set(access) <= set("rwm")):
        raise BadSpec(f"invalid device cgroup format '{text}'", "write 'c 188:* rwm'")
    major, minor = (None if part == "*" else int(part) for part in parts)
    return _permit(kind, major, minor, access)


def _is_number(text: str) -> bool:
    """Whether it is one that the kernel can have: 32 bits."""
    return text.isascii() and text.isdigit() and len(text) <= 10 and int(text) < 1 << 32
