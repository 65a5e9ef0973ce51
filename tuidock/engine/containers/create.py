"""From a ContainerSpec and an image to a container that can be started."""

from __future__ import annotations

import os
import time

from tuidock.engine.cgroups import limits
from tuidock.engine.containers import (
    bundle,
    devices,
    healthcheck,
    names,
    records,
    runtimes,
    sharing,
)
from tuidock.engine.containers.records import Record
from tuidock.engine.errors import BadSpec, ImageNotFound, NameInUse
from tuidock.engine.images import root
from tuidock.engine.layout import Layout
from tuidock.engine.linux import userns
from tuidock.engine.runtime import namespaces
from tuidock.engine.runtime.spec import ID_RANGE, oci_config
from tuidock.engine.store import transaction
from tuidock.engine.types import ContainerSpec, Mount

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from typing import Any

    from tuidock.engine.images.service import RunnableImage

EXPOSED = "org.opencontainers.image.exposedPorts"
STOP_SIGNAL = "org.opencontainers.image.stopSignal"

# The range that systemd keeps for containers' users, so that no login user lives in it.
_FIRST_UID = 0x10000000
_UID_SLOTS = 0x4000

_NETWORKS = ("bridge", "host", "none")


def create(
    layout: Layout, db: sqlite3.Connection, image: RunnableImage, spec: ContainerSpec
) -> Record:
    """Make the bundle and the row. Raises NameInUse, BadSpec, HostError; nothing is left then."""
    asked = spec._replace(network=_network(spec), labels=_labels(image.config, spec))
    spec = sharing.settle(db, asked)
    _check(spec)
    home = sharing.owner(db, spec)
    container_id = os.urandom(32).hex()
    with bundle.making(layout, container_id) as path:
        root.copy(image.layer_directories, f"{path}/upper")
        base = home.uid_base if home else None
        record = _insert(layout, db, _record(container_id, image, spec), base)
        try:
            maps = sharing.maps_of(layout, home) if home else None
            bundle.write_config(layout, container_id, _config(layout, record, image.config, maps))
        except BaseException:
            records.delete(db, container_id)
            raise
    records.note(layout, record, "create")
    return record


def _labels(config: dict[str, object], spec: ContainerSpec) -> tuple[tuple[str, str], ...]:
    """The image's, and over them what was asked; data, which nothing here obeys."""
    process = config.get("config") or {}
    assert isinstance(process, dict)
    of_image = {str(key): str(value) for key, value in (process.get("Labels") or {}).items()}
    return tuple((of_image | dict(spec.labels)).items())


def _network(spec: ContainerSpec) -> str:
    """Docker's default where it can be had. Raises HostError where it cannot, but must be."""
    if spec.network not in ("bridge", "default"):
        return spec.network
    if os.geteuid():
        from tuidock.engine.network import carriers

        if spec.network == "default" and not (spec.ports or spec.publish_all):
            return "bridge" if carriers.usable() else "none"
        carriers.need()
    return "bridge"


def _check(spec: ContainerSpec) -> None:
    if spec.name:
        names.check(spec.name)
    if spec.network not in _NETWORKS and not namespaces.donor(spec.network):
        raise BadSpec(f"network {spec.network} not found", "bridge, host and none are known")
    if spec.ports and spec.network != "bridge":
        raise BadSpec(
            f"ports cannot be published with --network {spec.network}", "use the bridge network"
        )
    limits.check(spec.limits)
    runtimes.check(spec)
    if not -1000 <= spec.oom_score_adj <= 1000:
        raise BadSpec(
            f"Invalid value {spec.oom_score_adj}, range for oom score adj is [-1000, 1000]"
        )
    if spec.remove and spec.restart.name != "no":
        raise BadSpec("conflicting options: --restart and --rm", "choose one of them")
    if spec.remove and spec.health.on_failure == "restart":
        raise BadSpec(
            "conflicting options: --health-on-failure restart and --rm", "choose one of them"
        )
    if spec.userns not in ("auto", "host"):
        raise BadSpec(f"invalid user namespace mode: {spec.userns}", "auto or host")
    for mount in spec.mounts:
        _check_mount(mount)


