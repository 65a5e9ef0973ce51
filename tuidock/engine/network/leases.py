"""Leases and reboots: a boot takes all interfaces and programs, so it ends all leases too."""

from __future__ import annotations

from tuidock.engine.layout import Layout
from tuidock.engine.linux.proc import boot_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3


def begin_boot(layout: Layout, db: sqlite3.Connection) -> None:
    """Forget what was leased in another boot. One caller at a time in this root."""
    this = boot_id()
    with open(f"{layout.root}/network.boot", "a+", encoding="ascii") as file:
        file.seek(0)
        before = file.read()
        if before == this:
            return
        if before:
            db.execute("DELETE FROM endpoint")
        file.truncate(0)
        file.write(this)
