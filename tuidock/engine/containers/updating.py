"""New limits for a container: felt at once, and kept for every later start, or for one run only.

Invariant: what the cgroup enforces, what the next start will enforce and what `passing` tells agree
when a call returns, or nothing was changed.
"""

from __future__ import annotations

from tuidock.engine.cgroups.cgroup import reach_cgroup
from tuidock.engine.cgroups.limits import merge, resources
from tuidock.engine.containers import bundle, passing, records
from tuidock.engine.containers.life import not_running
from tuidock.engine.containers.records import Record
from tuidock.engine.errors import BadSpec
from tuidock.engine.layout import Layout
from tuidock.engine.runtime import restarting
from tuidock.engine.runtime.state import read_state
from tuidock.engine.store import transaction
from tuidock.engine.types import Limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3

    from tuidock.engine.types import RestartPolicy


def update(
    layout: Layout,
    db: sqlite3.Connection,
    record: Record,
    changes: Limits,
    restart: RestartPolicy | None = None,
) -> Record:
    """Change limits or the policy for good. Raises BadSpec."""
    if record.spec.remove and restart and restart.name != "no":
        raise BadSpec(
            "Restart policy cannot be updated because AutoRemove is enabled for the container"
        )
    with bundle.locked(layout, record.id):
        record = records.find(db, record.id)  # somebody else may have changed it meanwhile
        policy = restart or record.spec.restart
        merged = merge(record.spec.limits, changes)
        _enforce(layout, record, changes, merged)
        record = record._replace(spec=record.spec._replace(limits=merged, restart=policy))
        _keep(layout, record, resources(merged))
        if restart:
            _follow_policy(layout, record)
        with transaction(db):
            records.save_spec(db, record.id, record.spec)
    more = {"restart": policy.name} if restart else {}
    records.note(layout, record, "update", _words(changes) | more)
    return record


def update_for_now(layout: Layout, db: sqlite3.Connection, record: Record, changes: Limits) -> None:
    """Change limits until this run ends. Raises BadSpec, WrongStatus when it does not run."""
    with bundle.locked(layout, record.id):
        if not read_state(layout, record.id).pid:
            raise not_running(record)
        record = records.find(db, record.id)
        _enforce(layout, record, changes, record.spec.limits)
    records.note(layout, record, "update", _words(changes) | {"until": "exit"})


def _enforce(layout: Layout, record: Record, changes: Limits, kept: Limits) -> None:
    """Put what holds now, with the changes, in force; `kept` is what the next start will have."""
    pid = read_state(layout, record.id).pid
    before = passing.read(layout, record.id, pid) or record.spec.limits
    holds = merge(before, changes)
    if pid:
        reach_cgroup(layout.tag, record.id).apply(resources(holds))
    passing.write(layout, record.id, pid, holds, kept)


def _words(changes: Limits) -> dict[str, str]:
    return {k: str(v) for k, v in changes._asdict().items() if v is not None}


def _keep(layout: Layout, record: Record, wanted: dict[str, object]) -> None:
    config = bundle.read_config(layout, record.id)
    linux = config.setdefault("linux", {})
    assert isinstance(linux, dict)
    devices = linux.get("resources", {}).get("devices", [])
    # Whole: what is left out is a limit taken away.
    linux["resources"] = wanted | {"devices": devices}
    bundle.write_config(layout, record.id, config)


def _follow_policy(layout: Layout, record: Record) -> None:
    from tuidock.engine.containers.annotations import annotate
    from tuidock.engine.runtime.spec import aftermath

    policy = restarting.written(record.spec.restart)
    changed = {"tuidock.aftermath": aftermath(record.spec), restarting.POLICY: policy}
    annotate(layout, record.id, changed)
