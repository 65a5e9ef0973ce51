"""Names given and taken: `tag` and `rmi`, with docker's rules of what may go.

Deciding and untagging is one transaction; what nothing needs then is collected afterwards, so
a crash in between leaves garbage, never an image without its layers.
"""

from __future__ import annotations

import json
import sqlite3

from tuidock.engine.errors import BadReference, InUse
from tuidock.engine.images import names
from tuidock.engine.images.index import write_index
from tuidock.engine.images.leases import store_lock
from tuidock.engine.images.reference import familiar, parse
from tuidock.engine.images.upkeep import collect
from tuidock.engine.layout import Layout
from tuidock.engine.linux.proc import boot_id, start_time
from tuidock.engine.named import NamedTuple
from tuidock.engine.store import transaction


class Usage(NamedTuple):
    """A container that was made of an image."""

    container: str
    running: bool


def tag(layout: Layout, db: sqlite3.Connection, source: str, target: str) -> str:
    """Give an image one more name; its id. Raises ImageNotFound, BadReference."""
    reference = parse(target)
    if reference.digest:
        raise BadReference("refusing to create a tag with a digest reference", "name a tag")
    with store_lock(layout):
        with transaction(db):
            found = names.identify(db, source)
            names.point(db, str(reference), found.image)
        write_index(layout, db)
    return found.image


class Removal:
    """One `rmi`: `run` does it, and afterwards `image` is the id of what it was about."""

    def __init__(
        self, layout: Layout, db: sqlite3.Connection, reference: str, *, force: bool
    ) -> None:
        self._layout = layout
        self._db = db
        self._asked = reference
        self._force = force
        self._lines: list[str] = []
        self.image = ""

    def run(self) -> list[str]:
        """What was done, in docker's words. Raises ImageNotFound, InUse."""
        with transaction(self._db):
            found = names.identify(self._db, self._asked)
            self.image = found.image
            if found.by_id:
                self._remove_id()
            else:
                self._remove_name(found.name)
        collect(self._layout, self._db)
        return self._lines

    def _remove_name(self, name: str) -> None:
        """The last name takes the image with it, unless a container wants it named."""
        used = self._usages()
        if not self._force and used and self._is_single():
            user = used[0].container[:12]
            raise InUse(
                f'conflict: unable to remove repository reference "{self._asked}" (must force) -'
                f" container {user} is using its referenced image {self._short}",
                f"remove it with `tuidock rm {user}`, or force with -f",
            )
        self._untag(name)
        tags, digests = self._names()
        repository = _repository(name)
        if "@" not in name and repository not in map(_repository, tags):
            for digest in digests:
                if _repository(digest) == repository:
                    self._untag(digest)
        # a forced untag leaves a running container its image, without a name
        if not any(self._names()) and not any(usage.running for usage in used):
            self._delete()

    def _remove_id(self) -> None:
        used = self._usages()
        running = [usage for usage in used if usage.running]
        if running:
            self._refuse("cannot be forced", f"running container {running[0].container[:12]}")
        if not self._force and not self._is_single() and any(self._names()):
            self._conflict("must be forced", "image is referenced in multiple repositories")
        if not self._force and used:
            self._refuse("must be forced", f"stopped container {used[0].container[:12]}")
        for name in [each for group in self._names() for each in group]:
            self._untag(name)
        self._delete()

    def _delete(self) -> None:
        self._db.execute("DELETE FROM image WHERE id = ?", (self.image,))
        self._lines.append(f"Deleted: {self.image}")

    def _untag(self, name: str) -> None:
        names.forget(self._db, name)
        self._lines.append(f"Untagged: {familiar(name)}")

    def _names(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return names.of(self._db, self.image)

    def _is_single(self) -> bool:
        """At most one tag, and every other name a digest of the same repository."""
        tags, digests = self._names()
        return len(tags) <= 1 and len({_repository(name) for name in (*tags, *digests)}) <= 1

    def _usages(self) -> list[Usage]:
        rows = self._db.execute(
            "SELECT id FROM container WHERE image_id = ? ORDER BY created", (self.image,)
        )
        return [Usage(row[0], is_running(self._layout, row[0])) for row in rows]

    def _refuse(self, how: str, user: str) -> None:
        self._conflict(how, f"image is being used by {user}")

    def _conflict(self, how: str, why: str) -> None:
        hint = "force with -f" if how.startswith("must") else "stop and remove the container first"
        raise InUse(f"conflict: unable to delete {self._short} ({how}) - {why}", hint)

    @property
    def _short(self) -> str:
        return self.image[7:19]


def is_running(layout: Layout, container_id: str) -> bool:
    """Whether the container's process lives: the pid its monitor noted, and no later namesake."""
    try:
        with open(f"{layout.run(container_id)}/state.json", "rb") as file:
            state = json.load(file)
        return bool(
            state["pid"]
            and state["boot_id"] == boot_id()
            and start_time(state["pid"]) == state["starttime"]
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _repository(name: str) -> str:
    """Of a full name: what stands before the digest or the tag."""
    head, at, _ = name.partition("@")
    return head if at else head.rpartition(":")[0]
