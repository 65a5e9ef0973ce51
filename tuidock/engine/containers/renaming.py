"""Another name for a container: in its row, in its configuration, and with its monitor."""

from __future__ import annotations

from tuidock.engine.containers import bundle, names, records
from tuidock.engine.containers.annotations import annotate
from tuidock.engine.containers.records import Record
from tuidock.engine.errors import BadSpec
from tuidock.engine.layout import Layout
from tuidock.engine.store import transaction

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3


def rename(layout: Layout, db: sqlite3.Connection, record: Record, name: str) -> None:
    """Give it a name that nobody has. Raises BadSpec, NameInUse; nothing changed then."""
    name = names.check(name.removeprefix("/"))
    if name == record.name:
        raise BadSpec("Renaming a container with the same name as its current name")
    with bundle.locked(layout, record.id):
        with transaction(db):
            records.check_free(db, name)
            records.save_name(db, record.id, name)
        annotate(layout, record.id, {"tuidock.name": name})
    renamed = record._replace(name=name)
    records.note(layout, renamed, "rename", {"oldName": f"/{record.name}"})
