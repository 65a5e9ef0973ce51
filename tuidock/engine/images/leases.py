"""Leases: what unfinished pulls need, told to whoever removes things, over process borders.

A lease is a file of digests in `ingest`, and it holds exactly as long as its owner holds the
lock on it; a killed owner holds nothing. It is taken, and things are removed, under the lock
of the store, so that whoever took a lease finds what it saw for as long as it holds it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from tuidock.engine.errors import Cancelled
from tuidock.engine.images.disk import lock, storage, try_lock
from tuidock.engine.layout import Layout

LEASE_PREFIX = "pull-"


@contextmanager
def store_lock(layout: Layout, cancelled: threading.Event | None = None) -> Iterator[None]:
    """Alone with blobs, layers and index.json; held for moments only."""
    with storage():
        fd = lock(f"{layout.ingest}/.lock", cancelled)
    try:
        yield
    finally:
        os.close(fd)


@contextmanager
def lease(
    layout: Layout, key: str, digests: Iterable[str], cancelled: threading.Event
) -> Iterator[None]:
    """Keep digests (of blobs, and diff ids) from removal; one owner for each key at a time.

    Waits for another owner of the key, so that one image is pulled once. Raises Cancelled.
    """
    path = f"{layout.ingest}/{LEASE_PREFIX}{key}"
    fd = _take(layout, path, "\n".join(digests).encode(), cancelled)
    try:
        yield
    finally:
        with suppress(FileNotFoundError):
            os.unlink(path)
        os.close(fd)


def leased(layout: Layout) -> set[str]:
    """Everything under lease now; the files of dead owners go. Call it under the store lock."""
    found: set[str] = set()
    for name in os.listdir(layout.ingest):
        if name.startswith(LEASE_PREFIX):
            found |= _held(f"{layout.ingest}/{name}")
    return found


def _held(path: str) -> set[str]:
    try:
        fd = try_lock(path)
        if fd is None:
            with open(path) as file:
                return set(file.read().split())
        os.unlink(path)
        os.close(fd)
    except FileNotFoundError:
        pass
    return set()


def _take(layout: Layout, path: str, content: bytes, cancelled: threading.Event) -> int:
    while True:
        with store_lock(layout, cancelled), storage():
            fd = try_lock(path)
            if fd is not None:
                return _filled(fd, path, content)
        if cancelled.wait(0.1):
            raise Cancelled("cancelled")


def _filled(fd: int, path: str, content: bytes) -> int:
    try:
        os.ftruncate(fd, 0)
        os.pwrite(fd, content, 0)
    except BaseException:
        os.unlink(path)
        os.close(fd)
        raise
    return fd
