"""A Container as it is now: its row, its run state and its endpoint put together."""

from __future__ import annotations

import json

from tuidock.engine.containers.records import Record
from tuidock.engine.layout import Layout
from tuidock.engine.runtime.state import read_state
from tuidock.engine.types import UP, Container, Limits, Port, Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3


def container(layout: Layout, db: sqlite3.Connection, record: Record) -> Container:
    """One container."""
    return _join(layout, record, _endpoints(db, record.id))


def containers(layout: Layout, db: sqlite3.Connection, records: list[Record]) -> list[Container]:
    """Several, with one query for all their endpoints."""
    endpoints = _endpoints(db)
    return [_join(layout, record, endpoints) for record in records]


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


def _join(layout: Layout, record: Record, endpoints: _Endpoints) -> Container:
    state = read_state(layout, record.id)
    status = state.status
    if status is Status.PAUSED:
        status = _asked_for(layout, record.id)
    up = state.status in UP
    address, ports = endpoints.get(record.id, ("", ())) if up else ("", ())
    return Container(
        id=record.id,
        name=record.name,
        image=record.image,
        image_id=record.image_id,
        command=record.command,
        created=record.created,
        status=status,
        spec=record.spec,
        pid=state.pid,
        started=state.started,
        exit=state.exit,
        address=address,
        ports=ports,
        labels=record.spec.labels,
        restarts=state.restarts,
        health=_health(layout, record.id) if state.pid else "",
        passing=_passing(layout, record.id, state.pid) if state.pid else None,
    )


def _asked_for(layout: Layout, container_id: str) -> Status:
    """Of one that is frozen: `paused` only if it is not somebody who looks in that holds it still.

    He may just have let go, before or after the first look.
    """
    from tuidock.engine.runtime.stillness import held

    if held(layout.run(container_id)):
        return Status.RUNNING
    return read_state(layout, container_id).status


def _passing(layout: Layout, container_id: str, pid: int) -> Limits | None:
    from tuidock.engine.containers.passing import read  # as with health

    return read(layout, container_id, pid)


def _health(layout: Layout, container_id: str) -> str:
    from tuidock.engine.runtime.health import read_status  # a plain run asks before it starts

    return read_status(layout, container_id)
