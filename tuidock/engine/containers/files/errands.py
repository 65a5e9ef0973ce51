"""What a guest can be sent for: look at a path, list, read or pack it, restore an archive, pack
what changed.

Each errand says its answers as lines of JSON; archives go over standard input and output.
Invariant: a path that was asked for is resolved once, in the container's root; all else is
done on descriptors below what was found.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
import stat

from tuidock.engine.containers.files import upper
from tuidock.engine.containers.files.restore import AS_LAYER, IN_CONTAINER, Restorer
from tuidock.engine.containers.files.upper import Upper
from tuidock.engine.errors import Conflict, NotFound
from tuidock.engine.images.layers.packing import Packer
from tuidock.engine.images.layers.source import Source
from tuidock.engine.images.layers.walk import Opener
from tuidock.engine.linux.files import write_all
from tuidock.engine.linux.openat2 import RESOLVE_NO_MAGICLINKS, openat2
from tuidock.engine.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tuidock.engine.containers.files.entering import Enter

    Errand = Callable[[dict[str, Any], Enter, int], None]

_LINKS = 40
_LOOK = os.O_PATH | os.O_NOFOLLOW
_DIRECTORY = os.O_PATH | os.O_DIRECTORY
_PIECE = 1 << 18
ENTRIES = 10_000
"""Entries of a directory that are told; nobody reads more of them on a screen."""


def say(line: int, content: dict[str, Any]) -> None:
    """One answer."""
    write_all(line, json.dumps(content).encode() + b"\n")


def write_out(data: bytes) -> None:
    """Bytes of an archive, to whoever sent us."""
    write_all(1, data)


# --- looking and packing ----------------------------------------------------------------------


def look(request: dict[str, Any], enter: Enter, line: int) -> None:
    """Facts of one path."""
    found = _found(request, enter())
    say(line, facts(found))


def list_directory(request: dict[str, Any], enter: Enter, line: int) -> None:
    """Facts of what is in a directory, a line of JSON each: one more than ENTRIES when cut."""
    opener = Opener()
    directory = opener.open(_found(request, enter()).descriptor)
    with os.scandir(directory) as entries:
        for entry in itertools.islice(entries, ENTRIES + 1):
            try:
                descriptor = os.open(entry.name, _LOOK, dir_fd=directory)
            except FileNotFoundError:  # it vanished meanwhile
                continue
            write_out(json.dumps(facts(_seen(entry.name, descriptor))).encode() + b"\n")
            os.close(descriptor)
    os.close(1)
    say(line, {})


def read(request: dict[str, Any], enter: Enter, line: int) -> None:
    """The first bytes of a regular file. Raises Conflict for anything else."""
    opener = Opener()
    found = _found(request, enter())
    if not stat.S_ISREG(os.fstat(found.descriptor).st_mode):
        raise Conflict(f"{request['path']} is no regular file")
    file, left = opener.open(found.descriptor), int(request["size"])
    while left and (data := os.read(file, min(left, _PIECE))):
        write_out(data)
        left -= len(data)
    os.close(1)
    say(line, {})


def pack(request: dict[str, Any], enter: Enter, line: int) -> None:
    """Facts of one path, then an archive of it, then the end."""
    opener = Opener()
    found = _found(request, enter())
    say(line, facts(found))
    contents = request["contents"] or not found.name
    packer = Packer(write_out, opener, sparse=True)
    if request["where"] == "root":
        packer.tree(found.descriptor, b"")
    else:
        packer.tree(found.descriptor, os.fsencode("." if contents else found.name))
    packer.finish()
    os.close(1)
    say(line, {"entries": packer.entries, "sockets": packer.sockets})


class Found(NamedTuple):
    """What is at a path."""

    name: str
    """Empty for the root."""
    descriptor: int
    link: str
    """Where a symbolic link points."""


def _found(request: dict[str, Any], root: int) -> Found:
    path = request["path"]
    flags = os.O_PATH if request["follow"] else _LOOK
    if request["directory"]:
        flags |= os.O_DIRECTORY
    try:
        descriptor = openat2(root, path, flags)
    except (FileNotFoundError, NotADirectoryError):
        text = f"Could not find the file {path} in container {request['name']}"
        raise NotFound(text) from None
    return _seen(path.rpartition("/")[2], descriptor)


def _seen(name: str, descriptor: int) -> Found:
    is_link = stat.S_ISLNK(os.fstat(descriptor).st_mode)
    return Found(name, descriptor, os.readlink("", dir_fd=descriptor) if is_link else "")


def facts(found: Found) -> dict[str, Any]:
    """As docker's `X-Docker-Container-Path-Stat` has them."""
    status = os.fstat(found.descriptor)
    return {
        "name": found.name or "/",
        "size": status.st_size,
        "mode": status.st_mode,
        "mtime": status.st_mtime_ns,
        "link": found.link,
    }


