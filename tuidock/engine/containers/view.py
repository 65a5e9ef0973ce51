"""A Container as it is now: its row, its run state and its endpoint put together."""

from __future__ import annotations

import json

from tuidock.engine.containers.records import Record
from tuidock.engine.layout import Layout
from tuidock.engine.runtime.state import RunState, read_state
from tuidock.engine.types import Container, Port, Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3


def container(layout: Layout, db: sqlite3.Connection, record: Record) -> Container:
    """One container."""
    return _join(record, read_state(layout, record.id), _endpoints(db, record.id))


def containers(layout: Layout, db: sqlite3.Connection, records: list[Record]) -> list[Container]:
    """Several, with one query for all their endpoints."""
    endpoints = _endpoints(db)
    return [_join(record, read_state(layout, record.id), endpoints) for record in records]


_Endpoints = dict[str, tuple[str, tuple[Port, ...]]]


def _endpoints(db: sqlite3.Connection, container_id: str = "") -> _Endpoints:
    """Address and ports by container id."""
    rows = db.execute(
        "SELECT container, address, ports FROM endpoint WHERE ? IN ('', container)",
        (container_id,),
    )
    return {
        identifier: (address, tuple(Port(*port) for port in json.loads(ports)))
        for identifier, address, ports in rows
    }


def _join(record: Record, state: RunState, endpoints: _Endpoints) -> Container:
    running = state.status in (Status.RUNNING, Status.PAUSED, Status.RESTARTING)
    address, ports = endpoints.get(record.id, ("", ())) if running else ("", ())
    return Container(
        id=record.id,
        name=record.name,
        image=record.image,
        image_id=record.image_id,
        command=record.command,
        created=record.created,
        status=state.status,
        spec=record.spec,
        pid=state.pid,
        started=state.started,
        exit=state.exit,
        address=address,
        ports=ports,
        labels=record.spec.labels,
        restarts=state.restarts,
    )
