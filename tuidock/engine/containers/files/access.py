"""The verbs on a container's files, one visit each: look, take an archive out, put one in.

Invariant: while a visit lasts, the container is neither started, stopped for good nor removed
by another client, so that its file system is mounted once.
"""

from __future__ import annotations

import contextlib
import json
import os
import posixpath

from tuidock.engine.containers import bundle, records
from tuidock.engine.containers.files.visit import PIECE, Visit
from tuidock.engine.errors import BadSpec, Conflict
from tuidock.engine.filesystem import Change, ChangeKind, Listing, PathStat
from tuidock.engine.images.layers import inflate
from tuidock.engine.runtime.namespaces import SHIFTED
from tuidock.engine.runtime.state import read_run, read_state
from tuidock.engine.types import Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from tuidock.engine.containers.records import Record
    from tuidock.engine.layout import Layout

ENTRIES = 10_000
"""As in `errands`, which only the guest imports."""
_STILL = 2.0
"""Seconds that a running container is held still for: paths are found and small things copied
then. Safety does not depend on it, and nobody wants a service to stop for a long copy."""


class Archive:
    """A tar stream of what is at a path."""

    def __init__(self, visit: Visit, stat: PathStat) -> None:
        self._visit = visit
        self.stat = stat

    def pieces(self) -> Iterator[bytes]:
        """All of it. Raises EngineError, also when it is not whole."""
        return self._visit.pieces()


class Destination:
    """Where an archive can be put."""

    def __init__(self, visit: Visit, answer: dict[str, Any]) -> None:
        self._visit = visit
        self.exists = bool(answer["exists"])
        self.is_directory = bool(answer["directory"])
        self.name = str(answer["name"])
        """The last component; entries go beside it, unless it is a directory."""
        self._decoder: inflate.Decoder | None = None

    def await_more(self, descriptor: int) -> None:
        """Until there is more of the archive to read. Raises what its restoring raises."""
        self._visit.await_more(descriptor)

    def write(self, data: bytes) -> None:
        """Some bytes of an archive. Raises what its restoring raises, as `finish`."""
        self._visit.write(data)

    def feed(self, data: bytes) -> None:
        """As `write`, of an archive that may be compressed, by gzip or zstd."""
        self._decoder = self._decoder or inflate.decoder(data)
        for plain in self._decoder.feed(data):
            self._visit.write(plain)

    def finish(self) -> int:
        """The end of the archive; the number of device nodes that were left out.

        Raises Conflict, ContentError, HostError, StorageFull.
        """
        if self._decoder:
            self._decoder.close()
        self._visit.end()
        return int(self._visit.answer()["skipped"])

    def extract(self, pieces: Iterable[bytes]) -> int:
        """`feed` all of it, then `finish`."""
        for piece in pieces:
            self.feed(piece)
        return self.finish()


def look(layout: Layout, record: Record, path: str) -> PathStat:
    """Facts of a path; a link is not followed. Raises NotFound, HostError."""
    asked = _asked(path)
    with visiting(layout, record, errand="look", **asked) as visit:
        return _stat(visit.answer())


def listing(layout: Layout, record: Record, path: str) -> Listing:
    """What is in a directory; a running container is not held still. Raises NotFound, HostError."""
    asked = {**_asked(path), "directory": True, "follow": True}
    with visiting(layout, record, errand="list", still=0.0, **asked) as visit:
        lines = b"".join(visit.pieces()).splitlines()
    entries = [_stat(json.loads(line)) for line in lines[:ENTRIES]]
    entries.sort(key=lambda entry: entry.name)
    return Listing(tuple(entries), len(lines) <= ENTRIES)


def read(layout: Layout, record: Record, path: str, size: int) -> bytes:
    """At most the first `size` bytes of a regular file; links lead where they do inside.

    Raises NotFound, Conflict, HostError.
    """
    asked = {**_asked(path), "follow": True, "size": size}
    with visiting(layout, record, errand="read", still=0.0, **asked) as visit:
        return b"".join(visit.pieces())


@contextlib.contextmanager
def archive(
    layout: Layout, record: Record, path: str, *, follow: bool = False
) -> Iterator[Archive]:
    """Pack a path. Its entries begin with its last component; with `.` for `DIRECTORY/.`.

    Raises NotFound, HostError.
    """
    asked = _asked(path)
    asked["follow"] = asked["follow"] or follow
    with visiting(layout, record, errand="pack", **asked) as visit:
        found = Archive(visit, _stat(visit.answer()))
        records.note(layout, record, "archive-path", {"path": path})
        yield found


@contextlib.contextmanager
def export(layout: Layout, record: Record) -> Iterator[Archive]:
    """Pack the root as the container has written it: what is mounted in it is left out."""
    asked = {**_asked("/"), "where": "root"}
    with visiting(layout, record, errand="pack", **asked) as visit:
        found = Archive(visit, _stat(visit.answer()))
        records.note(layout, record, "export")
        yield found