# --- restoring --------------------------------------------------------------------------------


def restore(request: dict[str, Any], enter: Enter, line: int) -> None:
    """Where a path leads, then take an archive there, then what became of it."""
    root = enter()
    place = _place(root, request)
    say(line, {"exists": place.exists, "directory": place.directory, "name": place.name})
    manner = AS_LAYER if request.get("layer") else IN_CONTAINER._replace(owners=request["owners"])
    restorer = Restorer(place.base, manner, _follow)
    try:
        restorer.restore(Source(lambda: os.read(0, _PIECE)))
    finally:
        restorer.leave()
    say(line, {"entries": restorer.entries, "skipped": restorer.skipped})


def _follow(parent: int, name: bytes) -> int:
    """As in the container: `entering` has made its root ours."""
    return openat2(parent, os.fsdecode(name), _DIRECTORY, RESOLVE_NO_MAGICLINKS)


class Place(NamedTuple):
    """Where an archive goes: into a directory, or beside what is to be replaced."""

    base: int
    """The directory itself, or the one that `name` is or will be in."""
    name: str
    exists: bool
    directory: bool


def _place(root: int, request: dict[str, Any]) -> Place:
    """Where a path leads; a link at its end counts for what it points at, there or not."""
    path = request["path"]
    for _ in range(_LINKS):
        try:
            found = openat2(root, path, _LOOK)
        except FileNotFoundError:
            return Place(_parent(root, path, request), _leaf(path), False, False)
        mode = os.fstat(found).st_mode
        if stat.S_ISDIR(mode):
            return Place(found, _leaf(path), True, True)
        if not stat.S_ISLNK(mode):
            return _beside(root, path, mode, request)
        path = os.path.join(os.path.dirname(path), os.readlink("", dir_fd=found))
        os.close(found)
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def _beside(root: int, path: str, mode: int, request: dict[str, Any]) -> Place:
    if not stat.S_ISREG(mode):
        where = f"{request['name']}:{request['path']}"
        text = f"destination {where!r} must be a directory or a regular file"
        raise Conflict(text)
    return Place(_parent(root, path, request), _leaf(path), True, False)


def _parent(root: int, path: str, request: dict[str, Any]) -> int:
    parent = os.path.dirname(path.rstrip("/"))
    try:
        return openat2(root, parent or "/", _DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        text = f"Could not find the file {parent or '/'} in container {request['name']}"
        raise NotFound(text) from None


def _leaf(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


# --- what changed -----------------------------------------------------------------------------


def changes(request: dict[str, Any], enter: Enter, line: int) -> None:
    """Each change, its letter and path, ended by a NUL."""
    comparison, top = _comparison(request, enter, exact=True)
    for kind, path in upper.tell(comparison, top):
        write_out(kind.value.encode() + path + b"\0")
    os.close(1)
    say(line, {})


def pack_undone(request: dict[str, Any], enter: Enter, line: int) -> None:
    """What takes the changes at and below a path back, then how many they are."""
    opener = Opener()
    comparison, top = _comparison(request, enter, exact=True)
    packer = Packer(write_out, opener, sparse=True, shift=request["shift"])
    below = os.fsencode(request["path"].strip("/"))
    mounted = [os.fsencode(each.strip("/")) for each in request["mounted"]]
    count = upper.pack_undone(comparison, top, below, mounted, packer)
    packer.finish()
    if not count:
        text = f"{request['path']} is as the image has it"
        raise NotFound(text, "what something is mounted on stays")
    os.close(1)
    say(line, {"changes": count})


def pack_layer(request: dict[str, Any], enter: Enter, line: int) -> None:
    """The changes as a layer."""
    opener = Opener()
    comparison, top = _comparison(request, enter, exact=False)
    packer = Packer(
        write_out, opener, sparse=False, latest=request["latest"], shift=request["shift"]
    )
    upper.pack_layer(comparison, top, packer)
    packer.finish()
    os.close(1)
    say(line, {"entries": packer.entries, "sockets": packer.sockets})


def _comparison(request: dict[str, Any], enter: Enter, *, exact: bool) -> tuple[Upper, int]:
    opener = Opener()
    top = enter()
    return Upper(opener, request["layers"], request["stubs"], exact=exact), top


ERRANDS: dict[str, Errand] = {
    "look": look,
    "list": list_directory,
    "read": read,
    "pack": pack,
    "restore": restore,
    "changes": changes,
    "undo": pack_undone,
    "layer": pack_layer,
}
