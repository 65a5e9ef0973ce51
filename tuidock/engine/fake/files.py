"""Files of fake containers: a small tree for each, in memory, held against the one it began as.

Archives are read and written by the standard library; nothing here is hostile.
"""

from __future__ import annotations

import io
import os
import pathlib
import posixpath
import stat
import tarfile
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence

from tuidock.engine.errors import Conflict, NotFound
from tuidock.engine.fake.images import FakeImages, digest, full
from tuidock.engine.filesystem import (
    Change,
    ChangeKind,
    CommitSpec,
    Copied,
    Listing,
    PathStat,
)
from tuidock.engine.types import Container, Image

_IMAGE: dict[str, bytes | None] = {
    "/": None,
    "/bin": None,
    "/bin/sh": b"\x7fELF",
    "/etc": None,
    "/etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n",
    "/tmp": None,
}
"""What every fake image holds; None is a directory."""


class FakeFiles:
    """`trees` are the files of each container by id; tests may change them."""

    def __init__(self, find: Callable[[str], Container], images: FakeImages) -> None:
        self._find = find
        self._images = images
        self.trees: dict[str, dict[str, bytes | None]] = {}

    def tree(self, key: str) -> dict[str, bytes | None]:
        return self.trees.setdefault(self._find(key).id, dict(_IMAGE))

    async def changes(self, key: str) -> Sequence[Change]:
        tree = self.tree(key)
        kinds = {path: ChangeKind.ADDED for path in tree if path not in _IMAGE}
        kinds |= {path: ChangeKind.DELETED for path in _IMAGE if path not in tree}
        for path in [*kinds, *(p for p in _IMAGE if p in tree and tree[p] != _IMAGE[p])]:
            above = path
            while above != "/":
                kinds.setdefault(above, ChangeKind.MODIFIED)
                above = posixpath.dirname(above)
        return [Change(kinds[path], path) for path in sorted(kinds, key=lambda p: p.split("/"))]

    async def stat(self, key: str, path: str) -> PathStat:
        clean, data = self._at(key, path)
        mode = stat.S_IFDIR | 0o755 if data is None else stat.S_IFREG | 0o644
        return PathStat(posixpath.basename(clean) or "/", len(data or b""), mode, 0.0, "")

    async def list(self, key: str, path: str) -> Listing:
        clean, data = self._at(key, path)
        if data is not None:
            raise NotFound(f"Could not find the file {clean} in container {key}")
        below = [
            each for each in self.tree(key) if each != "/" and posixpath.dirname(each) == clean
        ]
        return Listing(tuple([await self.stat(key, each) for each in sorted(below)]), True)

    async def read(self, key: str, path: str, size: int) -> bytes:
        clean, data = self._at(key, path)
        if data is None:
            raise Conflict(f"{clean} is no regular file")
        return data[:size]

    async def revert(self, key: str, path: str) -> int:
        clean = posixpath.normpath(f"/{path}").replace("//", "/")
        tree = self.tree(key)
        undone = [each.path for each in await self.changes(key) if _within(each.path, clean)]
        if not undone:
            raise NotFound(f"{clean} is as the image has it")
        for each in undone:
            tree.pop(each, None)
        tree.update({each: _IMAGE[each] for each in _IMAGE if _within(each, clean)})
        return len(undone)

    async def copy_out(self, key: str, path: str, local: str) -> Copied:
        clean, data = self._at(key, path)
        target = os.path.join(local, posixpath.basename(clean)) if os.path.isdir(local) else local
        if data is None:
            os.makedirs(target, exist_ok=True)
            for entry in (await self.list(key, clean)).entries:
                await self.copy_out(key, posixpath.join(clean, entry.name), target)
        else:
            pathlib.Path(target).write_bytes(data)
        return Copied(len(data or b""), 0)

    async def copy_in(self, local: str, key: str, path: str) -> Copied:
        if not os.path.isfile(local):
            raise NotFound(f"Could not find the file {local}")
        data = pathlib.Path(local).read_bytes()
        clean = posixpath.normpath(f"/{path}").replace("//", "/")
        tree = self.tree(key)
        inside = clean in tree and tree[clean] is None
        tree[posixpath.join(clean, os.path.basename(local)) if inside else clean] = data
        return Copied(len(data), 0)

    async def archive(self, key: str, path: str, follow: bool = False) -> AsyncIterator[bytes]:
        clean, _ = self._at(key, path)
        top = "." if clean == "/" or path.endswith("/.") else posixpath.basename(clean)
        yield _packed(self.tree(key), clean, top)

    async def export(self, key: str) -> AsyncIterator[bytes]:
        yield _packed(self.tree(key), "/", "")

    async def extract(
        self, key: str, path: str, pieces: AsyncIterable[bytes], owners: bool = False
    ) -> int:
        clean, data = self._at(key, path)
        if data is not None:
            raise Conflict(f'destination "{key}:{path}" must be a directory')
        buffer = io.BytesIO(b"".join([piece async for piece in pieces]))
        tree = self.tree(key)
        with tarfile.open(fileobj=buffer) as tar:
            for member in tar:
                content = tar.extractfile(member)
                target = posixpath.normpath(posixpath.join(clean, member.name))
                tree[target] = content.read() if content else None
        return 0

    async def commit(self, key: str, asked: CommitSpec) -> Image:
        container = self._find(key)
        base = await self._images.get(container.image_id)
        tags = (full(asked.reference),) if asked.reference else ()
        image = base._replace(id=digest(f"commit {container.id} {asked}"), tags=tags)
        self._images.add(image)
        return image

    def _at(self, key: str, path: str) -> tuple[str, bytes | None]:
        clean = posixpath.normpath(f"/{path}").replace("//", "/")
        tree = self.tree(key)
        if clean not in tree:
            raise NotFound(f"Could not find the file {clean} in container {key}")
        return clean, tree[clean]


def _within(path: str, top: str) -> bool:
    return path == top or path.startswith(top.rstrip("/") + "/")


def _packed(tree: dict[str, bytes | None], root: str, top: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, data in sorted(tree.items()):
            if path != root and not path.startswith(root.rstrip("/") + "/"):
                continue
            inner = path[len(root) :].strip("/")
            member = tarfile.TarInfo(posixpath.join(top, inner) or ".")
            member.type = tarfile.DIRTYPE if data is None else tarfile.REGTYPE
            member.size = len(data or b"")
            tar.addfile(member, io.BytesIO(data or b""))
    return buffer.getvalue()
