"""An image made of a container: the layers that it has, and what it wrote as one more.

Invariant: the image appears when it is whole; a commit that ends early leaves what the sweep of
the image store removes, and a container that runs as before.
"""

from __future__ import annotations

import os
import time

from tuidock.engine.containers import instructions, records
from tuidock.engine.containers.files import access
from tuidock.engine.containers.healthcheck import merge
from tuidock.engine.errors import BadSpec, ImageNotFound, NotFound
from tuidock.engine.images.local import Derivation
from tuidock.engine.timestamp import rfc3339
from tuidock.engine.types import HealthCheck

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tuidock.engine.containers.records import Record
    from tuidock.engine.filesystem import CommitSpec
    from tuidock.engine.images.service import Images
    from tuidock.engine.layout import Layout
    from tuidock.engine.types import ContainerSpec, Image

_LONG = 24 * 3600.0
"""Seconds; as good as until the end."""


def commit(layout: Layout, record: Record, images: Images, asked: CommitSpec) -> Image:
    """Raises BadSpec, BadReference, NotFound, ContentError, StorageFull, HostError."""
    latest = _latest()
    step = _derivation(record, _base(record, images), asked, latest)
    own = access.own_files(layout, record)
    with access.visiting(
        layout,
        record,
        errand="layer",
        still=_LONG if asked.pause else 0.0,
        latest=latest,
        **own,
    ) as visit:
        image = images.derive(record.image_id, step, visit.pieces(), asked.reference)
    facts = {"imageID": image.id, "comment": asked.comment}
    records.note(layout, record, "commit", facts)
    return image


def _latest() -> int:
    """SOURCE_DATE_EPOCH, reproducible-builds.org; 0 without. Raises BadSpec."""
    text = os.environ.get("SOURCE_DATE_EPOCH", "")
    if text and not (text.isascii() and text.isdigit()):
        raise BadSpec(f"SOURCE_DATE_EPOCH is not a number of seconds: {text!r}")
    return int(text or 0)


def _base(record: Record, images: Images) -> dict[str, Any]:
    try:
        return images.resolve(record.image_id).config
    except ImageNotFound as error:
        raise NotFound(
            f"the image of container {record.name} was removed, and with it the archives of "
            "its layers",
            f"`tuidock pull {record.image}` first",
        ) from error


def _derivation(record: Record, base: dict[str, Any], asked: CommitSpec, latest: int) -> Derivation:
    created = rfc3339(min(time.time(), latest) if latest else time.time())
    settings = settings_of(record.spec, base.get("config") or {})
    instructions.apply_all(settings, asked.changes)
    former = ("container_config", "container", "comment", "author")  # of the step before
    config = {key: value for key, value in base.items() if key not in former}
    config |= {"created": created, "config": settings}
    history: dict[str, object] = {"created": created, "created_by": " ".join(record.command)}
    if asked.author:
        config["author"] = history["author"] = asked.author
    if asked.comment:
        config["comment"] = history["comment"] = asked.comment
    return Derivation(config, history)


def settings_of(spec: ContainerSpec, image: dict[str, Any]) -> dict[str, Any]:
    """An image's `config` with what the container was asked for beyond it."""
    settings = dict(image)
    if spec.entrypoint is not None:
        settings["Entrypoint"] = list(spec.entrypoint)
        settings["Cmd"] = list(spec.command)
    elif spec.command:
        settings["Cmd"] = list(spec.command)
    if spec.env:
        known = dict(pair.partition("=")[::2] for pair in image.get("Env") or ())
        known |= dict(pair.partition("=")[::2] for pair in spec.env if "=" in pair)
        settings["Env"] = [f"{key}={value}" for key, value in known.items()]
    if spec.labels:
        settings["Labels"] = {**(image.get("Labels") or {}), **dict(spec.labels)}
    if spec.ports:
        ports: dict[str, object] = {
            f"{port.container_port}/{port.protocol}": {} for port in spec.ports
        }
        settings["ExposedPorts"] = {**(image.get("ExposedPorts") or {}), **ports}
    if spec.health != HealthCheck():
        check = merge(spec.health, image)
        check.pop("Shell", None)  # the image's, which has it as before
        settings["Healthcheck"] = check or {"Test": ["NONE"]}
    given = {
        "User": spec.user,
        "WorkingDir": spec.working_dir,
        "StopSignal": spec.stop_signal,
    }
    return settings | {key: value for key, value in given.items() if value}
