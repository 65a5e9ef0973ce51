"""What nothing needs any more, and what a crash left: found and removed.

Everything here happens under the lock of the store and spares what is under lease, so a pull
in another process never loses what it counts on.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import suppress

from tuidock.engine.errors import ContentError
from tuidock.engine.images.blobs import INGEST_PREFIX, MADE_PREFIX, Blobs, digest_of
from tuidock.engine.images.disk import try_lock
from tuidock.engine.images.index import write_index
from tuidock.engine.images.layers import LayerStore
from tuidock.engine.images.layers.shifted import original
from tuidock.engine.images.leases import leased, store_lock
from tuidock.engine.images.manifest import as_oci, parse_manifest
from tuidock.engine.images.reference import is_digest
from tuidock.engine.layout import Layout
from tuidock.engine.store import transaction

_RESUMABLE = 24 * 3600.0
"""Seconds for which an interrupted download waits for the pull that goes on with it."""


def collect(layout: Layout, db: sqlite3.Connection) -> list[str]:
    """Remove blobs and layers that no image, container or unfinished pull needs.

    What was removed, a line each. Raises StorageFull, HostError.
    """
    with store_lock(layout):
        held = leased(layout)
        lines = [f"removed unused blob {digest}" for digest in _unused_blobs(layout, db, held)]
        with transaction(db):
            removed = LayerStore(layout, db).remove_unused(_needed_keys(db, held))
        lines += [f"removed unused layer {key}" for key in removed]
        write_index(layout, db)
    # many files take seconds, and nobody is to wait for that with the lock in our hands
    return lines + [f"removed {name}" for name in LayerStore(layout, db).sweep()]


def sweep(layout: Layout, db: sqlite3.Connection) -> list[str]:
    """Everything a crash can leave, mended; what was done, a line each.

    Raises StorageFull, HostError.
    """
    with store_lock(layout):
        lines = list(_stale_downloads(layout))
        lines += _strange_layers(layout, db)
        lines += _broken_images(layout, db)
        new = not os.path.exists(f"{layout.oci}/oci-layout")
        if write_index(layout, db) and not new:
            lines.append("wrote index.json again")
    return lines + collect(layout, db)


def _unused_blobs(layout: Layout, db: sqlite3.Connection, held: set[str]) -> Iterator[str]:
    blobs = Blobs(layout)
    needed = held | _needed_blobs(blobs, db)
    for digest in blobs.digests():
        if digest not in needed:
            blobs.remove(digest)
            db.execute("DELETE FROM layer_blob WHERE digest = ?", (digest,))
            yield digest


def _needed_blobs(blobs: Blobs, db: sqlite3.Connection) -> set[str]:
    needed = {row[0].partition("@")[2] for row in db.execute("SELECT reference FROM repo_digest")}
    for image_id, manifest, media_type in db.execute("SELECT id, manifest, media_type FROM image"):
        try:
            body = blobs.read(manifest)
        except ContentError:  # what it needs cannot be told, so everything stays until `sweep`
            return set(blobs.digests())
        needed |= {image_id, manifest, digest_of(as_oci(body))}
        needed |= {layer.digest for layer in parse_manifest(body, media_type).layers}
    return needed


def _needed_keys(db: sqlite3.Connection, held: set[str]) -> set[str]:
    """Layers of images and containers, and those that an unfinished pull found here."""
    needed: set[str] = set()
    for table in ("image", "container"):
        for (keys,) in db.execute(f"SELECT layer_keys FROM {table}"):
            needed |= set(json.loads(keys))
    rows = db.execute("SELECT key, diff_id FROM layer")
    return needed | {key for key, diff_id in rows if diff_id in held}


def _stale_downloads(layout: Layout) -> Iterator[str]:
    """Those that are here whole meanwhile, and those that nobody came back for."""
    for name in os.listdir(layout.ingest):
        path = f"{layout.ingest}/{name}"
        if not name.startswith((INGEST_PREFIX, MADE_PREFIX)) or (fd := _unlocked(path)) is None:
            continue
        if not _resumable(layout, name, os.fstat(fd)):
            os.unlink(path)
            yield f"removed unfinished download {name}"
        os.close(fd)


def _resumable(layout: Layout, name: str, status: os.stat_result) -> bool:
    digest = f"sha256:{name.removeprefix(INGEST_PREFIX)}"
    young = status.st_mtime > time.time() - _RESUMABLE
    return is_digest(digest) and status.st_size > 0 and young and not Blobs(layout).has(digest)


def _strange_layers(layout: Layout, db: sqlite3.Connection) -> list[str]:
    """Directories without a row may be half-made; rows without a directory mean nothing."""
    with transaction(db):
        known = {row[0] for row in db.execute("SELECT key FROM layer")}
        there = set(os.listdir(layout.layers))
        found = {name for name in there if original(name) == name or original(name) not in known}
        for name in found - known:
            os.rename(layout.layer(name), f"{layout.ingest}/gone-{os.urandom(8).hex()}")
        for key in known - found:
            db.execute("DELETE FROM layer WHERE key = ?", (key,))
    lines = [f"removed incomplete layer {name}" for name in sorted(found - known)]
    return lines + [f"forgot lost layer {key}" for key in sorted(known - found)]


def _unlocked(path: str) -> int | None:
    with suppress(FileNotFoundError):
        return try_lock(path)
    return None


def _broken_images(layout: Layout, db: sqlite3.Connection) -> list[str]:
    """Images that lack a blob or a layer cannot run: they go, so that a pull makes them anew."""
    broken = [
        row[0] for row in db.execute("SELECT id FROM image") if not _sound(layout, db, row[0])
    ]
    for image_id in broken:
        with transaction(db):
            for table, column in (("tag", "image"), ("repo_digest", "image"), ("image", "id")):
                db.execute(f"DELETE FROM {table} WHERE {column} = ?", (image_id,))
    return [f"removed incomplete image {image_id}" for image_id in broken]


def _sound(layout: Layout, db: sqlite3.Connection, image_id: str) -> bool:
    manifest, media_type, keys = db.execute(
        "SELECT manifest, media_type, layer_keys FROM image WHERE id = ?", (image_id,)
    ).fetchone()
    blobs = Blobs(layout)
    try:
        blobs.read(image_id)
        layers = parse_manifest(blobs.read(manifest), media_type).layers
    except ContentError:
        return False
    return all(blobs.has(layer.digest, layer.size) for layer in layers) and all(
        os.path.isdir(layout.layer(key)) for key in json.loads(keys)
    )
