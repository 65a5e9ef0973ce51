"""The verbs on a container's files: find the row, and send somebody to look.

Invariant: what sends him is imported at the first visit; a plain `run` makes none.
"""

from __future__ import annotations

from tuidock.engine.containers import records

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from tuidock.engine.containers.files.access import Archive, Destination
    from tuidock.engine.containers.files.copying import Tick
    from tuidock.engine.containers.records import Record
    from tuidock.engine.filesystem import Change, Copied, Listing, PathStat
    from tuidock.engine.layout import Layout


class FileVerbs:
    """Those of `Containers` that are about files."""

    layout: Layout
    db: sqlite3.Connection

    def _find(self, key: str) -> Record:
        return records.find(self.db, key)

    def changes(self, key: str) -> Sequence[Change]:
        """What differs from the image, ordered by path."""
        from tuidock.engine.containers.files import access

        return access.changes(self.layout, self._find(key))

    def stat_path(self, key: str, path: str) -> PathStat:
        """Raises NotFound."""
        from tuidock.engine.containers.files import access

        return access.look(self.layout, self._find(key), path)

    def list_directory(self, key: str, path: str) -> Listing:
        """What is in a directory. Raises NotFound, HostError."""
        from tuidock.engine.containers.files import access

        return access.listing(self.layout, self._find(key), path)

    def read_file(self, key: str, path: str, size: int) -> bytes:
        """The first `size` bytes of a file. Raises NotFound, Conflict, HostError."""
        from tuidock.engine.containers.files import access

        return access.read(self.layout, self._find(key), path, size)

    def revert(self, key: str, path: str) -> int:
        """Make a path what the image has there. Raises NotFound, Conflict, HostError."""
        from tuidock.engine.containers.files import access

        return access.revert(self.layout, self._find(key), path)

    def archive(
        self, key: str, path: str, *, follow: bool = False
    ) -> AbstractContextManager[Archive]:
        """A tar stream of a path, running or not. Raises NotFound, HostError."""
        from tuidock.engine.containers.files import access

        return access.archive(self.layout, self._find(key), path, follow=follow)

    def export(self, key: str) -> AbstractContextManager[Archive]:
        """A tar stream of the whole root, without what is mounted in it. Raises HostError."""
        from tuidock.engine.containers.files import access

        return access.export(self.layout, self._find(key))

    def destination(
        self, key: str, path: str, *, owners: bool = False
    ) -> AbstractContextManager[Destination]:
        """Where a tar stream can be put. Raises NotFound, Conflict, HostError."""
        from tuidock.engine.containers.files import access

        return access.destination(self.layout, self._find(key), path, owners=owners)

    def copy_out(
        self, key: str, path: str, local: str, tick: Tick, *, follow: bool, owners: bool
    ) -> Copied:
        """`cp CONTAINER:PATH LOCAL`; `tick` is told of bytes. Raises NotFound, Conflict, HostError.

        `follow`: copy what a link points at. `owners`: keep ids, if we are root.
        """
        from tuidock.engine.containers.files import copying

        contents = path.endswith("/.") or path in ("", ".")
        with self.archive(key, path, follow=follow) as archive:
            return copying.copy_out(archive, contents, local, tick, owners=owners)

    def copy_in(
        self, local: str, key: str, path: str, tick: Tick, *, follow: bool, owners: bool
    ) -> Copied:
        """`cp LOCAL CONTAINER:PATH`, the same the other way round."""
        from tuidock.engine.containers.files import copying

        with self.destination(key, path, owners=owners) as destination:
            asserted = path.endswith("/")
            return copying.copy_in(local, destination, asserted, tick, follow=follow)
