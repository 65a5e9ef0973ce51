"""Containers that share namespaces with host or containers: what may be asked, and of whom.

Messages are docker's. Invariant: a spec that was settled names full ids, and of each chain of
containers that share something its last, whose own it is.
"""

from __future__ import annotations

import os

from tuidock.engine.containers import bundle, records
from tuidock.engine.errors import BadSpec, ContainerNotFound, WrongStatus
from tuidock.engine.linux.userns import Maps
from tuidock.engine.runtime import idmaps, namespaces
from tuidock.engine.runtime.spec import hostname
from tuidock.engine.runtime.state import read_state
from tuidock.engine.types import Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from typing import Any

    from tuidock.engine.containers.records import Record
    from tuidock.engine.layout import Layout
    from tuidock.engine.types import ContainerSpec

_NAMES = {"pid": "PID", "network": "network", "ipc": "IPC", "uts": "UTS"}
_OWN = {"pid": ("private",), "ipc": ("private", "shareable"), "uts": ("private",), "network": ()}
"""Words for what every container has anyway."""


def settle(db: sqlite3.Connection, spec: ContainerSpec) -> ContainerSpec:
    """The spec with full ids for `container:NAME`. Raises BadSpec, ContainerNotFound."""
    for kind, word in namespaces.asked(spec).items():
        if word in _OWN[kind]:
            spec = _with(spec, kind, "")
    _check(spec)
    for kind, word in namespaces.asked(spec).items():
        if key := namespaces.donor(word):
            spec = _follow(db, spec, kind, key)
    return spec


def _follow(db: sqlite3.Connection, spec: ContainerSpec, kind: str, key: str) -> ContainerSpec:
    """To the container that has the namespace for itself, or to the host."""
    record = records.find(db, key)
    while further := namespaces.donor(word := namespaces.asked(record.spec)[kind]):
        record = records.find(db, further)
    if kind in ("network", "uts"):
        spec = spec._replace(hostname=hostname(record.id, record.spec))
    word = "host" if word == "host" else namespaces.of_container(record.id)
    return _with(spec, kind, word)


def _with(spec: ContainerSpec, kind: str, word: str) -> ContainerSpec:
    changed: dict[str, Any] = {kind: word}  # OCI's types are the names of the fields
    return spec._replace(**changed)


def _check(spec: ContainerSpec) -> None:
    """Raises BadSpec, with docker's words where docker has them."""
    for kind, word in namespaces.asked(spec).items():
        if kind != "network" and word not in ("", "host") and not namespaces.donor(word):
            raise BadSpec(f"--{kind}: invalid {_NAMES[kind]} mode", "host, or container:NAME")
    joins_network = bool(namespaces.donor(spec.network))
    name, mode = spec.hostname, "conflicting options: {} and the network mode"
    conflicts = (
        (spec.uts and name, "conflicting options: hostname and the UTS mode"),
        (joins_network and name, mode.format("hostname")),
        (joins_network and spec.dns, mode.format("dns")),
        (joins_network and spec.add_hosts, mode.format("custom host-to-IP mapping")),
        (
            joins_network and (spec.ports or spec.publish_all),
            "conflicting options: port publishing and the container type network mode",
        ),
    )
    for clash, message in conflicts:
        if clash:
            raise BadSpec(message, "leave one of them out: it is as the other container has it")
    if spec.pid and os.geteuid():
        _need_cgroup()


def _need_cgroup() -> None:
    from tuidock.engine.cgroups.hierarchies import delegated, find

    if not (find() or delegated()):
        raise BadSpec(
            "--pid needs a cgroup, by which its processes can be found and ended",
            "`tuidock doctor` says how an ordinary user gets one",
        )


def owner(db: sqlite3.Connection, spec: ContainerSpec) -> Record | None:
    """Whose user namespace it has, which all have whose namespaces it shares; None for its own.

    Raises BadSpec when they have different ones.
    """
    donors = [records.find(db, each) for each in namespaces.shared(spec).values()]
    homes = [_home(db, each) for each in donors]
    if len({each.id for each in homes if not _own_ids_unwanted(each.spec)}) > 1 or (
        len({_own_ids_unwanted(each.spec) for each in homes}) > 1
    ):
        raise BadSpec(
            f"containers {donors[0].name} and {donors[-1].name} have different user namespaces",
            "share the namespaces of one of them, or make both with --userns=host",
        )
    if homes and _own_ids_unwanted(spec):
        return None
    return homes[0] if homes else None


def _own_ids_unwanted(spec: ContainerSpec) -> bool:
    return os.geteuid() == 0 and (spec.userns == "host" or spec.privileged)


def _home(db: sqlite3.Connection, record: Record) -> Record:
    """Whose user namespace it has, by way of what it shares."""
    for other in namespaces.shared(record.spec).values():
        if not _own_ids_unwanted(record.spec):
            return _home(db, records.find(db, other))
    return record


def maps_of(layout: Layout, record: Record) -> Maps | None:
    """The ids in its user namespace; None when it has none."""
    linux = bundle.read_config(layout, record.id)["linux"]
    assert isinstance(linux, dict)
    return idmaps.read(linux)


def locate(layout: Layout, record: Record) -> None:
    """Before a start: all others run, and the config says where.

    Raises WrongStatus, ContainerNotFound.
    """
    shared = namespaces.shared(record.spec)
    if not shared:
        return
    pids = {each: _pid(layout, kind, each) for kind, each in shared.items()}
    config = bundle.read_config(layout, record.id)
    namespaces.set_paths(config, pids)
    bundle.write_config(layout, record.id, config)


def _pid(layout: Layout, kind: str, container_id: str) -> int:
    if not os.path.exists(layout.container(container_id)):
        raise ContainerNotFound(container_id)
    state = read_state(layout, container_id)
    if state.status not in (Status.RUNNING, Status.PAUSED):
        raise WrongStatus(
            f"cannot join {_NAMES[kind]} of a non running container: {container_id}",
            f"`tuidock start {container_id[:12]}` first",
        )
    return state.pid
