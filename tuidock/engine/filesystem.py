"""The nouns of a container's files, as they cross the engine's door; rules as in `types`."""

from __future__ import annotations

from enum import Enum

from tuidock.engine.named import NamedTuple


class ChangeKind(str, Enum):
    """What happened to a path; the values are what `docker diff` prints."""

    MODIFIED = "C"
    ADDED = "A"
    DELETED = "D"

    def __str__(self) -> str:
        return self.value


class Change(NamedTuple):
    """One difference between a container's files and its image's."""

    kind: ChangeKind
    path: str
    """From the root; bytes that are no UTF-8 are surrogates (PEP 383)."""


class PathStat(NamedTuple):
    """A path in a container, as the head of docker's archive request tells it."""

    name: str
    """Its last component; `/` for the root."""
    size: int
    mode: int
    """As stat(2) has it, with the type."""
    mtime: float
    link_target: str
    """Empty for what is no symbolic link."""


class Listing(NamedTuple):
    """What is in a directory of a container."""

    entries: tuple[PathStat, ...]
    """By name; links are not followed."""
    whole: bool
    """False when there were too many, and some were left out."""


class Copied(NamedTuple):
    """How a copy went."""

    size: int
    """Bytes of the archive that carried it."""
    skipped: int
    """Device nodes and sockets that were left out."""


class CommitSpec(NamedTuple):
    """How a container is to become an image."""

    reference: str = ""
    """Empty: an image without a name."""
    author: str = ""
    comment: str = ""
    changes: tuple[str, ...] = ()
    """Dockerfile instructions, applied to the config in turn."""
    pause: bool = True
    """Hold the container still while its files are read."""
