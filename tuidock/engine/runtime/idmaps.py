"""A container's ids, from OCI's words (`uidMappings`, `gidMappings`) to the kernel's files.

Invariant: an ordinary user's ids are written by the programs that may, root's by ourselves.
"""

from __future__ import annotations

import os

from tuidock.engine.cgroups.files import write
from tuidock.engine.linux import userns
from tuidock.engine.linux.userns import Maps, Range

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any


def described(maps: Maps) -> dict[str, list[dict[str, int]]]:
    """OCI's words for them, as `linux` of a configuration has them."""
    return {"uidMappings": _described(maps.uids), "gidMappings": _described(maps.gids)}


def _described(ranges: Sequence[Range]) -> list[dict[str, int]]:
    return [{"containerID": r.inside, "hostID": r.outside, "size": r.size} for r in ranges]


def read(linux: Mapping[str, Any]) -> Maps | None:
    """What `linux` of a configuration says; None for the host's own ids."""
    if not linux.get("uidMappings"):
        return None
    return Maps(_ranges(linux["uidMappings"]), _ranges(linux["gidMappings"]))


def _ranges(mappings: Sequence[Mapping[str, int]]) -> tuple[Range, ...]:
    return tuple(Range(m["containerID"], m["hostID"], m["size"]) for m in mappings)


def apply(pid: int, linux: Mapping[str, Any]) -> None:
    """Map the ids of the new user namespace that process `pid` is in. Raises OSError.

    No-op for a container with the host's ids.
    """
    maps = read(linux)
    if maps is None:
        return
    if os.geteuid():
        userns.write(pid, maps)
        return
    for name, ranges in (("uid_map", maps.uids), ("gid_map", maps.gids)):
        lines = [f"{each.inside} {each.outside} {each.size}\n" for each in ranges]
        write(f"/proc/{pid}/{name}", "".join(lines))
