"""Limits of one run only: in force now, and gone with the run, as its spec was left alone.

They stand in the run directory beside the pid that they belong to. Invariant: what an earlier
run left there is never believed, whoever started the container again.
"""

from __future__ import annotations

import json
import os

from tuidock.engine.containers.records import limits_of
from tuidock.engine.layout import Layout
from tuidock.engine.linux.files import replace, unlink
from tuidock.engine.types import Limits


def read(layout: Layout, container_id: str, pid: int) -> Limits | None:
    """Of the run whose first process is `pid`; None when it has those of its spec."""
    if not pid:
        return None
    try:
        with open(_path(layout, container_id)) as file:
            found = json.load(file)
    except FileNotFoundError:
        return None
    return limits_of(found["limits"]) if found["pid"] == pid else None


def write(layout: Layout, container_id: str, pid: int, limits: Limits, kept: Limits) -> None:
    """Note what holds in a run, unless that is what is kept anyway. Raises OSError."""
    path = _path(layout, container_id)
    if pid and limits != kept:
        replace(path, json.dumps({"pid": pid, "limits": limits._asdict()}).encode())
    elif os.path.exists(path):
        unlink(path)


def _path(layout: Layout, container_id: str) -> str:
    return f"{layout.run(container_id)}/limits.json"
