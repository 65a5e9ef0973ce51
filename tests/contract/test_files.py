"""What `engine.api.Files` promises, asked of both engines."""

from __future__ import annotations

import io
import stat
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tuidock.engine.api import Engine
from tuidock.engine.errors import Conflict, ContainerNotFound, NotFound
from tuidock.engine.filesystem import Change, ChangeKind, CommitSpec
from tuidock.engine.types import ContainerSpec


async def made(engine: Engine) -> str:
    spec = ContainerSpec("busybox", "web", ("sleep", "60"), network="none")
    return (await engine.containers.create(spec)).id


async def packed(name: str, text: bytes) -> AsyncIterator[bytes]:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text))
    yield buffer.getvalue()[:700]
    yield buffer.getvalue()[700:]


async def opened(stream: AsyncIterator[bytes]) -> tarfile.TarFile:
    return tarfile.open(fileobj=io.BytesIO(b"".join([piece async for piece in stream])))


async def test_what_is_put_in_comes_out(engine: Engine) -> None:
    box = await made(engine)
    assert await engine.files.changes(box) == []
    assert await engine.files.extract("web", "/tmp", packed("note", b"hello")) == 0
    changed = [Change(ChangeKind.MODIFIED, "/tmp"), Change(ChangeKind.ADDED, "/tmp/note")]
    assert await engine.files.changes(box) == changed
    found = await engine.files.stat(box, "tmp/note")
    assert (found.name, found.size, found.link_target) == ("note", 5, "")
    assert stat.S_ISREG(found.mode)
    with await opened(engine.files.archive(box, "/tmp")) as tar:
        assert tar.getnames() == ["tmp", "tmp/note"]
        content = tar.extractfile("tmp/note")
        assert content is not None
        assert content.read() == b"hello"
    with await opened(engine.files.archive(box, "/tmp/.")) as tar:
        assert tar.getnames() == [".", "./note"]
    with await opened(engine.files.export(box)) as tar:
        assert {"tmp/note", "etc/passwd"} <= set(tar.getnames())


async def test_what_was_changed_is_reverted(engine: Engine) -> None:
    box = await made(engine)
    original = await engine.files.read(box, "/etc/passwd", 4096)
    await engine.files.extract("web", "/tmp", packed("note", b"hello"))
    await engine.files.extract("web", "/etc", packed("passwd", b"nobody"))
    assert await engine.files.revert("web", "/tmp") == 2
    with pytest.raises(NotFound):
        await engine.files.revert(box, "/tmp/note")
    assert {it.path for it in await engine.files.changes(box)} == {"/etc", "/etc/passwd"}
    assert await engine.files.revert(box, "etc/passwd") == 1
    assert await engine.files.read(box, "/etc/passwd", 4096) == original
    assert await engine.files.changes(box) == []


async def test_what_is_not_there_is_not_found(engine: Engine) -> None:
    box = await made(engine)
    with pytest.raises(NotFound):
        await engine.files.stat(box, "/nosuch")
    with pytest.raises(NotFound):
        await opened(engine.files.archive(box, "/nosuch"))
    with pytest.raises(NotFound):
        await engine.files.extract(box, "/nosuch/deep", packed("x", b""))
    with pytest.raises(Conflict, match="must be a directory"):
        await engine.files.extract(box, "/etc/passwd", packed("x", b""))
    with pytest.raises(ContainerNotFound):
        await engine.files.changes("nosuch")


async def test_a_directory_is_listed_and_a_file_read(engine: Engine) -> None:
    box = await made(engine)
    await engine.files.extract("web", "/tmp", packed("note", b"hello"))
    found = await engine.files.list(box, "/tmp")
    assert [(it.name, it.size) for it in found.entries] == [("note", 5)]
    assert found.whole
    names = [it.name for it in (await engine.files.list(box, "/")).entries]
    assert {"bin", "etc", "tmp"} <= set(names)
    assert names == sorted(names)
    assert await engine.files.read("web", "/tmp/note", 100) == b"hello"
    assert await engine.files.read("web", "/tmp/note", 2) == b"he"
    with pytest.raises(Conflict, match="no regular file"):
        await engine.files.read(box, "/tmp", 100)
    for path in ("/nosuch", "/tmp/note"):
        with pytest.raises(NotFound):
            await engine.files.list(box, path)


async def test_files_are_copied_by_the_rules_of_cp(engine: Engine, tmp_path: Path) -> None:
    box = await made(engine)
    note, out = tmp_path / "note", tmp_path / "out"
    note.write_text("hello")
    out.mkdir()
    assert (await engine.files.copy_in(str(note), box, "/tmp")).skipped == 0
    await engine.files.copy_in(str(note), box, "/tmp/other")
    assert await engine.files.read(box, "/tmp/other", 9) == b"hello"
    await engine.files.copy_out(box, "/tmp/note", str(out))
    await engine.files.copy_out(box, "/tmp/note", str(out / "again"))
    assert [(out / name).read_text() for name in ("note", "again")] == ["hello", "hello"]
    with pytest.raises(NotFound):
        await engine.files.copy_in(str(tmp_path / "nosuch"), box, "/tmp")


async def test_leaving_early_leaves_nothing_behind(engine: Engine) -> None:
    box = await made(engine)
    stream = engine.files.export(box)
    assert await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]
    await engine.containers.start(box)
    await engine.containers.remove(box, force=True)


async def test_an_image_of_a_container(engine: Engine) -> None:
    box = await made(engine)
    await engine.files.extract(box, "/tmp", packed("note", b"hello"))
    image = await engine.files.commit(box, CommitSpec("mine:1"))
    assert image.tags == ("docker.io/library/mine:1",)
    assert (await engine.images.get("mine:1")).id == image.id
    assert image.id != (await engine.images.get("busybox")).id
