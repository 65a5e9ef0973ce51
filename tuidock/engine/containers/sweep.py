"""After a crash: finish removals, drop bundles without a row, remove what `--rm` promised."""

from __future__ import annotations

import os
import sqlite3
import time

from tuidock.engine.cgroups.cgroup import open_cgroup
from tuidock.engine.containers import bundle, life, records
from tuidock.engine.layout import Layout
from tuidock.engine.linux.files import remove_path
from tuidock.engine.runtime.state import read_state
from tuidock.engine.types import Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_GRACE = 10.0
"""Seconds in which whoever waits for a `--rm` container removes it itself."""


def sweep(layout: Layout, db: sqlite3.Connection, disconnect: Callable[[str], object]) -> list[str]:
    """Mend, and say what was mended, a line each."""
    done = []
    for container_id in records.half_removed(db):
        life.erase(layout, db, container_id, disconnect)
        done.append(f"finished the removal of container {container_id[:12]}")
    done += _remove_promised(layout, db, disconnect)
    done += _remove_orphans(layout, db)
    done += _remove_cgroups(layout, db)
    return done


def _remove_promised(
    layout: Layout, db: sqlite3.Connection, disconnect: Callable[[str], object]
) -> list[str]:
    done = []
    for record in records.everything(db):
        ended = read_state(layout, record.id).exit
        if record.spec.remove and ended and time.time() - ended.at > _GRACE:
            life.remove(layout, db, record, disconnect, force=False)
            done.append(f"removed container {record.name}, which ended and was started with --rm")
    return done


def _remove_orphans(layout: Layout, db: sqlite3.Connection) -> list[str]:
    """Bundles that nobody is making and that no row names."""
    done = []
    for name in os.listdir(f"{layout.root}/containers"):
        path = layout.container(name)
        free = bundle.is_free(path)  # before the row is looked for: its maker may just commit
        if free and not _has_row(db, name):
            remove_path(path)
            done.append(f"removed the unfinished bundle {name[:12]}")
    for name in os.listdir(f"{layout.runroot}/containers"):
        if not _has_row(db, name):
            remove_path(layout.run(name))
            done.append(f"removed the run directory of container {name[:12]}, which is gone")
    return done


def _remove_cgroups(layout: Layout, db: sqlite3.Connection) -> list[str]:
    done = []
    for record in records.everything(db):
        ended = read_state(layout, record.id).status in (Status.EXITED, Status.CREATED)
        cgroup = open_cgroup(layout.tag, record.id)
        if ended and cgroup.exists():
            cgroup.kill()
            cgroup.remove()
            done.append(f"removed the cgroup of container {record.name}")
    return done


def _has_row(db: sqlite3.Connection, container_id: str) -> bool:
    return bool(db.execute("SELECT 1 FROM container WHERE id = ?", (container_id,)).fetchone())
