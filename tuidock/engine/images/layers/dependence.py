"""Fits a freshly unpacked layer to the layers beneath it, as if it had been unpacked over them.

    implied directory, lower has a directory  ─► gets that one's attributes
    implied directory, lower has a link       ─► its content moves to where the link leads
    hard link to a lower file                 ─► that file is copied up, then linked

Invariant: only the layer's own directory is changed, and only while it is still in `ingest`.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence

from tuidock.engine.errors import ContentError
from tuidock.engine.images.layers.copying import copy_attributes, copy_file
from tuidock.engine.images.layers.merged import Found, Merged, is_whiteout
from tuidock.engine.images.layers.names import shown
from tuidock.engine.images.layers.owners import OPAQUE_XATTR, ORIGIN_XATTR
from tuidock.engine.images.layers.unpacking import UnpackedLayer
from tuidock.engine.linux import inside
from tuidock.engine.linux.files import remove_tree, syncfs
from tuidock.engine.linux.openat2 import PLAIN, openat2

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def adjusted(layer: UnpackedLayer, below: Sequence[str]) -> int:
    """As `adjust`, where an ordinary user's ids may own the files. Raises as `adjust`."""
    if os.geteuid() == 0:
        return adjust(layer, below)
    implied = [path.decode("latin-1") for path in layer.implied]
    links = [[part.decode("latin-1") for part in link] for link in layer.links]
    done = inside.call(__name__, "adjust_there", layer.directory, list(below), implied, links)
    if isinstance(done, str):
        raise ContentError(done)
    return int(done)


def adjust_there(
    directory: str, below: list[str], implied: list[str], links: list[list[str]]
) -> int | str:
    """`adjust` in there; a complaint about the layer comes as text."""
    layer = UnpackedLayer(
        *("", 0, 0, directory, -1),
        tuple(path.encode("latin-1") for path in implied),
        tuple((name.encode("latin-1"), target.encode("latin-1")) for name, target in links),
    )
    try:
        return adjust(layer, below)
    except ContentError as error:
        return error.message


def adjust(layer: UnpackedLayer, below: Sequence[str]) -> int:
    """Fit a layer to the directories `below`, highest first; on disk when it returns.

    The number of bytes copied up. Raises ContentError for a link to nothing, OSError.
    """
    root = os.open(layer.directory, _DIRECTORY | os.O_CLOEXEC)
    try:
        fitting = _Fitting(root, layer, below)
        for path in layer.implied:
            fitting.directory(path)
        for name, target in layer.links:
            fitting.link(name, target)
        fitting.finish()
        syncfs(root)
    finally:
        os.close(root)
    return fitting.copied_bytes