@contextlib.contextmanager
def destination(
    layout: Layout, record: Record, path: str, *, owners: bool = False
) -> Iterator[Destination]:
    """Find out where a path leads, and be ready to put an archive there.

    `owners`: files get the ids that the archive says, not those of the container's root.
    Raises NotFound, Conflict, HostError.
    """
    asked = {**_asked(path), "owners": owners}
    with visiting(layout, record, errand="restore", **asked) as visit:
        found = Destination(visit, visit.answer())
        records.note(layout, record, "extract-to-dir", {"path": path})
        yield found


def changes(layout: Layout, record: Record) -> list[Change]:
    """What differs from the image, ordered by path; nobody is held still. Raises HostError."""
    asked = own_files(layout, record)
    with visiting(layout, record, errand="changes", still=0.0, **asked) as visit:
        text = b"".join(visit.pieces())
    found = [Change(ChangeKind(each[0]), "/" + each[1:]) for each in _split(text)]
    return sorted(found, key=lambda change: change.path.split("/"))


def revert(layout: Layout, record: Record, path: str) -> int:
    """Make a path and all below it what the image has there; how many differences that were.

    Raises NotFound when there is none, Conflict, HostError, StorageFull.
    """
    clean = _asked(path)["path"]
    mounts: Any = bundle.read_config(layout, record.id)["mounts"]
    mounted = [os.path.normpath(each["destination"]) for each in mounts]
    asked = {**own_files(layout, record), "path": clean, "mounted": mounted}
    with open(os.open(layout.ingest, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC), "r+b") as spool:
        with visiting(layout, record, errand="undo", still=0.0, **asked) as visit:
            while data := visit.take():
                spool.write(data)
            count = int(visit.answer()["changes"])
        spool.seek(0)
        _lay_over(layout, record, iter(lambda: spool.read(PIECE), b""))
    records.note(layout, record, "revert", {"path": clean})
    return count


def _lay_over(layout: Layout, record: Record, pieces: Iterator[bytes]) -> None:
    """Change the container's own files as a layer says. Raises Conflict when not all of it can."""
    asked = {**_asked("/"), "where": "root", "owners": True, "layer": True}
    with visiting(layout, record, errand="restore", **asked) as visit:
        place = Destination(visit, visit.answer())
        for piece in pieces:
            place.write(piece)
        if skipped := place.finish():
            raise Conflict(f"{skipped} device nodes of the image were not brought back")


def _split(text: bytes) -> list[str]:
    return [os.fsdecode(each) for each in text.split(b"\0")[:-1]]


def own_files(layout: Layout, record: Record) -> dict[str, Any]:
    """For an errand to what the container itself has written: how to tell it from the image."""
    config = bundle.read_config(layout, record.id)
    mounts, annotations = config["mounts"], config["annotations"]
    assert isinstance(mounts, list)
    assert isinstance(annotations, dict)
    asked = {os.path.normpath(mount.target) for mount in record.spec.mounts}
    targets = {mount["destination"] for mount in mounts}
    keys = filter(None, annotations["tuidock.layers"].split(":"))  # copies, where ids are shifted
    layers = [layout.layer(key) for key in reversed(list(keys))]
    shift = record.uid_base if SHIFTED in annotations else 0
    stubs = sorted(targets - asked)
    return {"where": "outside", "layers": layers, "stubs": stubs, "shift": shift}


@contextlib.contextmanager
def visiting(
    layout: Layout, record: Record, *, where: str = "files", still: float = _STILL, **errand: Any
) -> Iterator[Visit]:
    """Send somebody into the container, or (`where`) to its `root` alone or `outside` of it.

    `still`: seconds for which a running container may be frozen. The lock is the keeper's then,
    so that it ends with it, wherever its client is stuck.
    """
    with contextlib.ExitStack() as stack:
        lock = stack.enter_context(bundle.locked(layout, record.id))
        state = read_state(layout, record.id)
        running = state.status in (Status.RUNNING, Status.PAUSED) and state.pid
        started = read_run(layout, record.id)["starttime"] if running else 0
        request = errand | {
            "where": where,
            "id": record.id,
            "name": record.name,
            "pid": state.pid if running else 0,
            "starttime": started,
            "freeze": still if state.status is Status.RUNNING else 0.0,
        }
        visit = Visit(layout, request, lock)
    with visit:
        yield visit


def _asked(path: str) -> dict[str, Any]:
    """Docker's paths: from the root, cleaned; `/` or `/.` at the end ask for a directory."""
    if "\0" in path:
        raise BadSpec("a path with a NUL byte")
    contents = path.endswith("/.") or path in (".", "")
    directory = contents or path.endswith("/")
    clean = posixpath.normpath(f"/{path}").replace("//", "/")
    return {"path": clean, "contents": contents, "follow": directory, "directory": directory}


def _stat(answer: dict[str, Any]) -> PathStat:
    return PathStat(
        answer["name"], answer["size"], answer["mode"], answer["mtime"] / 1e9, answer["link"]
    )
