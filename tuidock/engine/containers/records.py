"""Rows of the `container` table, and a ContainerSpec as JSON.

The JSON has the field names of the NamedTuples. Unknown fields of a newer version are
ignored, missing ones take their defaults, so that a store can be opened by either.
"""

from __future__ import annotations

import json

from tuidock.engine import journal
from tuidock.engine.errors import BadSpec, ContainerNotFound, NameInUse
from tuidock.engine.named import NamedTuple
from tuidock.engine.types import (
    ContainerSpec,
    Device,
    HealthCheck,
    Limits,
    LogLimits,
    Mount,
    Port,
    RestartPolicy,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from typing import Any

    from tuidock.engine.layout import Layout

_NESTED: dict[str, Any] = {
    "limits": Limits,
    "restart": RestartPolicy,
    "log": LogLimits,
    "health": HealthCheck,
}
_NESTED_LISTS: dict[str, Any] = {"ports": Port, "mounts": Mount, "devices": Device}

_COLUMNS = "id, name, image, image_id, created, command, spec, layer_keys, uid_base, removing"


class Record(NamedTuple):
    """A container as the store knows it: everything but what it is doing now."""

    id: str
    name: str
    image: str
    image_id: str
    created: float
    command: tuple[str, ...]
    spec: ContainerSpec
    layer_keys: tuple[str, ...]
    uid_base: int
    removing: bool = False


def encode_spec(spec: ContainerSpec) -> str:
    """JSON of a spec."""
    plain: dict[str, object] = dict(spec._asdict())
    for name in _NESTED:
        plain[name] = getattr(spec, name)._asdict()
    for name in _NESTED_LISTS:
        plain[name] = [each._asdict() for each in getattr(spec, name)]
    return json.dumps(plain)


def decode_spec(text: str) -> ContainerSpec:
    """The spec of a row."""
    plain: dict[str, Any] = {
        k: v for k, v in json.loads(text).items() if k in ContainerSpec._fields
    }
    for name, kind in _NESTED.items():
        if name in plain:
            plain[name] = _build(kind, plain[name])
    for name, kind in _NESTED_LISTS.items():
        if name in plain:
            plain[name] = tuple(_build(kind, each) for each in plain[name])
    return ContainerSpec(**{name: _frozen(value) for name, value in plain.items()})


def _build(kind: Any, fields: dict[str, object]) -> object:
    known = {k: _frozen(v) for k, v in fields.items() if k in kind._fields}
    return kind(**known)


def limits_of(fields: dict[str, object]) -> Limits:
    """Limits out of JSON."""
    found = _build(Limits, fields)
    assert isinstance(found, Limits)
    return found


def _frozen(value: Any) -> Any:
    """JSON knows lists only; inside a spec they are tuples, at every depth."""
    if isinstance(value, list):
        return tuple(_frozen(each) for each in value)
    return value


def note(
    layout: Layout, record: Record, action: str, more: Mapping[str, str] | None = None
) -> None:
    """Append an event of a container to the journal, with its labels, as docker. Raises OSError."""
    attributes = {**dict(record.spec.labels), "image": record.image, **(more or {})}
    journal.append(layout, "container", action, record.id, record.name, attributes)


def insert(db: sqlite3.Connection, record: Record) -> None:
    """Add a row, in the caller's transaction. Raises sqlite3.IntegrityError for a taken name."""
    db.execute(
        f"INSERT INTO container ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            record.id,
            record.name,
            record.image,
            record.image_id,
            record.created,
            json.dumps(record.command),
            encode_spec(record.spec),
            json.dumps(record.layer_keys),
            record.uid_base,
            int(record.removing),
        ),
    )


def save_spec(db: sqlite3.Connection, container_id: str, spec: ContainerSpec) -> None:
    db.execute("UPDATE container SET spec = ? WHERE id = ?", (encode_spec(spec), container_id))


def check_free(db: sqlite3.Connection, name: str) -> None:
    """Raises NameInUse for a name that a container has."""
    taken = db.execute("SELECT id FROM container WHERE name = ?", (name,)).fetchone()
    if taken:
        raise NameInUse(name, taken[0])


def save_name(db: sqlite3.Connection, container_id: str, name: str) -> None:
    db.execute("UPDATE container SET name = ? WHERE id = ?", (name, container_id))


def mark_removing(db: sqlite3.Connection, container_id: str) -> None:
    """From here on the container is gone for everybody; the sweep finishes the work."""
    db.execute("UPDATE container SET removing = 1, name = id WHERE id = ?", (container_id,))


def delete(db: sqlite3.Connection, container_id: str) -> None:
    db.execute("DELETE FROM container WHERE id = ?", (container_id,))


def everything(db: sqlite3.Connection) -> list[Record]:
    """All containers, newest first."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM container WHERE NOT removing ORDER BY created DESC, id"
    )
    return [_record(row) for row in rows]


def ids(db: sqlite3.Connection) -> list[str]:
    """Ids of all containers, for who asks every second and needs nothing else."""
    return [row[0] for row in db.execute("SELECT id FROM container WHERE NOT removing")]


def half_removed(db: sqlite3.Connection) -> list[str]:
    """Ids of containers whose removal was begun and not finished."""
    return [row[0] for row in db.execute("SELECT id FROM container WHERE removing")]


def has_endpoint(db: sqlite3.Connection, container_id: str) -> bool:
    """Whether it holds addresses or ports."""
    query = "SELECT 1 FROM endpoint WHERE container = ?"
    return db.execute(query, (container_id,)).fetchone() is not None


def find(db: sqlite3.Connection, key: str) -> Record:
    """By name, id, or unambiguous prefix of an id. Raises ContainerNotFound, BadSpec."""
    name = key.removeprefix("/")
    exact = db.execute(
        f"SELECT {_COLUMNS} FROM container WHERE (id = ? OR name = ?) AND NOT removing",
        (key, name),
    ).fetchall()
    if exact:
        return _record(exact[0])
    if not key or set(key) - set("0123456789abcdef"):
        raise ContainerNotFound(key)
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM container WHERE id GLOB ? AND NOT removing LIMIT 2", (key + "*",)
    ).fetchall()
    if not rows:
        raise ContainerNotFound(key)
    if len(rows) > 1:
        raise BadSpec(f"Multiple IDs found with provided prefix: {key}", "give more digits")
    return _record(rows[0])


def _record(row: tuple[object, ...]) -> Record:
    identifier, name, image, image_id, created, command, spec, keys, uid_base, removing = row
    assert isinstance(created, float)
    assert isinstance(uid_base, int)
    return Record(
        str(identifier),
        str(name),
        str(image),
        str(image_id),
        created,
        tuple(json.loads(str(command))),
        decode_spec(str(spec)),
        tuple(json.loads(str(keys))),
        uid_base,
        bool(removing),
    )
