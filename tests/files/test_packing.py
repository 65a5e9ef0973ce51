"""Archives that we write: our own reader, Python's and GNU's agree on what is in them."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuidock.engine.errors import UnsafeLayer
from tuidock.engine.images.layers import pack, tar
from tuidock.engine.images.layers.bounds import BOUNDS
from tuidock.engine.images.layers.packing import Packer
from tuidock.engine.images.layers.source import Source
from tuidock.engine.images.layers.tar import Entry
from tuidock.engine.images.layers.walk import Opener

_NAMES = st.binary(min_size=1, max_size=300).filter(
    lambda name: b"\0" not in name and not name.endswith(b"/")
)
_SECOND = 1_000_000_000


def read(data: bytes) -> list[Entry]:
    stream = io.BytesIO(data)
    return list(tar.entries(Source(lambda: stream.read(1000)), BOUNDS))


@given(
    name=_NAMES,
    link=_NAMES,
    kind=st.sampled_from(range(7)),
    mode=st.integers(0, 0o7777),
    owner=st.tuples(st.integers(0, 2**32 - 2), st.integers(0, 2**32 - 2)),
    mtime=st.integers(-(10**10) * _SECOND, 10**11 * _SECOND),
    xattrs=st.dictionaries(
        st.text("abc.", min_size=1).map(lambda key: f"user.{key}".encode()), st.binary(max_size=99)
    ),
)
def test_our_reader_gives_back_what_went_in(
    name: bytes,
    link: bytes,
    kind: int,
    mode: int,
    owner: tuple[int, int],
    mtime: int,
    xattrs: dict[bytes, bytes],
) -> None:
    is_link = kind in (tar.LINK, tar.SYMLINK)
    device = (5, 7) if kind in (tar.CHARACTER, tar.BLOCKDEV) else (0, 0)
    entry = Entry(
        *(name, kind, mode, *owner, 0, mtime, link if is_link else b"", device),
        xattrs=tuple(xattrs.items()),
    )
    [found] = read(pack.header(entry) + pack.END)
    assert found == entry


@given(size=st.integers(0, BOUNDS.total))
def test_sizes_of_any_length(size: int) -> None:
    """ustar's eleven digits end at 8 GiB."""
    entry = Entry(b"big", tar.FILE, 0o644, 0, 0, size, 0, b"", (0, 0))
    stream = io.BytesIO(pack.header(entry))
    assert next(tar.entries(Source(stream.read), BOUNDS)).size == size


def packed(path: Path, *, sparse: bool = True, latest: int = 0) -> bytes:
    out = io.BytesIO()
    top = os.open(path, os.O_PATH)
    packer = Packer(out.write, Opener(), sparse=sparse, latest=latest)
    packer.tree(top, b"t")
    packer.finish()
    os.close(top)
    return out.getvalue()


def test_gnu_tar_unpacks_it_to_the_same_tree(tmp_path: Path) -> None:
    tree = tmp_path / "t"
    (tree / ("d" * 150) / ("e" * 150)).mkdir(parents=True)
    (tree / "one").write_text("one")
    (tree / ("d" * 150) / ("e" * 150) / "deep").write_text("deep")
    os.link(tree / "one", tree / "two")
    os.symlink("x" * 200, tree / "link")
    os.mkfifo(tree / "fifo")
    (tree / "new\nline").write_bytes(b"")
    (tree / os.fsdecode(b"\xff\xfe")).write_bytes(b"not unicode")
    os.setxattr(tree / "one", "user.key", b"line\nand \0 nul")
    with open(tree / "holes", "wb") as file:
        for place in (0, 1 << 20, 5 << 20):
            file.seek(place)
            file.write(b"data")
        file.truncate(9 << 20)
    os.utime(tree / "one", ns=(0, -1_500_000_000))
    out = tmp_path / "out"
    out.mkdir()
    command = ["tar", "-x", "-p", "--xattrs", "-C", str(out)]
    subprocess.run(command, input=packed(tree), check=True, stderr=subprocess.DEVNULL)
    for path in [tree, *tree.rglob("*")]:
        copy = out / path.relative_to(tmp_path)
        assert stat.S_IFMT(copy.lstat().st_mode) == stat.S_IFMT(path.lstat().st_mode)
        assert copy.lstat().st_mtime_ns == path.lstat().st_mtime_ns
        if path.is_file() and not path.is_symlink():
            assert copy.read_bytes() == path.read_bytes()
    assert os.getxattr(out / "t/one", "user.key") == b"line\nand \0 nul"
    assert (out / "t/one").stat().st_nlink == 2
    assert (out / "t/holes").stat().st_blocks < 100


def test_equal_trees_make_equal_archives(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name / "d").mkdir(parents=True)
        (tmp_path / name / "d" / "f").write_text("x")
    first, second = (packed(tmp_path / name, latest=1_700_000_000) for name in ("a", "b"))
    assert first == second
    assert {entry.mtime for entry in read(first)} == {1_700_000_000 * _SECOND}


@pytest.mark.parametrize("size", [100, 9 << 20])
def test_a_file_that_changes_while_it_is_read(tmp_path: Path, size: int) -> None:
    """Shorter or longer by the time its data is read. Seen to fail without the zeros."""
    path = tmp_path / "f"
    path.write_bytes(b"x" * (4 << 20))
    out = io.BytesIO()

    def write(data: bytes) -> None:
        out.write(data)
        os.truncate(path, size)

    top = os.open(path, os.O_PATH)
    packer = Packer(write, Opener(), sparse=True)
    packer.tree(top, b"t")
    packer.finish()
    os.close(top)
    with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as archive:
        assert [member.size for member in archive] == [4 << 20]


def test_too_many_holes_are_refused(tmp_path: Path) -> None:
    """Their map would have no bound. Seen to fail without `_SEGMENTS`."""
    path = tmp_path / "f"
    with open(path, "wb") as file:
        for number in range(20_001):
            os.pwrite(file.fileno(), b"x", number * 8192)
    with pytest.raises(UnsafeLayer, match="holes"):
        packed(path)
