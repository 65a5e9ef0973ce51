"""From a ContainerSpec and an image to a container that can be started."""

from __future__ import annotations

import os
import time

from tuidock.engine.cgroups import limits
from tuidock.engine.containers import (
    bundle,
    devices,
    etc,
    healthcheck,
    ids,
    life,
    names,
    records,
    runtimes,
    sharing,
)
from tuidock.engine.containers.records import Record
from tuidock.engine.errors import BadSpec, ImageNotFound
from tuidock.engine.images import root
from tuidock.engine.layout import Layout
from tuidock.engine.runtime import namespaces
from tuidock.engine.runtime.spec import oci_config
from tuidock.engine.store import transaction
from tuidock.engine.types import ContainerSpec, Mount

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from typing import Any

    from tuidock.engine.images.service import RunnableImage

EXPOSED = "org.opencontainers.image.exposedPorts"
STOP_SIGNAL = "org.opencontainers.image.stopSignal"

_NETWORKS = ("bridge", "host", "none")


def create(
    layout: Layout, db: sqlite3.Connection, image: RunnableImage, spec: ContainerSpec
) -> Record:
    """Make the bundle and the row. Raises NameInUse, BadSpec, HostError; nothing is left then."""
    asked = spec._replace(network=_network(spec), labels=_labels(image.config, spec))
    spec = ids.as_caller(sharing.settle(db, asked))
    _check(spec)
    owned = _ids(layout, sharing.owner(db, spec), spec)
    container_id = os.urandom(32).hex()
    with bundle.making(layout, container_id) as path:
        layers = ids.layers(layout, image.layer_keys, owned)
        ids.own(path, owned)
        root.copy([layout.layer(each) for each in layers], f"{path}/upper")
        record = _insert(layout, db, _record(container_id, image, spec), owned.base)
        try:
            config = _config(layout, record, image.config, owned, layers)
            bundle.write_config(layout, container_id, config)
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
    if spec.stop_signal:
        life.signal_number(spec.stop_signal)
    etc.check(spec)
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
    if spec.userns not in ids.MODES:
        raise BadSpec(f"--userns: invalid USER mode: {spec.userns}", "auto, host or keep-id")
    for mount in spec.mounts:
        _check_mount(mount)


def _check_mount(mount: Mount) -> None:
    if mount.kind not in ("bind", "tmpfs"):
        raise BadSpec(
            f"named volume {mount.source!r} is not supported yet", "bind a directory: /path:/target"
        )
    if "idmap" in mount.options and (mount.kind != "bind" or os.geteuid()):
        raise BadSpec(
            f"the ids of {mount.target} cannot be mapped: only root may, and only for binds",
            "leave idmap out: what the root of your containers makes is yours already",
        )
    if mount.kind == "bind" and not _is_mode(mount.options):
        raise BadSpec(f"invalid mode: {','.join(mount.options)}", "ro, rw or idmap")
    if mount.kind == "bind" and not os.path.exists(mount.source):
        raise BadSpec(
            f"bind source path does not exist: {mount.source}", "make it, or mend the path"
        )


_MODES = frozenset(
    "ro rw z Z idmap cached delegated consistent private rprivate "
    "nosuid suid nodev noexec exec noatime".split()
)
"""What a bind mount takes. `z` and `Z` change labels of SELinux, which containers here have not."""


def _is_mode(words: Sequence[str]) -> bool:
    """Nothing that would be passed over in silence, and not both of `ro` and `rw`."""
    return set(words) <= _MODES and not {"ro", "rw"} <= set(words)


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


def _ids(layout: Layout, home: Record | None, spec: ContainerSpec) -> ids.Ids:
    """Its own, or those of whose user namespace it shares."""
    if home is None:
        return ids.choose(layout, spec)
    found = ids.choose(layout, home.spec)
    return found._replace(base=home.uid_base, maps=sharing.maps_of(layout, home))


def _insert(layout: Layout, db: sqlite3.Connection, record: Record, uid_base: int) -> Record:
    """With an id range of its own where `uid_base` asks for one."""
    with transaction(db):
        if uid_base == ids.ANY:
            uid_base = ids.free(layout, db)
        record = record._replace(name=record.name or _free_name(db), uid_base=uid_base)
        if not has_image(db, record.image_id):  # removed since it was looked up
            raise ImageNotFound(record.image)
        records.check_free(db, record.name)
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


def _config(
    layout: Layout,
    record: Record,
    image_config: dict[str, object],
    owned: ids.Ids,
    layers: Sequence[str],
) -> dict[str, object]:
    config = oci_config(
        layout,
        record.id,
        record.spec,
        image_config,
        record.command,
        record.uid_base,
        layers,
        record.name,
        owned.maps,
        devices.nodes(record.spec),
    )
    image = image_config.get("config") or {}
    assert isinstance(image, dict)
    checked = healthcheck.as_annotations(record.spec.health, image)
    config["annotations"] |= {**_conversion(image), **checked, **runtimes.annotation(record.spec)}
    config["annotations"] |= {namespaces.SHIFTED: owned.tag} if owned.tag else {}
    return config


def _conversion(image: dict[str, Any]) -> dict[str, str]:
    """What the OCI image-spec's conversion keeps of an image and a start or stop asks for.

    Raises BadSpec for a signal by which nothing could be stopped.
    """
    exposed = ",".join(sorted(image.get("ExposedPorts") or {}))
    if image.get("StopSignal"):
        life.signal_number(image["StopSignal"])
    return {
        key: value
        for key, value in ((EXPOSED, exposed), (STOP_SIGNAL, image.get("StopSignal")))
        if value
    }
