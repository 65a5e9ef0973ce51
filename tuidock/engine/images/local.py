"""An image made here, of tar layers, without a registry.

Blobs appear, layers settle and the row is written in one go under the lock of the store, so
that nobody takes what has no name yet for garbage.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import NamedTuple

from isal import isal_zlib

from tuidock.engine.errors import BadReference, DigestMismatch
from tuidock.engine.images import names, records
from tuidock.engine.images.blobs import Blobs, Ingest, digest_of
from tuidock.engine.images.disk import storage
from tuidock.engine.images.fetch import abandon
from tuidock.engine.images.index import write_index
from tuidock.engine.images.layers import LayerStore, UnpackedLayer
from tuidock.engine.images.leases import store_lock
from tuidock.engine.images.manifest import (
    OCI_CONFIG,
    OCI_LAYER,
    OCI_MANIFEST,
    load,
    parse_config,
    parse_manifest,
)
from tuidock.engine.images.reference import parse
from tuidock.engine.layout import Layout
from tuidock.engine.store import transaction
from tuidock.engine.types import Image

LayerSource = str | bytes | Iterable[bytes]
"""A path, a whole archive, or its pieces; an uncompressed tar each."""
Layers = Iterable[LayerSource]

_PIECE = 1 << 20
_GZIP = 31
"""zlib's window bits for a gzip header; it carries no time, so equal layers make equal blobs."""


class _Made(NamedTuple):
    blob: Ingest
    unpacked: UnpackedLayer


def add(
    layout: Layout, db: sqlite3.Connection, config: bytes, layers: Layers, reference: str
) -> Image:
    """Make an image. Raises BadReference, ContentError, StorageFull, HostError."""
    parsed = parse(reference)
    if parsed.digest:
        raise BadReference("an image cannot be made under a digest", "give it a tag")
    maker = _Maker(layout, db)
    image_id = maker.known(config) or maker.make(config, layers)
    with store_lock(layout):
        with transaction(db):
            names.point(db, str(parsed), image_id)
        write_index(layout, db)
    return records.load(db, Blobs(layout), image_id)


class _Maker:
    def __init__(self, layout: Layout, db: sqlite3.Connection) -> None:
        self.layout = layout
        self.db = db
        self.blobs = Blobs(layout)
        self.store = LayerStore(layout, db)

    def known(self, config: bytes) -> str | None:
        """The id of the image when a complete config says that it is here already."""
        if "rootfs" not in load(config, "image config"):
            return None
        digest = digest_of(config)
        row = self.db.execute("SELECT id FROM image WHERE id = ?", (digest,)).fetchone()
        return row[0] if row else None

    def make(self, config: bytes, layers: Layers) -> str:
        made: list[_Made] = []
        with ExitStack() as cleanup:
            cleanup.callback(lambda: abandon([each.unpacked for each in made]))
            for layer in layers:
                blob = cleanup.enter_context(self.blobs.create())
                cleanup.callback(blob.discard)
                made.append(_Made(blob, self._layer(blob, layer)))
            complete = _completed(config, [each.unpacked.diff_id for each in made])
            with store_lock(self.layout):
                return self._show(complete, made)

    def _layer(self, blob: Ingest, layer: LayerSource) -> UnpackedLayer:
        """Compress for the blob and unpack, in one reading."""
        deflate = isal_zlib.compressobj(1, isal_zlib.DEFLATED, _GZIP)
        unpacking = self.store.begin(OCI_LAYER)
        try:
            for piece in _pieces(layer):
                unpacking.write(piece)
                blob.write(deflate.compress(piece))
            blob.write(deflate.flush())
            return unpacking.finish()
        except BaseException:
            unpacking.abort()
            raise

    def _show(self, config: bytes, made: Sequence[_Made]) -> str:
        keys = self.store.settle([each.unpacked for each in made])
        layers = [_descriptor(OCI_LAYER + "+gzip", each.blob.commit(), each.blob) for each in made]
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {
                "mediaType": OCI_CONFIG,
                "digest": self.blobs.put(config),
                "size": len(config),
            },
            "layers": layers,
        }
        body = json.dumps(manifest, separators=(",", ":")).encode()
        parsed = parse_manifest(body, OCI_MANIFEST)
        records.save(self.db, self.blobs.put(body), parsed, parse_config(config), keys, ())
        return parsed.config.digest


def _descriptor(media_type: str, digest: str, blob: Ingest) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest, "size": blob.size}


def _completed(config: bytes, diff_ids: Sequence[str]) -> bytes:
    """The config with the layers it has; one that names them must name these."""
    document = load(config, "image config")
    if "rootfs" not in document:
        document["rootfs"] = {"type": "layers", "diff_ids": list(diff_ids)}
        return json.dumps(document, separators=(",", ":")).encode()
    if list(parse_config(config).diff_ids) != list(diff_ids):
        raise DigestMismatch("the layers are not those that the image config names")
    return config


def _pieces(layer: LayerSource) -> Iterator[bytes]:
    if isinstance(layer, str):
        with storage(), open(layer, "rb", buffering=0) as file:
            while piece := file.read(_PIECE):
                yield piece
    elif isinstance(layer, bytes):
        yield from (layer[at : at + _PIECE] for at in range(0, len(layer), _PIECE))
    else:
        yield from layer
