"""A store to unpack into, and what a tree looks like."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import subprocess
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import pytest

from tests import forked
from tests.conftest import AS_ROOT
from tests.layers.archives import GZIP, Member, archive, zipped
from tuidock.engine.images.layers import LayerStore, UnpackedLayer
from tuidock.engine.layout import Layout
from tuidock.engine.store import connect


@pytest.fixture
def layers(layout: Layout) -> Iterator[LayerStore]:
    db = connect(layout)
    yield LayerStore(layout, db)
    db.close()


Unpack = Callable[..., UnpackedLayer]


@pytest.fixture
def unpack(layers: LayerStore) -> Unpack:
    """Unpack members, or the bytes of an archive, as one layer."""

    def unpacked(*members: Member, data: bytes | None = None) -> UnpackedLayer:
        return feed(layers, zipped(archive(members) if data is None else data))

    return unpacked


def feed(layers: LayerStore, blob: bytes, media_type: str = GZIP) -> UnpackedLayer:
    with layers.begin(media_type) as unpacking:
        unpacking.write(blob)
        return unpacking.finish()


class Looks(NamedTuple):
    """One file of a tree, everything that a container can see of it."""

    kind: str
    mode: int
    owner: tuple[int, int]
    mtime: int
    content: bytes | str | int
    xattrs: tuple[tuple[str, bytes], ...]
    names: tuple[str, ...]
    """All its names, when it has several."""


def look(root: str) -> dict[str, Looks]:
    """Every file below `root`, by its path; the root itself is ``."""
    found = {path: os.lstat(os.path.join(root, path)) for path in _walk(root)}
    names: dict[int, list[str]] = {}
    for path, status in found.items():
        if not stat.S_ISDIR(status.st_mode):
            names.setdefault(status.st_ino, []).append(path)
    return {
        path: Looks(
            stat.filemode(status.st_mode)[0],
            stat.S_IMODE(status.st_mode),
            (status.st_uid, status.st_gid),
            status.st_mtime_ns,
            _content(os.path.join(root, path), status),
            _xattrs(os.path.join(root, path)),
            tuple(sorted(many)) if len(many := names.get(status.st_ino, [])) > 1 else (),
        )
        for path, status in found.items()
    }


def _walk(root: str) -> Iterator[str]:
    yield ""
    for directory, directories, files in os.walk(root):
        for name in directories + files:
            yield os.path.relpath(os.path.join(directory, name), root)


def content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _content(path: str, status: os.stat_result) -> bytes | str | int:
    if stat.S_ISREG(status.st_mode):
        data = content(path)
        return data if len(data) < 4096 else hashlib.sha256(data).hexdigest()
    if stat.S_ISLNK(status.st_mode):
        return os.readlink(path)
    return status.st_rdev


def _xattrs(path: str) -> tuple[tuple[str, bytes], ...]:
    return tuple(
        (key, os.getxattr(path, key, follow_symlinks=False))
        for key in sorted(os.listxattr(path, follow_symlinks=False))
        if not key.startswith(("user.tuidock.", "user.overlay.", "trusted.overlay."))
    )


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """An ordinary user looks at merged trees in a process of their own, and as their root."""
    if AS_ROOT or "merge" not in pyfuncitem.fixturenames:
        return None
    names = pyfuncitem._fixtureinfo.argnames
    forked.run(lambda: pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


Merge = Callable[[Sequence[UnpackedLayer | str]], "contextlib.AbstractContextManager[str]"]


@pytest.fixture
def merge(layers: LayerStore, layout: Layout) -> Merge:
    """Settle a chain, and mount it as a container would see it (read-only, `userxattr`)."""

    @contextlib.contextmanager
    def merged(chain: Sequence[UnpackedLayer | str]) -> Iterator[str]:
        keys = layers.settle(chain)
        with mounted(layout, [layers.directory(key) for key in keys]) as root:
            yield root

    return merged


@contextlib.contextmanager
def mounted(layout: Layout, directories: Sequence[str]) -> Iterator[str]:
    """Overlay the directories, given lowest first."""
    root, empty = f"{layout.root}/merged", f"{layout.root}/empty"
    os.makedirs(root, exist_ok=True)
    os.makedirs(empty, exist_ok=True)  # overlayfs wants two lower layers at least
    lower = ":".join([*reversed(directories), empty])
    forked.enter()
    options = f"ro,userxattr,lowerdir={lower}"
    subprocess.run(["mount", "-t", "overlay", "-o", options, "overlay", root], check=True)
    try:
        yield root
    finally:
        subprocess.run(["umount", root], check=True)
