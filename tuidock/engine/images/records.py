"""Images as rows: written in one transaction when everything else is there, read as `Image`.

An image row means: manifest, config and layer blobs are in the layout, and every layer key
has its directory and row.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Sequence

from tuidock.engine.errors import ContentError, ImageNotFound
from tuidock.engine.images import names
from tuidock.engine.images.blobs import Blobs
from tuidock.engine.images.manifest import Config, Manifest, parse_config, parse_manifest
from tuidock.engine.store import transaction
from tuidock.engine.types import Image, Layer, Platform


def save(
    db: sqlite3.Connection,
    manifest_digest: str,
    manifest: Manifest,
    config: Config,
    layer_keys: Sequence[str],
    references: Iterable[str],
) -> None:
    """Make an image visible under its names (tags and repository digests), all at once."""
    image_id = manifest.config.digest
    with transaction(db):
        for layer, diff_id in zip(manifest.layers, config.diff_ids, strict=True):
            db.execute("INSERT OR REPLACE INTO layer_blob VALUES (?, ?)", (layer.digest, diff_id))
        db.execute(
            "INSERT INTO image VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET manifest ="
            " excluded.manifest, media_type = excluded.media_type, pulled = excluded.pulled,"
            " layer_keys = excluded.layer_keys",
            (
                image_id,
                manifest_digest,
                manifest.media_type,
                config.created,
                time.time(),
                json.dumps(list(layer_keys)),
            ),
        )
        for name in references:
            names.point(db, name, image_id)


def load(db: sqlite3.Connection, blobs: Blobs, image_id: str) -> Image:
    """Raises ImageNotFound, ContentError when its blobs are damaged."""
    row = db.execute(
        "SELECT manifest, media_type, created, layer_keys FROM image WHERE id = ?", (image_id,)
    ).fetchone()
    if row is None:
        raise ImageNotFound(image_id)
    manifest = parse_manifest(blobs.read(row[0]), row[1])
    config = parse_config(blobs.read(image_id))
    settings = settings_of(config)
    return Image(
        image_id,
        *names.of(db, image_id),
        created=row[2],
        size=_size(db, json.loads(row[3])),
        platform=config.platform,
        layers=_layers(manifest, config),
        labels={str(k): str(v) for k, v in _object(settings.get("Labels")).items()},
        command=tuple(map(str, [*_list(settings.get("Entrypoint")), *_list(settings.get("Cmd"))])),
    )


def load_even_damaged(db: sqlite3.Connection, blobs: Blobs, image_id: str) -> Image:
    """For lists: one damaged image must not hide the others. What its row tells, at least."""
    try:
        return load(db, blobs, image_id)
    except ContentError:
        [created] = db.execute("SELECT created FROM image WHERE id = ?", (image_id,)).fetchone()
        unknown = Platform("unknown", "unknown")
        return Image(image_id, *names.of(db, image_id), created, 0, unknown, (), {}, ())


def settings_of(config: Config) -> dict[str, object]:
    """What a container of the image starts with: the config's `config`."""
    return _object(config.document.get("config"))


def _layers(manifest: Manifest, config: Config) -> tuple[Layer, ...]:
    made_by = _history(config)
    return tuple(
        Layer(layer.digest, diff_id, layer.size, layer.media_type, made_by.get(n, ""))
        for n, (layer, diff_id) in enumerate(zip(manifest.layers, config.diff_ids, strict=True))
    )


def _history(config: Config) -> dict[int, str]:
    """Number of a layer -> what made it; steps that made no layer are left out."""
    steps = [_object(step) for step in _list(config.document.get("history"))]
    real = [step for step in steps if not step.get("empty_layer")]
    return {n: str(step.get("created_by") or "") for n, step in enumerate(real)}


def _size(db: sqlite3.Connection, keys: Sequence[str]) -> int:
    sizes = [db.execute("SELECT size FROM layer WHERE key = ?", (key,)).fetchone() for key in keys]
    return sum(row[0] for row in sizes if row)


def _object(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
