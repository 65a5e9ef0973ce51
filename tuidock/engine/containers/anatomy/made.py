"""What a container is made of: its birth, its stack of layers, what was hidden from it."""

from __future__ import annotations

import json

from tuidock.engine.anatomy import Anatomy, StackLayer
from tuidock.engine.containers import records
from tuidock.engine.containers.anatomy import record as birth
from tuidock.engine.containers.pruning import disk_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence
    from typing import Any

    from tuidock.engine.containers.records import Record
    from tuidock.engine.layout import Layout

_ALLOW = "SCMP_ACT_ALLOW"


def anatomy(
    layout: Layout,
    db: sqlite3.Connection,
    record: Record,
    config: Mapping[str, Any],
    histories: Sequence[str],
) -> Anatomy:
    """Of a container, running or not; `histories` are the lines that made its image's layers,
    lowest first.
    """
    linux = config["linux"]
    seccomp = linux.get("seccomp") or {}
    return Anatomy(
        record.id,
        birth.read(layout, record.id),
        tuple(_stack(layout, db, record, histories)),
        tuple(linux.get("maskedPaths") or ()),
        tuple(linux.get("readonlyPaths") or ()),
        tuple(device["path"] for device in linux.get("devices") or ()),
        _allowed(seccomp),
        seccomp.get("defaultAction", ""),
    )


def _allowed(seccomp: Mapping[str, Any]) -> int:
    rules = seccomp.get("syscalls", ())
    return len({name for rule in rules if rule["action"] == _ALLOW for name in rule["names"]})


def _stack(
    layout: Layout, db: sqlite3.Connection, record: Record, histories: Sequence[str]
) -> list[StackLayer]:
    own = StackLayer("", disk_size(layout, record.id), "", 0, 1)
    of_images = [json.loads(row[0]) for row in db.execute("SELECT layer_keys FROM image")]
    of_containers = [each.layer_keys for each in records.everything(db)]
    if len(histories) != len(record.layer_keys):  # its image was removed
        histories = [""] * len(record.layer_keys)
    below = [
        StackLayer(key, _size(db, key), made_by, _count(key, of_images), _count(key, of_containers))
        for key, made_by in zip(record.layer_keys, histories, strict=True)
    ]
    return [own, *reversed(below)]


def _count(key: str, stacks: Sequence[Sequence[str]]) -> int:
    return sum(key in stack for stack in stacks)


def _size(db: sqlite3.Connection, key: str) -> int:
    row = db.execute("SELECT size FROM layer WHERE key = ?", (key,)).fetchone()
    return int(row[0]) if row else 0
