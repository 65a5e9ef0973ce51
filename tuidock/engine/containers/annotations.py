"""Changing what a container's configuration says to its monitor, also while it runs.

Monitors have a copy of the annotations, because they read nothing while they live.
"""

from __future__ import annotations

from tuidock.engine.containers import bundle
from tuidock.engine.errors import MonitorGone
from tuidock.engine.layout import Layout
from tuidock.engine.runtime.client import Monitor
from tuidock.engine.runtime.state import read_state
from tuidock.engine.types import UP


def annotate(layout: Layout, container_id: str, changed: dict[str, str]) -> None:
    """Set annotations; the caller holds the bundle's lock. Raises RuntimeFailure, OSError."""
    config = bundle.read_config(layout, container_id)
    annotations = config["annotations"]
    assert isinstance(annotations, dict)
    if annotations | changed == annotations:
        return
    bundle.write_config(layout, container_id, config | {"annotations": annotations | changed})
    try:
        if read_state(layout, container_id).status in UP:
            Monitor(layout, container_id).annotate(changed)
    except MonitorGone:  # it has just ended
        return
