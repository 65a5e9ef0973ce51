"""The images of one root: list, find, pull, tag, remove, and what a container is made from.

`resolve` is on the path of every `tuidock run`: it reads three rows and one small file, and
this module imports only what that needs; everything else loads at first use.
"""

from __future__ import annotations

import json
from contextlib import suppress

from tuidock.engine.errors import BadManifest
from tuidock.engine.images import names, settings
from tuidock.engine.images.reference import familiar, parse
from tuidock.engine.layout import Layout
from tuidock.engine.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    import threading
    from collections.abc import Callable, Iterable, Sequence

    from tuidock.engine.events import Pulled, PullEvent
    from tuidock.engine.images.local import Derivation, Layers
    from tuidock.engine.types import Image, RemoteImage


class RunnableImage(NamedTuple):
    """What it takes to make a container of an image."""

    id: str
    reference: str
    """The full reference it was found by; its id when it was found by that."""
    config: dict[str, object]
    """The OCI image config, whole."""
    layer_directories: tuple[str, ...]
    """For overlayfs, lowest first."""
    layer_keys: tuple[str, ...]


class Images:
    """The blocking face of the image store; belongs to the thread that owns `db`."""

    def __init__(self, layout: Layout, db: sqlite3.Connection) -> None:
        self.layout = layout
        self.db = db

    def resolve(self, reference: str) -> RunnableImage:
        """Find what to run, by reference or id. Raises ImageNotFound, InvalidInput, BadManifest."""
        found = names.identify(self.db, reference)
        row = self.db.execute(
            "SELECT layer_keys FROM image WHERE id = ?", (found.image,)
        ).fetchone()
        keys = tuple(json.loads(row[0]))
        directories = tuple(self.layout.layer(key) for key in keys)
        return RunnableImage(found.image, found.name, self._config(found.image), directories, keys)

    def list(self) -> Sequence[Image]:
        """All images, newest first."""
        from tuidock.engine.images import records
        from tuidock.engine.images.blobs import Blobs

        blobs = Blobs(self.layout)
        rows = self.db.execute("SELECT id FROM image ORDER BY created DESC, id").fetchall()
        return [records.load_even_damaged(self.db, blobs, row[0]) for row in rows]

    def get(self, reference: str) -> Image:
        """By reference, id, or prefix of an id. Raises ImageNotFound, InvalidInput."""
        from tuidock.engine.images import records
        from tuidock.engine.images.blobs import Blobs

        return records.load(self.db, Blobs(self.layout), names.identify(self.db, reference).image)

    def inspect(self, reference: str) -> dict[str, object]:
        """Docker's inspect object. Raises ImageNotFound, InvalidInput."""
        from tuidock.engine.images.inspection import inspect

        return inspect(self.layout, self.db, names.identify(self.db, reference).image)

    def pull(
        self,
        reference: str,
        platform: str,
        on_event: Callable[[PullEvent], None],
        cancelled: threading.Event,
    ) -> Pulled:
        """Fetch an image; blocks, from any thread, on a database connection of its own.

        `on_event` is called in the calling thread; `Pulled` comes last and is returned too.
        Raises BadReference, RegistryError, ContentError, StorageFull, HostError; Cancelled
        within a second of `cancelled`, leaving a download that the next pull resumes.
        """
        from contextlib import closing

        from tuidock.engine import store
        from tuidock.engine.images.disk import storage
        from tuidock.engine.images.pull import Puller

        with storage(), closing(store.connect(self.layout, durable=True)) as db:
            pulled = Puller(self.layout, db).pull(reference, platform, on_event, cancelled)
            self._note("pull", pulled.image.id, pulled.reference)
        return pulled

    def add(self, config: bytes, layers: Layers, reference: str) -> Image:
        """Make an image of an OCI image config and uncompressed tar layers, lowest first.

        A layer is a path, or an iterable of bytes. `rootfs.diff_ids` of the config is filled
        in when it is missing. Raises BadReference, ContentError, StorageFull.
        """
        from contextlib import closing

        from tuidock.engine import store
        from tuidock.engine.images.disk import storage
        from tuidock.engine.images.local import add

        with storage(), closing(store.connect(self.layout, durable=True)) as db:
            image = add(self.layout, db, config, layers, reference)
            self._note("import", image.id, str(parse(reference)))
        return image

    def toolbox(self) -> str:
        """The reference of the tools of this machine, made into an image when they are not here,
        or are others by now.

        Raises Unsupported, StorageFull.
        """
        from tuidock.engine.errors import ImageNotFound, InUse
        from tuidock.engine.images import starter

        old = None
        with suppress(ImageNotFound):
            old = self.get(starter.TOOLBOX)
        if old is None or old.labels.get(starter.AGE) != starter.age_of_tools():
            made = starter.build_toolbox()
            self.add(made.config, [made.layer], made.reference)
            if old is not None:
                with suppress(ImageNotFound, InUse):  # a debugger that still runs keeps it
                    self.remove(old.id)
        return starter.TOOLBOX

    def derive(self, base: str, step: Derivation, layer: Iterable[bytes], reference: str) -> Image:
        """Make an image of the layers of image `base` (an id) and one more, plain tar.

        Without a reference it gets no name. Raises ImageNotFound, BadReference, ContentError,
        StorageFull.
        """
        from contextlib import closing

        from tuidock.engine import store
        from tuidock.engine.images.disk import storage
        from tuidock.engine.images.local import derive

        with storage(), closing(store.connect(self.layout, durable=True)) as db:
            return derive(self.layout, db, base, step, layer, reference)

    def tag(self, source: str, target: str) -> None:
        """Give an image one more name; a tag that meant another one moves.

        Raises ImageNotFound, BadReference.
        """
        from tuidock.engine.images.disk import storage
        from tuidock.engine.images.removal import tag

        with storage():
            self._note("tag", tag(self.layout, self.db, source, target), str(parse(target)))

    def remove(self, reference: str, force: bool = False) -> Sequence[str]:
        """Untag, and delete when nothing else needs it; what was done, in docker's words.

        Raises ImageNotFound, InUse.
        """
        from tuidock.engine.images.disk import storage
        from tuidock.engine.images.removal import Removal

        removal = Removal(self.layout, self.db, reference, force=force)
        with storage():
            lines = removal.run()
            for line in lines:
                verb, _, what = line.partition(": ")
                self._note("untag" if verb == "Untagged" else "delete", removal.image, what)
        return lines

    def collect(self) -> None:
        """Remove blobs and layer directories that nothing needs any more."""
        from tuidock.engine.images.disk import storage
        from tuidock.engine.images.upkeep import collect

        with storage():
            collect(self.layout, self.db)

    def sweep(self) -> Sequence[str]:
        """Mend what a crash left: unfinished work, rows without files, files without rows.

        What was done, a line each; nothing that somebody works on right now is touched.
        """
        from tuidock.engine.images.disk import storage
        from tuidock.engine.images.upkeep import sweep

        with storage():
            return sweep(self.layout, self.db)

    def catalog(self, host: str) -> Sequence[str]:
        """Repositories of a registry, sorted. Raises BadReference, RegistryError."""
        from tuidock.engine.images import browse

        return browse.catalog(host)

    def tags(self, repository: str) -> Sequence[str]:
        """Tags of `host/repository`, in the registry's order. Raises RegistryError."""
        from tuidock.engine.images import browse

        return browse.tags(repository)

    def describe(self, reference: str, platform: str = "") -> RemoteImage:
        """What a pull would fetch. Raises RegistryError, ContentError."""
        from tuidock.engine.images import browse

        return browse.describe(self.layout, reference, platform)

    def _note(self, action: str, image_id: str, name: str) -> None:
        """Tell everybody what happened."""
        from tuidock.engine import journal

        journal.append(self.layout, "image", action, image_id, familiar(name))

    def _config(self, image_id: str) -> dict[str, object]:
        """Read again, but not hashed again: that happened when the blob got its name."""
        try:
            with open(self.layout.blob(image_id), "rb") as file:
                document = json.load(file)
        except (OSError, ValueError) as error:
            raise BadManifest(
                f"the config of image {image_id[7:19]} cannot be read", "pull the image again"
            ) from error
        if not isinstance(document, dict):
            raise BadManifest(f"the config of image {image_id[7:19]} is damaged")
        settings.check(document)
        return document
