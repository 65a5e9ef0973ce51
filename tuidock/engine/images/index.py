"""`oci-layout` and `index.json`: the store's table of contents for other programs.

Both are derived from the database, never the other way round: whatever a crash left here,
writing them again makes them true (OCI image-layout 1.1).
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator

from tuidock.engine.errors import ContentError
from tuidock.engine.images.blobs import Blobs
from tuidock.engine.images.disk import replace
from tuidock.engine.images.manifest import OCI_INDEX, OCI_MANIFEST, as_oci
from tuidock.engine.layout import Layout

_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
_NAME = "org.opencontainers.image.ref.name"
_QUERY = """
SELECT image.manifest, tag.reference
FROM image LEFT JOIN tag ON tag.image = image.id ORDER BY tag.reference, image.id
"""


def write_index(layout: Layout, db: sqlite3.Connection) -> bool:
    """Bring both files in step with the database; call it under the store lock.

    True when something had to change. Raises StorageFull, HostError.
    """
    blobs = Blobs(layout)
    entries = [entry for row in db.execute(_QUERY) for entry in _entries(blobs, *row)]
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    body = json.dumps(index, indent=1).encode()
    changed = [
        _keep(f"{layout.oci}/oci-layout", _LAYOUT),
        _keep(f"{layout.oci}/index.json", body),
    ]
    return any(changed)


def _entries(blobs: Blobs, digest: str, reference: str | None) -> Iterator[dict[str, object]]:
    """One, or none for a damaged manifest, which `system check` deals with.

    Other programs look for OCI manifests only, so a Docker one gets a twin for them.
    """
    try:
        body = as_oci(blobs.read(digest))
    except ContentError:
        return
    entry: dict[str, object] = {
        "mediaType": OCI_MANIFEST,
        "digest": blobs.put(body),
        "size": len(body),
    }
    if reference is not None:
        entry["annotations"] = {_NAME: reference}
    yield entry


def _keep(path: str, body: bytes) -> bool:
    if os.path.exists(path):
        with open(path, "rb") as file:
            if file.read() == body:
                return False
    replace(path, body)
    return True
