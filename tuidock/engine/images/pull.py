"""The pipeline of a pull: find, lease, fetch and unpack several layers at once, settle, show.

Invariant: an image is visible when its last step, one database transaction, is done, and not
before; whatever ends a pull earlier leaves verified blobs, resumable downloads and nothing else.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tuidock.engine.errors import ContentError, StorageFull
from tuidock.engine.events import LayerProgress, Pulled, Resolved
from tuidock.engine.images import records
from tuidock.engine.images.blobs import Blobs
from tuidock.engine.images.crew import Crew, Emit
from tuidock.engine.images.fetch import DOWNLOADS, LayerFetch, Workshop
from tuidock.engine.images.index import write_index
from tuidock.engine.images.layers import LayerStore, UnpackedLayer
from tuidock.engine.images.leases import lease, store_lock
from tuidock.engine.images.manifest import Descriptor
from tuidock.engine.images.reference import parse
from tuidock.engine.images.registry import PATIENCE, Patience, Registry
from tuidock.engine.images.remote import Target, find
from tuidock.engine.images.upkeep import collect
from tuidock.engine.images.wire import DEADLINES, Deadlines
from tuidock.engine.layout import Layout

_HANDS = DOWNLOADS + 2


class Puller:
    """Pulls into one root; belongs to the thread that made its database connection."""

    def __init__(
        self,
        layout: Layout,
        db: sqlite3.Connection,
        patience: Patience = PATIENCE,
        deadlines: Deadlines = DEADLINES,
    ) -> None:
        self.patience = patience
        self.deadlines = deadlines
        self.layout = layout
        self.db = db
        self.blobs = Blobs(layout)
        self.layers = LayerStore(layout, db)

    def pull(
        self, reference: str, platform: str, on_event: Emit, cancelled: threading.Event
    ) -> Pulled:
        """Fetch an image; blocks. `on_event` is called in this thread, with `Pulled` last.

        Raises BadReference, RegistryError, ContentError, StorageFull, HostError; Cancelled
        within a second of `cancelled`.
        """
        parsed = parse(reference)
        stop = threading.Event()
        registry = Registry(parsed.host, stop, self.deadlines, self.patience)

        def halt() -> None:
            stop.set()
            registry.cut()

        crew = Crew(on_event, cancelled, halt, _HANDS)
        try:
            [target] = crew.work([lambda _: find(registry, parsed, platform, self.blobs)])
            on_event(_resolved(target))
            key = target.document.digest[7:]
            with self._tidied(target), lease(self.layout, key, target.digests, cancelled):
                new = self._complete(target, registry, crew, on_event)
        finally:
            registry.close()
        image = records.load(self.db, self.blobs, target.id)
        pulled = Pulled(image, str(parsed), target.named.digest, new)
        on_event(pulled)
        return pulled

    def _complete(self, target: Target, registry: Registry, crew: Crew, on_event: Emit) -> bool:
        """True when anything of it was missing."""
        was_here = self._is_here(target)
        shop = Workshop(registry, target.reference.path, self.blobs, self.layers)
        try:
            chain = self._fetch(target, shop, crew, on_event)
            keys = self.layers.settle(chain)
        except BaseException:
            shop.close()
            raise
        for body in target.bodies:
            self.blobs.put(body)
        self._show(target, keys)
        return not was_here

    def _fetch(
        self, target: Target, shop: Workshop, crew: Crew, on_event: Emit
    ) -> list[UnpackedLayer | str]:
        """The chain, lowest first: what was unpacked just now, diff ids of what was here."""
        pairs = list(zip(target.manifest.layers, target.config.diff_ids, strict=True))
        ready = self._ready(target.config.diff_ids)
        here = [
            (number < ready or self.layers.known(pair[1])) and self._has(*pair)
            for number, pair in enumerate(pairs)
        ]
        for (layer, _), is_here in zip(pairs, here, strict=True):
            if is_here:
                on_event(LayerProgress(layer.digest, "exists", layer.size, layer.size))
        missing = [pair for pair, is_here in zip(pairs, here, strict=True) if not is_here]
        done = iter(crew.work([LayerFetch(shop, *pair) for pair in missing]))
        return [
            diff_id if is_here else next(done)
            for (_, diff_id), is_here in zip(pairs, here, strict=True)
        ]

    def _ready(self, diff_ids: Sequence[str]) -> int:
        """How many layers, from the lowest, are in place as this very chain."""
        lengths = range(len(diff_ids), 0, -1)
        return next((n for n in lengths if self.layers.keys(diff_ids[:n]) is not None), 0)

    def _has(self, layer: Descriptor, diff_id: str) -> bool:
        """Whether the blob is here, and known to hold this content."""
        row = self.db.execute(
            "SELECT 1 FROM layer_blob WHERE digest = ? AND diff_id = ?", (layer.digest, diff_id)
        ).fetchone()
        return row is not None and self.blobs.has(layer.digest, layer.size)

    @contextmanager
    def _tidied(self, target: Target) -> Iterator[None]:
        """What is of no use (wrong content), or in the way (full disk), goes at once.

        After every other failure verified blobs and begun downloads wait for the next pull.
        """
        try:
            yield
        except (StorageFull, ContentError) as error:
            if isinstance(error, StorageFull):
                for layer in target.manifest.layers:
                    self.blobs.forget(layer.digest)
            collect(self.layout, self.db)
            raise

    def _is_here(self, target: Target) -> bool:
        row = self.db.execute("SELECT manifest FROM image WHERE id = ?", (target.id,)).fetchone()
        return row is not None and row[0] == target.document.digest

    def _show(self, target: Target, keys: Sequence[str]) -> None:
        reference = target.reference
        names = {f"{reference.repository}@{target.named.digest}"}
        if not reference.digest:
            names.add(str(reference))
        with store_lock(self.layout):
            records.save(
                self.db, target.document.digest, target.manifest, target.config, keys, names
            )
            write_index(self.layout, self.db)


def _resolved(target: Target) -> Resolved:
    layers = tuple((layer.digest, layer.size) for layer in target.manifest.layers)
    return Resolved(str(target.reference), target.named.digest, layers)
