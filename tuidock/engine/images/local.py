"""An image made here, of tar layers, without a registry.

Blobs appear, layers settle and the row is written in one go under the lock of the store, so
that nobody takes what has no name yet for garbage.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack

from isal import isal_zlib

from tuidock.engine.errors import BadReference, DigestMismatch, ImageNotFound
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
    as_oci,
    load,
    parse_config,
    parse_manifest,
)
from tuidock.engine.images.reference import parse
from tuidock.engine.layout import Layout
from tuidock.engine.named import NamedTuple
from tuidock.engine.store import transaction
from tuidock.engine.types import Image

LayerSource = str | bytes | Iterable[bytes]
"""A path, a whole archive, or its pieces; an uncompressed tar each."""
Layers = Iterable[LayerSource]

_PIECE = 1 << 20
_GZIP = 31
"""zlib's window bits for a gzip header; it carries no time, so equal layers make equal blobs."""


class Derivation(NamedTuple):
    """How an image differs from the one that it is made of."""

    config: dict[str, object]
    """The whole image config; its `rootfs` and `history` are those of the base."""
    history: dict[str, object]
    """What is added to its history."""


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


def derive(
    layout: Layout,
    db: sqlite3.Connection,
    base: str,
    step: Derivation,
    layer: LayerSource,
    reference: str,
) -> Image:
    """Make an image of the layers of image `base` (an id) and one more, which may be empty.

    Without a reference it gets no name. Raises ImageNotFound, BadReference, ContentError,
    StorageFull, HostError.
    """
    parsed = parse(reference) if reference else None
    if parsed and parsed.digest:
        raise BadReference("an image cannot be made under a digest", "give it a tag")
    maker = _Maker(layout, db)
    image_id = maker.derive(base, step, layer)
    with store_lock(layout):
        if parsed:
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

    def derive(self, base: str, step: Derivation, layer: LayerSource) -> str:
        """The id of the new image."""
        with ExitStack() as cleanup:
            blob = cleanup.enter_context(self.blobs.create())
            cleanup.callback(blob.discard)
            made = _Made(blob, self._layer(blob, layer))
            cleanup.callback(lambda: abandon([made.unpacked]))
            with store_lock(self.layout):
                return self._add_to(base, step, [made] if made.unpacked.entries else [])

    def _add_to(self, base: str, step: Derivation, made: Sequence[_Made]) -> str:
        lower, diff_ids = self._base(base)
        diff_ids += [each.unpacked.diff_id for each in made]
        history = step.history if made else step.history | {"empty_layer": True}
        document = step.config | {
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": [*_history(step.config, len(lower)), history],
        }
        settled: list[UnpackedLayer | str] = list(diff_ids)
        for each in made:
            settled[-1] = each.unpacked
        keys = self.store.settle(settled)
        body = json.dumps(document, separators=(",", ":")).encode()
        return self._keep(body, keys, [*lower, *_descriptors(made)])

    def _base(self, image_id: str) -> tuple[list[dict[str, object]], list[str]]:
        """Descriptors in OCI's words and diff ids of an image's layers, lowest first."""
        row = self.db.execute("SELECT manifest FROM image WHERE id = ?", (image_id,)).fetchone()
        if row is None:
            raise ImageNotFound(image_id)
        manifest = parse_manifest(as_oci(self.blobs.read(row[0])), OCI_MANIFEST)
        config = parse_config(self.blobs.read(image_id))
        lower = [_descriptor(it.media_type, it.digest, it.size) for it in manifest.layers]
        return lower, list(config.diff_ids)

    def _layer(self, blob: Ingest, layer: LayerSource) -> UnpackedLayer:
        """Compress for the blob and unpack, in one reading."""
        deflate = isal_zlib.compressobj(1, isal_zlib.DEFLATED, _GZIP)
        unpacking = self.store.begin(OCI_LAYER)
        try:
            for piece in _even(_pieces(layer)):
                unpacking.write(piece)
                blob.write(deflate.compress(piece))
            blob.write(deflate.flush())
            return unpacking.finish()
        except BaseException:
            unpacking.abort()
            raise

    def _show(self, config: bytes, made: Sequence[_Made]) -> str:
        keys = self.store.settle([each.unpacked for each in made])
        return self._keep(config, keys, _descriptors(made))

    def _keep(self, config: bytes, keys: Sequence[str], layers: Sequence[dict[str, object]]) -> str:
        """Config, manifest and row of an image whose layers are here; its id."""
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {
                "mediaType": OCI_CONFIG,
                "digest": self.blobs.put(config),
                "size": len(config),
            },
            "layers": list(layers),
        }
        body = json.dumps(manifest, separators=(",", ":")).encode()
        parsed = parse_manifest(body, OCI_MANIFEST)
        records.save(self.db, self.blobs.put(body), parsed, parse_config(config), keys, ())
        return parsed.config.digest


def _descriptors(made: Sequence[_Made]) -> list[dict[str, object]]:
    """The blobs get their names."""
    gzip = OCI_LAYER + "+gzip"
    return [_descriptor(gzip, each.blob.commit(), each.blob.size) for each in made]


def _descriptor(media_type: str, digest: str, size: int) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest, "size": size}


def _history(config: dict[str, object], layers: int) -> list[object]:
    """The steps of a base, as many as it has layers at least: the n-th made the n-th layer."""
    known = config.get("history")
    steps = list(known) if isinstance(known, list) else []
    made = [step for step in steps if not (isinstance(step, dict) and step.get("empty_layer"))]
    return steps + [{"created_by": ""} for _ in range(layers - len(made))]


def _completed(config: bytes, diff_ids: Sequence[str]) -> bytes:
    """The config with the layers it has; one that names them must name these."""
    document = load(config, "image config")
    if "rootfs" not in document:
        document["rootfs"] = {"type": "layers", "diff_ids": list(diff_ids)}
        return json.dumps(document, separators=(",", ":")).encode()
    if list(parse_config(config).diff_ids) != list(diff_ids):
        raise DigestMismatch("the layers are not those that the image config names")
    return config


def _even(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of equal size: what deflate makes depends on where it is fed."""
    gathered = bytearray()
    for piece in pieces:
        gathered += piece
        while len(gathered) >= _PIECE:
            yield bytes(gathered[:_PIECE])
            del gathered[:_PIECE]
    yield bytes(gathered)


def _pieces(layer: LayerSource) -> Iterator[bytes]:
    if isinstance(layer, str):
        with storage(), open(layer, "rb", buffering=0) as file:
            while piece := file.read(_PIECE):
                yield piece
    elif isinstance(layer, bytes):
        yield from (layer[at : at + _PIECE] for at in range(0, len(layer), _PIECE))
    else:
        yield from layer
