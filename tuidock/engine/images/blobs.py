"""The content store: an OCI image layout, where a blob is there whole or not at all.

Invariants: `blobs/sha256/X` holds bytes whose hash is X, made durable before it got its name;
an unfinished one lies in `ingest/blob-X`, locked by whoever works on it, and keeps what it
has for the next attempt.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import suppress

from tuidock.engine.errors import BadManifest, DigestMismatch
from tuidock.engine.images.disk import lock, storage, sync_directory, try_lock
from tuidock.engine.images.reference import check_digest, is_hex_id
from tuidock.engine.layout import Layout
from tuidock.engine.linux.files import write_all

INGEST_PREFIX = "blob-"
MADE_PREFIX = "made-"
_BLOCK = 256 * 1024


class DamagedBlob(DigestMismatch):
    """A blob that was right when it got its name."""


class Blobs:
    """The blobs of one root."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def path(self, digest: str) -> str:
        return self.layout.blob(check_digest(digest))

    def has(self, digest: str, size: int | None = None) -> bool:
        """Whether it is here, and as long as it must be."""
        try:
            status = os.stat(self.path(digest))
        except FileNotFoundError:
            return False
        return size is None or status.st_size == size

    def size(self, digest: str) -> int:
        return os.stat(self.path(digest)).st_size

    def read(self, digest: str) -> bytes:
        """A small blob, verified again. Raises DigestMismatch, BadManifest when it is missing."""
        try:
            with open(self.path(digest), "rb") as file:
                body = file.read()
        except FileNotFoundError as error:
            raise BadManifest(f"blob {digest[:19]} is missing", _repair(digest)) from error
        if digest_of(body) != digest:
            raise DamagedBlob(f"blob {digest[:19]} is damaged on disk", _repair(digest))
        return body

    def blocks(self, digest: str) -> Iterator[bytes]:
        """A big blob from disk, verified when the last block was given out."""
        hashed = hashlib.sha256()
        with open(self.path(digest), "rb", buffering=0) as file:
            while block := file.read(_BLOCK):
                hashed.update(block)
                yield block
        if f"sha256:{hashed.hexdigest()}" != digest:
            raise DamagedBlob(f"blob {digest[:19]} is damaged on disk", _repair(digest))

    def put(self, body: bytes) -> str:
        """Keep a small blob; its digest. Doing it twice is doing it once, or mends it."""
        digest = digest_of(body)
        if not self._holds(digest, body):
            with self.ingest(digest) as ingest:
                ingest.restart()
                ingest.write(body)
                ingest.commit()
        return digest

    def _holds(self, digest: str, body: bytes) -> bool:
        try:
            with open(self.path(digest), "rb") as file:
                return file.read(len(body) + 1) == body
        except FileNotFoundError:
            return False

    def remove(self, digest: str) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self.path(digest))

    def digests(self) -> list[str]:
        names = os.listdir(f"{self.layout.oci}/blobs/sha256")
        return [f"sha256:{name}" for name in names if is_hex_id(name)]

    def ingest(self, digest: str, cancelled: threading.Event | None = None) -> Ingest:
        """Begin or resume a blob, once nobody else works on it. Raises Cancelled, StorageFull.

        Somebody else may have finished it meanwhile: ask `has` again.
        """
        path = f"{self.layout.ingest}/{INGEST_PREFIX}{check_digest(digest)[7:]}"
        with storage():
            return Ingest(self.layout, lock(path, cancelled), path, digest)

    def forget(self, digest: str) -> None:
        """Remove what was downloaded of a blob, unless somebody is at it."""
        path = f"{self.layout.ingest}/{INGEST_PREFIX}{check_digest(digest)[7:]}"
        fd = try_lock(path)
        if fd is not None:
            os.unlink(path)
            os.close(fd)

    def create(self) -> Ingest:
        """Begin a blob whose digest will be known at its end. Raises StorageFull."""
        path = f"{self.layout.ingest}/{MADE_PREFIX}{os.urandom(8).hex()}"
        with storage():
            return Ingest(self.layout, lock(path), path)


class Ingest:
    """One blob on its way in, ours alone while this is open; it hashes what it takes."""

    def __init__(self, layout: Layout, fd: int, path: str, promised: str = "") -> None:
        self._layout = layout
        self._fd = fd
        self._path = path
        self._promised = promised
        self._hash = hashlib.sha256()
        self.size = os.fstat(fd).st_size
        """Bytes that are here; those kept from an earlier attempt count once `kept` was read."""

    def __enter__(self) -> Ingest:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)  # which lets go of the lock

    def kept(self) -> Iterator[bytes]:
        """Read what an earlier attempt left, once, before the first `write`."""
        os.lseek(self._fd, 0, os.SEEK_SET)
        while block := os.read(self._fd, _BLOCK):
            self._hash.update(block)
            yield block

    def restart(self) -> None:
        """Forget what is here."""
        os.ftruncate(self._fd, 0)
        os.lseek(self._fd, 0, os.SEEK_SET)
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        """Append. Raises StorageFull."""
        self._hash.update(data)
        with storage():
            write_all(self._fd, data)
        self.size += len(data)

    @property
    def digest(self) -> str:
        """Of what was read and written so far."""
        return f"sha256:{self._hash.hexdigest()}"

    def verified(self) -> bool:
        """Whether that is what was promised, if anything was."""
        return self._promised in ("", self.digest)

    def commit(self) -> str:
        """Give the blob its name, durably; its digest. Raises DigestMismatch, StorageFull."""
        if not self.verified():
            self.discard()
            raise DigestMismatch(f"content verification failed for digest {self._promised}")
        target = self._layout.blob(self.digest)
        with storage():
            os.fsync(self._fd)
            os.rename(self._path, target)
            sync_directory(os.path.dirname(target))
        return self.digest

    def discard(self) -> None:
        """Leave nothing behind."""
        with suppress(FileNotFoundError):
            os.unlink(self._path)


def digest_of(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def _repair(digest: str) -> str:
    return f"pull the image that needs {digest[7:19]} again"
