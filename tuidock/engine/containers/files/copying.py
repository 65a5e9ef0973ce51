"""`cp`: docker's rules for what goes where, between a container and the caller's own files.

The caller's paths are resolved with the caller's rights, as `cp` would. Invariant: what comes
out of a container is written only below the one directory that was opened for it, belongs to
the caller, and is neither a device nor setuid.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat

from tuidock.engine.containers.files.restore import ON_HOST, Manner, Rename, Restorer
from tuidock.engine.errors import Conflict, HostError, NotFound, StorageFull
from tuidock.engine.filesystem import Copied
from tuidock.engine.images.layers.packing import Packer
from tuidock.engine.images.layers.source import Source
from tuidock.engine.images.layers.walk import Opener
from tuidock.engine.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tuidock.engine.containers.files.access import Archive, Destination

    Tick = Callable[[int], None]
    """Called with the number of bytes that have just gone through."""

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NO_DIRECTORY = "no such directory"


class _Origin(NamedTuple):
    """What is copied."""

    name: str
    """Empty for the content of a directory."""
    is_directory: bool


class _Target(NamedTuple):
    """Where to, as it is before the copy."""

    name: str
    exists: bool
    is_directory: bool
    asserted: bool
    """Spelled with a slash at the end."""


def placed(origin: _Origin, target: _Target) -> str:
    """The name that the copy gets: below the target, or beside it when it is no directory.

    Empty: the content goes into the target itself. Raises Conflict, NotFound.
    """
    if target.is_directory:
        return origin.name
    if target.exists and origin.is_directory:
        raise Conflict("cannot copy directory")
    if target.asserted and not origin.is_directory:
        raise NotFound(_NO_DIRECTORY)
    return target.name


# --- out --------------------------------------------------------------------------------------


def copy_out(archive: Archive, contents: bool, path: str, tick: Tick, *, owners: bool) -> Copied:
    """Restore an archive at a path of the caller's. Raises EngineError.

    `contents`: of a directory. `owners`: give files the ids that they have in the container,
    if the caller is root.
    """
    name = "" if contents or archive.stat.name == "/" else archive.stat.name
    origin = _Origin(name, stat.S_ISDIR(archive.stat.mode))
    real, target = _local(path)
    new = placed(origin, target)
    manner = ON_HOST._replace(owners=owners and os.geteuid() == 0)
    with _faults(path), _opened(real if target.is_directory else os.path.dirname(real)) as base:
        rename = Rename(os.fsencode(origin.name), os.fsencode(new))
        return _restored(archive, base, manner, rename, tick)


def _restored(archive: Archive, base: int, manner: Manner, rename: Rename, tick: Tick) -> Copied:
    pieces = _counted(archive.pieces(), tick)
    source = Source(lambda: next(pieces, b""))
    restorer = Restorer(base, manner, None, rename)
    try:
        restorer.restore(source)
    finally:
        restorer.leave()
    return Copied(source.position, restorer.skipped)


def _counted(pieces: Iterator[bytes], tick: Tick) -> Iterator[bytes]:
    for piece in pieces:
        tick(len(piece))
        yield piece


def _local(path: str) -> tuple[str, _Target]:
    """A path to be written, its links followed. Raises NotFound, Conflict."""
    real = os.path.realpath(path)
    try:
        mode = os.stat(real).st_mode
    except (FileNotFoundError, NotADirectoryError):
        parent = os.path.dirname(real)
        if not os.path.isdir(parent):
            text = f'invalid output path: directory "{parent}" does not exist'
            raise NotFound(text, "make it first") from None
        return real, _Target(os.path.basename(real), False, False, path.endswith("/"))
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        raise Conflict(f'destination "{path}" must be a directory or a regular file')
    is_directory = stat.S_ISDIR(mode)
    if path.endswith("/") and not is_directory:
        raise Conflict(f"{path}: not a directory")
    return real, _Target(os.path.basename(real), True, is_directory, path.endswith("/"))


# --- in ---------------------------------------------------------------------------------------


def copy_in(
    path: str, destination: Destination, asserted: bool, tick: Tick, *, follow: bool
) -> Copied:
    """Pack a path of the caller's, and put it there. Raises EngineError.

    `asserted`: the destination was spelled with a slash at the end. A link at the end of
    `path` is followed with `follow`, or when the path ends with `/` or `/.`.
    """
    contents = os.path.basename(path) in (".", "..") or path == "/"
    with _faults(path):
        flags = 0 if follow or path.endswith(("/", "/.")) else os.O_NOFOLLOW
        descriptor = os.open(path, os.O_PATH | flags | os.O_CLOEXEC)
        try:
            is_directory = stat.S_ISDIR(os.fstat(descriptor).st_mode)
            if path.endswith(("/", "/.")) and not is_directory:
                raise Conflict(f"{path}: not a directory")
            name = "" if contents else os.path.basename(path.rstrip("/"))
            target = _Target(
                destination.name, destination.exists, destination.is_directory, asserted
            )
            new = placed(_Origin(name, is_directory), target)
            return _packed(descriptor, new, destination, tick)
        finally:
            os.close(descriptor)


def _packed(descriptor: int, name: str, destination: Destination, tick: Tick) -> Copied:
    size = 0

    def write(data: bytes) -> None:
        nonlocal size
        destination.write(data)
        size += len(data)
        tick(len(data))

    packer = Packer(write, Opener(), sparse=True)
    packer.tree(descriptor, os.fsencode(name or "."))
    packer.finish()
    return Copied(size, destination.finish() + packer.sockets)


# --- both -------------------------------------------------------------------------------------


@contextlib.contextmanager
def _opened(path: str) -> Iterator[int]:
    descriptor = os.open(path, _DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _faults(path: str) -> Iterator[None]:
    """What the caller's own file system says, in a person's words."""
    try:
        yield
    except BrokenPipeError:  # of whoever the archive goes to or comes from, not of a file
        raise
    except OSError as error:
        why = error.strerror or str(error)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(f"{path}: no space left", "make room, or copy elsewhere") from error
        kind = NotFound if error.errno == errno.ENOENT else HostError
        raise kind(f"{path}: {why.lower()}") from error
