"""What happens, as typed values: lifecycle events on disk, progress events of a pull.

Lifecycle events are lines of JSON in one append-only file of the root (`Layout.events`), so
that every client sees what every other client and every monitor did. `logs`-like reading of
that file lives in engine/journal.py; this module is only the words.
"""

from __future__ import annotations

from tuidock.engine.named import NamedTuple
from tuidock.engine.types import Image


class Event(NamedTuple):
    """Something that happened to a container or an image; the words are docker's.

    Containers: create start exec_create exec_start exec_die health_status oom die kill stop
    restart pause unpause update rename destroy commit export archive-path extract-to-dir revert;
    with `: ` and more words after exec_create, exec_start (the command) and health_status.
    Images: pull tag untag delete import.
    """

    at: float
    kind: str
    """`container`, `image` or `network`."""
    action: str
    id: str
    name: str = ""
    attributes: tuple[tuple[str, str], ...] = ()


class Resolved(NamedTuple):
    """The manifest is known; layers follow, lowest first."""

    reference: str
    digest: str
    layers: tuple[tuple[str, int], ...]
    """(blob digest, bytes)."""


class LayerProgress(NamedTuple):
    """One layer moved on."""

    digest: str
    phase: str
    """`exists`, `waiting`, `downloading`, `extracting`, `retrying`, `done`."""
    done: int
    """Compressed bytes so far."""
    total: int
    detail: str = ""


class Pulled(NamedTuple):
    """The image is complete and visible."""

    image: Image
    reference: str
    digest: str
    """Of the manifest or index that the reference named."""
    new: bool
    """False when it was there already."""


PullEvent = Resolved | LayerProgress | Pulled
