"""An image as `docker inspect` shows it."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime

from tuidock.engine.images import names, records
from tuidock.engine.images.blobs import Blobs
from tuidock.engine.images.manifest import parse_config
from tuidock.engine.images.reference import familiar
from tuidock.engine.layout import Layout


def inspect(layout: Layout, db: sqlite3.Connection, image_id: str) -> dict[str, object]:
    """Docker's object, sizes in bytes. Raises ImageNotFound, ContentError."""
    image = records.load(db, Blobs(layout), image_id)
    manifest, pulled, keys = db.execute(
        "SELECT manifest, pulled, layer_keys FROM image WHERE id = ?", (image_id,)
    ).fetchone()
    config = parse_config(Blobs(layout).read(image_id))
    document = config.document
    tags, digests = names.of(db, image_id)
    return {
        "Id": image_id,
        "RepoTags": [familiar(name) for name in tags],
        "RepoDigests": [familiar(name) for name in digests],
        "Parent": "",
        "Comment": document.get("comment") or "",
        "Created": document.get("created") or "",
        "DockerVersion": document.get("docker_version") or "",
        "Author": document.get("author") or "",
        "Config": records.settings_of(config),
        "Architecture": image.platform.architecture,
        **({"Variant": image.platform.variant} if image.platform.variant else {}),
        "Os": image.platform.os,
        "Size": image.size,
        "GraphDriver": {"Name": "overlay", "Data": _directories(layout, json.loads(keys))},
        "RootFS": {"Type": "layers", "Layers": list(config.diff_ids)},
        "Metadata": {"LastTagTime": datetime.fromtimestamp(pulled, UTC).isoformat()},
        "Descriptor": {"digest": manifest},
    }


def _directories(layout: Layout, keys: list[str]) -> dict[str, str]:
    """As docker writes it: the uppermost layer comes first."""
    return {"LowerDir": ":".join(layout.layer(key) for key in reversed(keys))}
