"""OCI `linux.resources`, controller by controller, and the words for what is refused of it."""

from __future__ import annotations

import errno
import os

from tuidock.engine.errors import BadSpec, Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tuidock.engine.cgroups.group import Part

REFUSALS = frozenset((errno.EINVAL, errno.EBUSY, errno.ERANGE, errno.ENOSPC, errno.EACCES))


def parts(resources: Mapping[str, Any]) -> list[tuple[str, Part]]:
    """OCI resources by controller."""
    cpu = resources.get("cpu") or {}
    high = (resources.get("unified") or {}).get("memory.high")
    return [
        ("memory", {**(resources.get("memory") or {}), "high": high}),
        ("cpu", {key: cpu.get(key) for key in ("shares", "quota", "period")}),
        ("cpuset", {key: cpu.get(key) for key in ("cpus", "mems")}),
        ("pids", resources.get("pids") or {}),
        ("io", resources.get("blockIO") or {}),
    ]


def lacking(controller: str) -> Unsupported:
    return Unsupported(
        f"cannot limit {controller}: its cgroup controller is not available to this user",
        "`tuidock doctor` shows which are and how to get the others; or leave out the limit",
    )


def refused(error: OSError, part: Part) -> BadSpec:
    asked = ", ".join(f"{key}={value}" for key, value in part.items() if value is not None)
    file = os.path.basename(error.filename or "cgroup")
    return BadSpec(f"the kernel refuses {asked} ({file}: {error.strerror})")
