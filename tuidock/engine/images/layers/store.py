"""The extracted layers of a root: found, put into place, removed.

Invariant: a row of the table `layer` means a complete directory that never changes again;
whatever has no row is rubbish that anybody may remove under the database's write lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import sqlite3
from collections.abc import Sequence

from tuidock.engine.errors import NotFound
from tuidock.engine.images.disk import sync_directory
from tuidock.engine.images.layers.dependence import adjusted
from tuidock.engine.images.layers.faults import translated
from tuidock.engine.images.layers.merged import is_opaque
from tuidock.engine.images.layers.shifted import original
from tuidock.engine.images.layers.unpacking import UnpackedLayer, Unpacking, discard
from tuidock.engine.images.root import source
from tuidock.engine.layout import Layout
from tuidock.engine.linux import inside
from tuidock.engine.linux.files import remove_path, rename
from tuidock.engine.store import transaction


def chain_ids(diff_ids: Sequence[str]) -> list[str]:
    """The chain id of every layer of a chain, as image-spec's config.md defines it."""
    chain: list[str] = []
    for diff_id in diff_ids:
        above = f"{chain[-1]} {diff_id}" if chain else ""
        chain.append(f"sha256:{hashlib.sha256(above.encode()).hexdigest()}" if above else diff_id)
    return chain


class LayerStore:
    """Layers on disk; every method may be called by several processes at once."""

    def __init__(self, layout: Layout, db: sqlite3.Connection) -> None:
        self._layout = layout
        self._db = db

    def begin(self, media_type: str) -> Unpacking:
        """Start unpacking a layer. Raises ContentError, HostError, OSError."""
        return Unpacking(self._layout, media_type)

    def directory(self, key: str) -> str:
        """The directory to give to overlayfs."""
        return self._layout.layer(key)

    def root(self, keys: Sequence[str]) -> str:
        """The directory that gives the merged root its owner, mode and times.

        Overlayfs takes them from the topmost directory of all, which is the container's own:
        whoever makes that one copies them there. `keys` lowest first, as from `keys`.
        """
        return source([self.directory(key) for key in keys])

    def known(self, diff_id: str) -> bool:
        """True when a directory of this diff id exists that fits above anything."""
        row = self._db.execute(
            "SELECT 1 FROM layer WHERE diff_id = ? AND chain_id IS NULL", (diff_id,)
        ).fetchone()
        return row is not None

    def keys(self, diff_ids: Sequence[str]) -> list[str] | None:
        """What to stack for this chain, lowest first; None when a layer is missing.

        Layers that a higher one hides entirely are left out.
        """
        found: list[str] = []
        for diff_id, chain_id in reversed(list(zip(diff_ids, chain_ids(diff_ids), strict=True))):
            key = self._key(diff_id, chain_id)
            if key is None:
                return None
            if key not in found:  # overlayfs refuses a directory twice; the higher one counts
                found.append(key)
            if self._hides_all(key):
                break
        return found[::-1]

    def _key(self, diff_id: str, chain_id: str) -> str | None:
        row = self._db.execute(
            "SELECT key FROM layer WHERE diff_id = ? AND (chain_id IS NULL OR chain_id = ?)",
            (diff_id, chain_id),
        ).fetchone()
        return row[0] if row else None

    def _hides_all(self, key: str) -> bool:
        """Whether the layer's root is opaque, which overlayfs does not look at."""
        directory = self.directory(key)
        try:
            return is_opaque(directory)
        except PermissionError:  # it belongs to another id of this user
            if os.geteuid() == 0:
                raise
            return bool(inside.call(is_opaque.__module__, is_opaque.__name__, directory))

    def settle(self, chain: Sequence[UnpackedLayer | str]) -> list[str]:
        """Put a chain of layers, lowest first, into place; what `keys` then says of it.

        A string is the diff id of a layer that is here. Raises ContentError, StorageFull,
        HostError, NotFound; layers already in place stay, the others are removed.
        """
        diff_ids = [each if isinstance(each, str) else each.diff_id for each in chain]
        try:
            for index, chain_id in enumerate(chain_ids(diff_ids)):
                each = chain[index]
                if not isinstance(each, str):
                    self._place(each, chain_id, diff_ids[:index])
        except OSError as error:
            raise translated(error) from error
        finally:
            for each in chain:
                if not isinstance(each, str):
                    each.discard()
        keys = self.keys(diff_ids)
        if keys is None:
            raise NotFound("a layer that was thought to be in the store is not there")
        return keys

    def _place(self, layer: UnpackedLayer, chain_id: str, below: list[str]) -> None:
        if layer.dependent and self._key(layer.diff_id, chain_id) is None:
            layer = self._adjusted(layer, below)
        owner = chain_id if layer.dependent else None
        key = (owner or layer.diff_id).partition(":")[2]
        with self._writing():
            if self._key(layer.diff_id, chain_id) is None:
                self._rename(layer.directory, key)
                self._db.execute(
                    "INSERT INTO layer VALUES (?, ?, ?, ?, ?)",
                    (key, layer.diff_id, owner, layer.size, layer.entries),
                )

    def _adjusted(self, layer: UnpackedLayer, below: list[str]) -> UnpackedLayer:
        keys = self.keys(below)
        if keys is None:
            raise NotFound("a layer below one that depends on it is not there")
        copied = adjusted(layer, [self.directory(key) for key in reversed(keys)])
        return layer._replace(size=layer.size + copied)

    def _rename(self, directory: str, key: str) -> None:
        self._bury(key)
        rename(directory, self.directory(key))
        sync_directory(self._layout.layers)

    def _bury(self, key: str) -> None:
        """Move a directory without a row, if there is one, to `ingest`, where `sweep` finds it."""
        grave = f"{self._layout.ingest}/gone-{os.urandom(8).hex()}"
        with contextlib.suppress(FileNotFoundError):
            rename(self.directory(key), grave)

    def _writing(self) -> contextlib.AbstractContextManager[object]:
        """The caller's transaction, or one of our own."""
        return contextlib.nullcontext() if self._db.in_transaction else transaction(self._db)

    def remove_unused(self, in_use: set[str]) -> list[str]:
        """Forget the layers whose keys are not in use; the keys forgotten. Raises OSError.

        Call it in the transaction that found out what is in use; the files are then removed by
        `sweep`, when that transaction is over. Without one, both happen here.
        """
        in_transaction = self._db.in_transaction
        with self._writing():
            rows = self._db.execute("SELECT key FROM layer ORDER BY key").fetchall()
            unused = [key for (key,) in rows if key not in in_use]
            self._db.executemany("DELETE FROM layer WHERE key = ?", [(key,) for key in unused])
        if not in_transaction:
            self.sweep()
        return unused

    def sweep(self) -> list[str]:
        """Remove layers without a row, and what dead processes left in `ingest`.

        The names removed from there. Call it outside of a transaction. Raises OSError.
        """
        if self._strays():
            with self._writing():
                for key in self._strays():  # again, under the lock
                    self._bury(key)
        return [name for name in sorted(os.listdir(self._layout.ingest)) if self._swept(name)]

    def _strays(self) -> set[str]:
        known = {key for (key,) in self._db.execute("SELECT key FROM layer").fetchall()}
        return {each for each in os.listdir(self._layout.layers) if original(each) not in known}

    def _swept(self, name: str) -> bool:
        path = f"{self._layout.ingest}/{name}"
        if not name.startswith(("layer-", "gone-")):
            return False
        try:
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        except PermissionError:  # a layer's root that another id of this user owns
            remove_path(path)
            return True
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        discard(path, lock)
        return True
