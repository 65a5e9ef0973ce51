"""One layer's way into the store: download, hash, keep, and feed the unpacking meanwhile.

Invariants: a blob gets its name only when its hash is its digest; an unpacked layer is handed
on only when its bytes were those. What an unpacking complains of is believed only once the
blob was found to be what it claims, since a bent bit looks like a bad archive.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from tuidock.engine.errors import (
    BadManifest,
    Cancelled,
    ContentError,
    DigestMismatch,
    SizeMismatch,
    StorageFull,
    Unreachable,
)
from tuidock.engine.images.blobs import Blobs, DamagedBlob, Ingest
from tuidock.engine.images.crew import Emit, Report
from tuidock.engine.images.layers import LayerStore, UnpackedLayer, Unpacking
from tuidock.engine.images.layers.unpacking import discard
from tuidock.engine.images.manifest import Descriptor
from tuidock.engine.images.registry import Registry
from tuidock.engine.images.wire import Again

DOWNLOADS = 3


class Workshop:
    """What all layers of one pull share: the source, the store, and how much goes at once."""

    def __init__(self, registry: Registry, path: str, blobs: Blobs, layers: LayerStore) -> None:
        self.registry = registry
        self.path = path
        self.blobs = blobs
        self.layers = layers
        self.downloads = threading.BoundedSemaphore(DOWNLOADS)
        self.extractions = threading.BoundedSemaphore(max(1, len(os.sched_getaffinity(0))))
        self._unpacked: list[UnpackedLayer] = []
        self._closed = False
        self._lock = threading.Lock()

    @property
    def cancelled(self) -> threading.Event:
        return self.registry.cancelled

    def keep(self, layer: UnpackedLayer) -> None:
        """A layer is ours until it is settled; one that comes too late goes at once."""
        with self._lock:
            if not self._closed:
                self._unpacked.append(layer)
                return
        abandon([layer])

    def close(self) -> None:
        """Remove what was unpacked and not settled."""
        with self._lock:
            self._closed = True
        abandon(self._unpacked)


def abandon(layers: Iterable[UnpackedLayer]) -> None:
    """Remove what was unpacked and not settled."""
    for layer in layers:
        if os.path.isdir(layer.directory):
            discard(os.path.dirname(layer.directory), layer.lock)


class LayerFetch:
    """One layer: `__call__` is the job of one thread."""

    def __init__(self, shop: Workshop, layer: Descriptor, diff_id: str) -> None:
        self._shop = shop
        self._layer = layer
        self._diff_id = diff_id

    def __call__(self, emit: Emit) -> UnpackedLayer:
        """Download what is missing and unpack. Raises RegistryError, ContentError, HostError."""
        report = Report(emit, self._layer.digest, self._layer.size)
        report("waiting", 0)
        try:
            unpacked = self._fetched(report) or self._from_disk(report)
        except DamagedBlob:  # the registry has it whole
            self._shop.blobs.remove(self._layer.digest)
            unpacked = self._fetched(report) or self._from_disk(report)
        self._shop.keep(unpacked)
        if unpacked.diff_id != self._diff_id:
            raise DigestMismatch(
                f"layer {self._layer.digest[:19]} holds other content than the image config says"
            )
        report("done", self._layer.size)
        return unpacked

    def _fetched(self, report: Report) -> UnpackedLayer | None:
        """None: the blob is here, and still to be unpacked."""
        shop, layer = self._shop, self._layer
        with shop.blobs.ingest(layer.digest, shop.cancelled) as ingest:
            if shop.blobs.has(layer.digest, layer.size):
                ingest.discard()
                return None
            with _taken(shop.downloads, shop.cancelled):
                try:
                    return self._download(ingest, report)
                except (StorageFull, SizeMismatch):
                    ingest.discard()
                    raise

    def _download(self, ingest: Ingest, report: Report) -> UnpackedLayer | None:
        """Unpack on the way if there is a core for it; else the disk keeps it till there is."""
        resumed = ingest.size > 0
        streaming = self._shop.extractions.acquire(blocking=False)
        feed = Feed(self._shop.layers.begin(self._layer.media_type) if streaming else None)
        try:
            self._transfer(ingest, feed, report)
            if resumed and not ingest.verified():
                # what was kept may be the damaged part, so once more without it
                feed.abort()
                feed = Feed(self._shop.layers.begin(self._layer.media_type) if streaming else None)
                ingest.restart()
                self._transfer(ingest, feed, report)
            ingest.commit()
            report("extracting", self._layer.size)
            return feed.finish()
        except BaseException:
            feed.abort()
            raise
        finally:
            if streaming:
                self._shop.extractions.release()

    def _transfer(self, ingest: Ingest, feed: Feed, report: Report) -> None:
        if ingest.size > self._layer.size:
            ingest.restart()
        done = 0
        for block in ingest.kept():
            feed.write(block)
            done += len(block)
            report("downloading", done, "resumed")
            self._check_cancelled()
        failures = 0
        while ingest.size < self._layer.size:
            before = ingest.size
            try:
                self._receive(ingest, feed, report)
            except Again as again:
                failures = 1 if ingest.size > before else failures + 1
                report("retrying", ingest.size, str(again))
                self._shop.registry.pause(again, failures)

    def _receive(self, ingest: Ingest, feed: Feed, report: Report) -> None:
        """One connection's worth. Raises Again when it ends too early."""
        layer = self._layer
        with self._shop.registry.stream(self._shop.path, layer.digest, ingest.size) as stream:
            skip = ingest.size - stream.start  # sent again by who does not know ranges
            while chunk := stream.read():
                if skip:
                    chunk, skip = chunk[skip:], max(0, skip - len(chunk))
                if ingest.size + len(chunk) > layer.size:
                    raise SizeMismatch(
                        f"layer {layer.digest[:19]} is longer than its manifest says"
                    )
                ingest.write(chunk)
                feed.write(chunk)
                report("downloading", ingest.size)
        if ingest.size < layer.size:
            raise Again(Unreachable(f"registry {self._shop.registry.host} ends transfers early"))

    def _from_disk(self, report: Report) -> UnpackedLayer:
        with _taken(self._shop.extractions, self._shop.cancelled):
            feed = Feed(self._shop.layers.begin(self._layer.media_type))
            try:
                done = 0
                for block in self._shop.blobs.blocks(self._layer.digest):
                    feed.write(block)
                    done += len(block)
                    report("extracting", done)
                    self._check_cancelled()
                unpacked = feed.finish()
            except BaseException:
                feed.abort()
                raise
        if unpacked is None:
            raise BadManifest("a layer without an unpacking")  # cannot be: it was given one
        return unpacked

    def _check_cancelled(self) -> None:
        if self._shop.cancelled.is_set():
            raise Cancelled("cancelled")


class Feed:
    """Passes bytes to an unpacking, if there is one, until that one complains."""

    def __init__(self, unpacking: Unpacking | None) -> None:
        self._unpacking = unpacking
        self._complaint: ContentError | None = None

    def write(self, data: bytes) -> None:
        if self._unpacking is None or self._complaint is not None:
            return
        try:
            self._unpacking.write(data)
        except ContentError as complaint:
            self._complaint = complaint

    def finish(self) -> UnpackedLayer | None:
        """Raises what the unpacking complained of."""
        if self._complaint is not None:
            raise self._complaint
        return self._unpacking.finish() if self._unpacking else None

    def abort(self) -> None:
        if self._unpacking is not None:
            self._unpacking.abort()


@contextmanager
def _taken(slots: threading.BoundedSemaphore, cancelled: threading.Event) -> Iterator[None]:
    while not slots.acquire(timeout=0.1):
        if cancelled.is_set():
            raise Cancelled("cancelled")
    try:
        yield
    finally:
        slots.release()
