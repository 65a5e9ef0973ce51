"""The mounts of a mount namespace, as proc(5)'s mountinfo lists them."""

from __future__ import annotations

from tuidock.engine.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

_ESCAPED = (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\"))


class Mount(NamedTuple):
    """One line of it."""

    root: str
    """What of the file system is mounted: `/` for all of it."""
    target: str
    kind: str
    """Type of the file system."""
    options: tuple[str, ...]
    """Of the super block, whoever mounted it."""


def parse(text: str, kinds: Container[str] = ()) -> list[Mount]:
    """In the order in which they were made; those of `kinds` only, if there are any."""
    found = []
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        kind, _source, options = right.split(" ", 2)
        if not kinds or kind in kinds:
            fields = left.split(" ")
            mount = Mount(plain(fields[3]), plain(fields[4]), kind, tuple(options.split(",")))
            found.append(mount)
    return found


def plain(path: str) -> str:
    for code, character in _ESCAPED:
        path = path.replace(code, character)
    return path