class _Fitting:
    """One layer over others."""

    def __init__(self, root: int, layer: UnpackedLayer, below: Sequence[str]) -> None:
        self._root = root
        self._implied = set(layer.implied)
        self._lower = Merged(below)
        self._view = Merged([layer.directory, *below], self._implied)
        self._times: dict[bytes, os.stat_result] = {}
        """Directories whose time of change must not tell of what is done here."""
        self._copies: dict[bytes, bytes] = {}
        self.copied_bytes = 0

    # --- directories

    def directory(self, path: bytes) -> None:
        """An implied directory: to where it belongs, with the attributes it has there."""
        place = self._view.resolve(path)
        if place != path and self._is_directory(path):
            self._ensure(place)
            self._move(path, place)
        if place in self._implied and self._is_directory(place):
            self._inherit(place)

    def _inherit(self, path: bytes) -> None:
        found = self._view.lookup(path)
        if found is None or not stat.S_ISDIR(found.status.st_mode):
            return
        source = os.open(found.file, _DIRECTORY | os.O_CLOEXEC)
        try:
            with self._opened(path) as target:
                if not os.path.sameopenfile(source, target):
                    copy_attributes(source, target)
                    self._times[path] = found.status
        finally:
            os.close(source)

    def _ensure(self, path: bytes) -> None:
        """Make a directory of the layer, and those above it, where there is none yet."""
        parts = path.split(b"/") if path else []
        for end in range(1, len(parts) + 1):
            each = b"/".join(parts[:end])
            status = self._status(each)
            if status is not None and stat.S_ISDIR(status.st_mode):
                continue
            self._make(each, status)

    def _make(self, path: bytes, status: os.stat_result | None) -> None:
        if status is not None and not is_whiteout(status):
            raise ContentError(f"{shown(path)} is not a directory, and something is below it")
        with self._parent(path) as (parent, name):
            if status is not None:
                os.unlink(name, dir_fd=parent)
            os.mkdir(name, 0o755, dir_fd=parent)
        if status is not None:
            self._hide(path)
        else:
            self._implied.add(path)
            self._view.forget()
            self._inherit(path)
        self._view.forget()

    def _hide(self, path: bytes) -> None:
        with self._opened(path) as directory:
            os.setxattr(directory, OPAQUE_XATTR, b"y")

    def _move(self, source: bytes, target: bytes) -> None:
        """Merge one directory of the layer into another."""
        waiting = [(source, target)]
        emptied: list[bytes] = []
        while waiting:
            here, there = waiting.pop()
            self._carry_marks(here, there)
            emptied.append(here)
            with self._opened(here) as old, self._opened(there) as new:
                self._touched(there, new)
                for name in map(os.fsencode, os.listdir(old)):
                    if _both_directories(old, new, name):
                        waiting.append((here + b"/" + name, _join(there, name)))
                    elif _moved_directory(old, new, name):
                        self._rekey(here + b"/" + name, _join(there, name))
        for path in reversed(emptied):
            self._remove(path)
        self._view.forget()

    def _carry_marks(self, here: bytes, there: bytes) -> None:
        """What a directory says of itself, when it is merged into one that is there."""
        with self._opened(here) as old, self._opened(there) as new:
            for key in (OPAQUE_XATTR, ORIGIN_XATTR):
                if os.fsdecode(key) in os.listxattr(old):
                    os.setxattr(new, key, os.getxattr(old, key))
            if here not in self._implied and there in self._implied:
                copy_attributes(old, new)
                self._implied.discard(there)
                self._times[there] = os.fstat(old)

    def _remove(self, path: bytes) -> None:
        with self._parent(path) as (parent, name):
            self._touched(path.rpartition(b"/")[0], parent)
            os.rmdir(name, dir_fd=parent)
        self._implied.discard(path)
        self._times.pop(path, None)

    def _rekey(self, old: bytes, new: bytes) -> None:
        """What is known of directories at and below a path now holds at another."""
        below = old + b"/"
        for path in [p for p in (*self._implied, *self._times) if (p + b"/").startswith(below)]:
            place = new + path[len(old) :]
            if path in self._implied:
                self._implied.discard(path)
                self._implied.add(place)
            if path in self._times:
                self._times[place] = self._times.pop(path)

    def _touched(self, path: bytes, descriptor: int) -> None:
        self._times.setdefault(path, os.fstat(descriptor))

    # --- hard links

    def link(self, name: bytes, target: bytes) -> None:
        """A hard link to a file that is not in this layer. Raises ContentError."""
        place = self._canonical(name)
        source = self._canonical(target)
        if self._status(place) is not None:
            return  # a later entry of the layer took the name
        self._ensure(place.rpartition(b"/")[0])
        found = self._lower.lookup(source)
        if found is None:
            self._link_own(place, source, target)
            return
        if stat.S_ISDIR(found.status.st_mode):
            raise ContentError(f"a hard link to a directory: {shown(target)}")
        if source not in self._copies:
            self._copies[source] = self._copy_up(source, place, found)
        if self._copies[source] != place:
            self._link(self._copies[source], place)

    def _canonical(self, path: bytes) -> bytes:
        parent, _, name = path.rpartition(b"/")
        return _join(self._view.resolve(parent), name)

    def _copy_up(self, source: bytes, place: bytes, found: Found) -> bytes:
        """Copy a lower file to its own path if it still shows there, else to the link's."""
        shows = self._view.lookup(source)
        if shows is not None and shows.file == found.file:
            self._ensure(source.rpartition(b"/")[0])
            place = source
        with self._parent(place) as (parent, name):
            self._touched(place.rpartition(b"/")[0], parent)
            self.copied_bytes += copy_file(found.file, parent, name)
        return place

    def _link_own(self, place: bytes, source: bytes, target: bytes) -> None:
        status = self._status(source)
        if status is None or is_whiteout(status) or stat.S_ISDIR(status.st_mode):
            raise ContentError(f"a hard link to {shown(target)}, which does not exist")
        self._link(source, place)

    def _link(self, source: bytes, place: bytes) -> None:
        with self._parent(source) as (old, old_name), self._parent(place) as (new, new_name):
            self._touched(place.rpartition(b"/")[0], new)
            os.link(old_name, new_name, src_dir_fd=old, dst_dir_fd=new, follow_symlinks=False)

    # --- the layer's directory

    def finish(self) -> None:
        """Set the times of directories that were changed on the way."""
        for path, status in self._times.items():
            with self._opened(path) as directory:
                os.utime(directory, ns=(status.st_atime_ns, status.st_mtime_ns))

    @contextlib.contextmanager
    def _opened(self, path: bytes) -> Iterator[int]:
        descriptor = openat2(self._root, os.fsdecode(path) or ".", _DIRECTORY, PLAIN)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def _parent(self, path: bytes) -> Iterator[tuple[int, bytes]]:
        parent, _, name = path.rpartition(b"/")
        with self._opened(parent) as descriptor:
            yield descriptor, name

    def _status(self, path: bytes) -> os.stat_result | None:
        """What the layer itself has at a canonical path."""
        try:
            with self._parent(path) as (parent, name):
                return os.lstat(name, dir_fd=parent)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _is_directory(self, path: bytes) -> bool:
        status = self._status(path)
        return status is not None and stat.S_ISDIR(status.st_mode)


def _join(directory: bytes, name: bytes) -> bytes:
    return directory + b"/" + name if directory else name


def _both_directories(old: int, new: int, name: bytes) -> bool:
    try:
        return all(stat.S_ISDIR(os.lstat(name, dir_fd=each).st_mode) for each in (old, new))
    except FileNotFoundError:
        return False


def _moved_directory(old: int, new: int, name: bytes) -> bool:
    """Move one name, whether it is a directory.

    A whiteout does not remove what the layer itself has there.
    """
    moving = os.lstat(name, dir_fd=old)
    try:
        there = os.lstat(name, dir_fd=new)
    except FileNotFoundError:
        there = None
    if there is not None:
        if is_whiteout(moving):
            os.unlink(name, dir_fd=old)
            if stat.S_ISDIR(there.st_mode):
                _hide_at(new, name)
            return False
        remove_tree(new, name)
    os.rename(name, name, src_dir_fd=old, dst_dir_fd=new)
    return stat.S_ISDIR(moving.st_mode)


def _hide_at(parent: int, name: bytes) -> None:
    directory = os.open(name, _DIRECTORY | os.O_CLOEXEC, dir_fd=parent)
    try:
        os.setxattr(directory, OPAQUE_XATTR, b"y")
    finally:
        os.close(directory)