def _check_mount(mount: Mount) -> None:
    if mount.kind not in ("bind", "tmpfs"):
        raise BadSpec(
            f"named volume {mount.source!r} is not supported yet", "bind a directory: /path:/target"
        )
    if mount.kind == "bind" and not os.path.exists(mount.source):
        raise BadSpec(
            f"bind source path does not exist: {mount.source}", "make it, or mend the path"
        )


def _record(container_id: str, image: RunnableImage, spec: ContainerSpec) -> Record:
    """A row without name and id range, which need the database's lock."""
    return Record(
        id=container_id,
        name=spec.name,
        image=spec.image,
        image_id=image.id,
        created=time.time(),
        command=_command(image.config, spec),
        spec=spec,
        layer_keys=tuple(image.layer_keys),
        uid_base=0,
    )


def _command(config: dict[str, object], spec: ContainerSpec) -> tuple[str, ...]:
    """Docker's rule: a new entrypoint forgets the image's command, a new command does not.

    Raises BadSpec when nothing is left to run.
    """
    process = config.get("config") or {}
    assert isinstance(process, dict)
    entrypoint = spec.entrypoint
    command = spec.command
    if entrypoint is None:
        entrypoint = tuple(process.get("Entrypoint") or ())
        command = command or tuple(process.get("Cmd") or ())
    if not (*entrypoint, *command):
        raise BadSpec("no command specified", "name one after the image")
    return (*entrypoint, *command)


def _insert(layout: Layout, db: sqlite3.Connection, record: Record, uid_base: int | None) -> Record:
    """With an id range of its own where `uid_base` is None."""
    with transaction(db):
        if uid_base is None:
            uid_base = _uid_base(layout, db, record.spec)
        record = record._replace(name=record.name or _free_name(db), uid_base=uid_base)
        if not has_image(db, record.image_id):  # removed since it was looked up
            raise ImageNotFound(record.image)
        taken = db.execute("SELECT id FROM container WHERE name = ?", (record.name,)).fetchone()
        if taken:
            raise NameInUse(record.name, taken[0])
        records.insert(db, record)
    return record


def has_image(db: sqlite3.Connection, image_id: str) -> bool:
    """Whether an image is still listed; its layers may outlive it under containers."""
    return db.execute("SELECT 1 FROM image WHERE id = ?", (image_id,)).fetchone() is not None


def _free_name(db: sqlite3.Connection) -> str:
    name = names.invent()
    number = 1
    while db.execute("SELECT 1 FROM container WHERE name = ?", (name,)).fetchone():
        number += 1
        name = f"{names.invent()}{number}"
    return name


def _uid_base(layout: Layout, db: sqlite3.Connection, spec: ContainerSpec) -> int:
    """The first host id of the container's own range; 0 with `--userns=host`, and for an
    ordinary user, whose containers all have the ids that it has.

    Roots begin at different places, so that two of them seldom use the same ranges.
    """
    if spec.userns == "host" or spec.privileged or os.geteuid():
        return 0
    used = {row[0] for row in db.execute("SELECT uid_base FROM container")}
    start = int(layout.tag, 16)
    for step in range(_UID_SLOTS):
        base = _FIRST_UID + (start + step) % _UID_SLOTS * ID_RANGE
        if base not in used:
            return base
    raise BadSpec(f"all {_UID_SLOTS} id ranges are in use", "remove some containers")


def _config(
    layout: Layout, record: Record, image_config: dict[str, object], maps: userns.Maps | None
) -> dict[str, object]:
    """`maps` are those of a user namespace that it shares."""
    if maps is None and os.geteuid():
        maps = userns.own()
    config = oci_config(
        layout,
        record.id,
        record.spec,
        image_config,
        record.command,
        record.uid_base,
        record.layer_keys,
        record.name,
        maps,
        devices.nodes(record.spec),
    )
    image = image_config.get("config") or {}
    assert isinstance(image, dict)
    checked = healthcheck.as_annotations(record.spec.health, image)
    config["annotations"] |= {**_conversion(image), **checked, **runtimes.annotation(record.spec)}
    return config


def _conversion(image: dict[str, Any]) -> dict[str, str]:
    """What the OCI image-spec's conversion keeps of an image and a start or stop asks for."""
    exposed = ",".join(sorted(image.get("ExposedPorts") or {}))
    return {
        key: value
        for key, value in ((EXPOSED, exposed), (STOP_SIGNAL, image.get("StopSignal")))
        if value
    }
