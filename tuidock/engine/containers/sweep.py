"""After a crash: finish removals, drop bundles without a row, remove what `--rm` promised."""

from __future__ import annotations

import os
import sqlite3
import time

from tuidock.engine.cgroups.cgroup import names
from tuidock.engine.containers import bundle, life, records
from tuidock.engine.errors import ContainerNotFound
from tuidock.engine.layout import Layout
from tuidock.engine.linux.files import remove_path
from tuidock.engine.runtime.client import adopt
from tuidock.engine.runtime.state import is_forsaken, read_exit, read_state, write_exit
from tuidock.engine.types import UP

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
    done += _record_ends(layout, db)
    done += _remove_promised(layout, db, disconnect)
    done += _watch_again(layout, db)
    done += _remove_orphans(layout, db)
    done += _remove_cgroups(layout)
    return done


def _record_ends(layout: Layout, db: sqlite3.Connection) -> list[str]:
    """Ends that nobody saw, because the machine went down, or monitor and launcher were killed."""
    done = []
    for record in records.everything(db):
        with bundle.locked(layout, record.id):
            ended = read_state(layout, record.id).exit
            if ended and read_exit(layout, record.id) is None:
                write_exit(layout, record.id, ended, durable=True)
                done.append(f"recorded the end of container {record.name}, which nobody saw")
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


def _watch_again(layout: Layout, db: sqlite3.Connection) -> list[str]:
    """Launcher and monitor were both killed: nobody reads the output, or waits to start it."""
    done = []
    for record in records.everything(db):
        if is_forsaken(layout, record.id):
            adopt(layout, record.id)
            done.append(f"watched container {record.name} again, which had lost its monitor")
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


def _remove_cgroups(layout: Layout) -> list[str]:
    """Those of containers that do not run or are there no more; whoever started them was killed."""
    done = []
    for container_id in names(layout.tag):
        try:
            with bundle.locked(layout, container_id):  # else it may just be starting
                if read_state(layout, container_id).status in UP:
                    continue
                life.remove_cgroup(layout, container_id)
        except ContainerNotFound:
            life.remove_cgroup(layout, container_id)
        done.append(f"removed the cgroup of container {container_id[:12]}")
    return done


def _has_row(db: sqlite3.Connection, container_id: str) -> bool:
    return bool(db.execute("SELECT 1 FROM container WHERE id = ?", (container_id,)).fetchone())
