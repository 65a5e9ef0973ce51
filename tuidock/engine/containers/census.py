"""`info`: facts of the host, and how many there are of what."""

from __future__ import annotations

import os

from tuidock import __version__
from tuidock.engine.containers import records
from tuidock.engine.metrics import host
from tuidock.engine.runtime.state import read_state
from tuidock.engine.types import HostInfo, Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tuidock.engine.core import Core


def info(core: Core) -> HostInfo:
    """Count containers and images, and ask the host."""
    statuses = [read_state(core.layout, each).status for each in records.ids(core.db)]
    return HostInfo(
        version=__version__,
        **host.facts()._asdict(),
        root=core.layout.root,
        runroot=core.layout.runroot,
        rootless=os.geteuid() != 0,
        containers=len(statuses),
        running=statuses.count(Status.RUNNING),
        paused=statuses.count(Status.PAUSED),
        images=core.db.execute("SELECT count(*) FROM image").fetchone()[0],
    )
