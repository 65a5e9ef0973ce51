"""What an OCI `process` may use up by itself: resource limits, and its score for the OOM killer.

Invariant: both hold before the command is executed, for the first process and for further ones.
"""

from __future__ import annotations

import os
import resource

from tuidock.engine.cgroups.files import write
from tuidock.engine.linux import ledger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def set_limits(pid: int, process: dict[str, Any]) -> None:
    """Its `rlimits`. Raises OSError."""
    for limit in process.get("rlimits", ()):
        number = getattr(resource, limit["type"])
        soft, hard = (_rlimit(limit[kind]) for kind in ("soft", "hard"))
        resource.prlimit(pid, number, (soft, hard))
        ledger.note("rlimit", limit["type"], limit["soft"], limit["hard"])


def set_score(pid: int | str, process: dict[str, Any]) -> None:
    """Its `oomScoreAdj`: else it would have that of the launcher, which nothing should kill.

    `pid` may be `self`. Raises OSError.
    """
    try:
        write(f"/proc/{pid}/oom_score_adj", str(process.get("oomScoreAdj", 0)))
    except PermissionError:
        if os.geteuid() == 0:
            raise
        # A user may not go below what its session was given, and lives with that.


def _rlimit(value: int) -> int:
    return resource.RLIM_INFINITY if value >= 2**63 else value
