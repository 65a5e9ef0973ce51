"""Every dialect of tar that images are written in, and what must be refused."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from tests import root_only
from tests.layers import archives
from tests.layers.archives import END, archive, file, header, padded, zipped
from tests.layers.conftest import Unpack, content, feed, look
from tuidock.engine.errors import ContentError, UnsafeLayer
from tuidock.engine.images.layers import LayerStore, tar
from tuidock.engine.images.layers.bounds import BOUNDS
from tuidock.engine.images.layers.source import Source


def parse(data: bytes, step: int = 1 << 20) -> list[tuple[tar.Entry, bytes]]:
    """All entries with their data; the bytes arrive `step` at a time."""

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(data), step):
            yield data[start : start + step]
        yield b""  # once: a reader that asks again gets StopIteration

    source = Source(pieces().__next__)
    return [(entry, source.read(entry.size)) for entry in tar.entries(source, BOUNDS)]


@pytest.mark.parametrize("step", [1, 511, 512, 513, 1 << 20])
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_formats_and_any_chunking(form: int, step: int) -> None:
    name = "/".join(["directory"] * 12) if form == tarfile.USTAR_FORMAT else "long/" * 60 + "name"
    made = archive([file(name, b"x" * 700, 0o4711, uid=12, gid=34), file("b")], form)
    (first, data), (second, _) = parse(made, step)
    assert first.name.decode() == name
    assert (first.mode, first.uid, first.gid, data) == (0o4711, 12, 34, b"x" * 700)
    assert first.mtime == 1_600_000_000 * 10**9
    assert second.name == b"b"


def test_long_link_names() -> None:
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        ((entry, _),) = parse(archive([archives.symlink("l", "t/" * 200)], form))
        assert entry.link == b"t/" * 200


def test_pax_says_more_than_the_header() -> None:
    made = archive([file("ünï", b"data", uid=3_000_000, mtime=1.25)])
    ((entry, _),) = parse(made)
    assert (entry.name.decode(), entry.uid, entry.mtime) == ("ünï", 3_000_000, 1_250_000_000)


def test_pax_time_before_1970_keeps_its_fraction() -> None:
    made = archive([file("f", mtime=0, pax_headers={"mtime": "-1.25"})])
    assert parse(made)[0][0].mtime == -1_250_000_000


def test_global_header_holds_until_taken_back() -> None:
    one = padded(b"15 uid=1234567\n")
    off = padded(b"7 uid=\n")
    data = b"".join(
        [
            *(header(b"g", b"g", 15), one, header(b"a"), header(b"b")),
            *(header(b"g", b"g", 7), off, header(b"c"), END),
        ]
    )
    assert [entry.uid for entry, _ in parse(data)] == [1234567, 1234567, 0]


def test_base_256_numbers() -> None:
    big = (1 << 63 | 5).to_bytes(8, "big")
    old = (-7).to_bytes(12, "big", signed=True)
    ((entry, _),) = parse(header(b"f", uid=big, mtime=old) + END)
    assert (entry.uid, entry.mtime) == (5, -7 * 10**9)


def test_signed_checksum_of_old_tars() -> None:
    name = b"caf\xe9" * 4
    block = header(name)
    signed = sum(block[:148]) + sum(block[156:]) + 256 - 256 * 4
    ((entry, _),) = parse(block[:148] + b"%06o\0 " % signed + block[156:] + END)
    assert entry.name == name


def test_names_are_bytes(unpack: Unpack) -> None:
    name = b"raw\xff\nname"
    layer = unpack(data=header(name, length=1) + padded(b"x") + END)
    assert os.listdir(os.fsencode(layer.directory)) == [name]


# --- ends -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tail", [b"", bytes(512), END, END + bytes(9216), END + b"garbage", END + header(b"hidden")]
)
def test_ends_that_are_fine(tail: bytes, unpack: Unpack) -> None:
    layer = unpack(data=header(b"f") + tail)
    assert os.listdir(layer.directory) == ["f"]


@pytest.mark.parametrize(
    "data",
    [
        header(b"f")[:300],
        header(b"f", length=600) + bytes(512),
        header(b"f", length=600) + bytes(700),
        header(b"x", b"x", 40) + bytes(100),
        header(b"x", b"x", 11) + padded(b"11 uid=555\n"),
        bytes(512) + header(b"f"),
        b"not a tar archive" * 100,
        header(b"f")[:-1] + b"!",
    ],
)
def test_truncated_or_broken(data: bytes) -> None:
    with pytest.raises(ContentError):
        parse(data)


def test_diff_id_covers_what_follows_the_archive(unpack: Unpack) -> None:
    """Row 11: seen to fail when reading stopped at the end-of-archive blocks."""
    plain = archive([file("f")]) + b"more" * (8 << 20)
    assert unpack(data=plain).diff_id == f"sha256:{hashlib.sha256(plain).hexdigest()}"


@pytest.mark.parametrize("cut", [1, 8, 100])
@pytest.mark.parametrize("media_type", [archives.GZIP, archives.ZSTD])
def test_truncated_compressed_stream(layers: LayerStore, cut: int, media_type: str) -> None:
    """Row 11: seen to fail without the decoders' `close`."""
    plain = archive([file("f", os.urandom(3000))])
    blob = zipped(plain) if media_type == archives.GZIP else zstandard.compress(plain)
    with pytest.raises(ContentError, match="early"):
        feed(layers, blob[:-cut], media_type)
    assert os.listdir(layers.directory("")) == []


def test_flipped_bit_in_gzip(layers: LayerStore) -> None:
    blob = bytearray(zipped(archive([file("f", os.urandom(3000))])))
    blob[-6] ^= 1
    with pytest.raises(ContentError):
        feed(layers, bytes(blob))


def test_compressions_give_one_diff_id(layers: LayerStore) -> None:
    plain = archive([file("f", os.urandom(3000) * 400), file("g")])
    half = len(plain) // 2
    skippable = b"\x50\x2a\x4d\x18\x04\x00\x00\x00skip"
    blobs = [
        plain,
        zipped(plain),
        zipped(plain[:half]) + zipped(b"") + zipped(plain[half:]),
        zstandard.compress(plain),
        skippable + zstandard.compress(plain[:half]) + zstandard.compress(plain[half:]) + skippable,
    ]
    assert len({feed(layers, blob, archives.PLAIN).diff_id for blob in blobs}) == 1


def test_bytes_after_the_compressed_stream(layers: LayerStore) -> None:
    """Row 11: appended bytes are not a gzip member."""
    with pytest.raises(ContentError):
        feed(layers, zipped(archive([file("f")])) + b"appended")


def test_other_media_types(layers: LayerStore) -> None:
    for media_type in ("application/vnd.oci.image.layer.v1.tar+encrypted", "text/plain", ""):
        with pytest.raises(ContentError, match="not a layer"):
            layers.begin(media_type)


# --- sparse files -----------------------------------------------------------------------------

FORMS = ["--format=gnu", "--format=pax --sparse-version=0.0", "--format=pax --sparse-version=0.1"]


@pytest.mark.parametrize("form", [*FORMS, "--format=pax --sparse-version=1.0"])
@pytest.mark.parametrize("parts", [0, 1, 3, 30])
def test_sparse_as_gnu_tar_writes_it(unpack: Unpack, tmp_path: Path, form: str, parts: int) -> None:
    source = tmp_path / "sparse"
    with source.open("wb") as out:
        for part in range(parts):
            out.seek(part * 300_000 + 100_000)
            out.write(b"%d" % part * 9000)
        out.truncate(parts * 300_000 + 500_000)
    words = ["tar", "-cSf", "-", *form.split(), "-C", str(tmp_path), "sparse"]
    layer = unpack(data=subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
    assert content(f"{layer.directory}/sparse") == source.read_bytes()
    assert os.stat(f"{layer.directory}/sparse").st_blocks <= source.stat().st_blocks


def test_sparse_map_that_lies() -> None:
    for text in ("0,10", "0,10,5,10", "90,20", "10", "a,b", ""):
        records = {"GNU.sparse.size": "100", "GNU.sparse.map": text}
        with pytest.raises(ContentError):
            parse(archive([file("f", b"x" * 20, pax_headers=records)]))


# --- what nobody may ask for --------------------------------------------------------------------


@pytest.mark.parametrize(
    "block",
    [
        header(b"f", uid=b"77777777"[:8].replace(b"7", b"9")),
        header(b"f", length=0, uid=b"-0000001"),
        header(b"f", uid=b"0o17"),
        header(b"f", uid=b"\xff" * 8),
        header(b"f", uid=(1 << 63 | 0xFFFFFFFF).to_bytes(8, "big")),
        header(b"f", b"?"),
        header(b"f", b"3", devmajor=b"7777777\0"),
    ],
)
def test_numbers_and_types_that_cannot_be(block: bytes) -> None:
    with pytest.raises(ContentError):
        parse(block + END)


@pytest.mark.parametrize("records", [b"9 uid=\x31", b"99 uid=1\n", b"0 a=b\n", b"x", b"6 uid\n"])
def test_malformed_records(records: bytes) -> None:
    with pytest.raises(ContentError):
        parse(header(b"x", b"x", len(records)) + padded(records) + header(b"f") + END)


def test_path_with_a_nul() -> None:
    with pytest.raises(UnsafeLayer):
        parse(header(b"x", b"x", 12) + padded(b"12 path=a\0b\n") + header(b"f") + END)


@pytest.mark.root(root_only.PROGRAMS)
def test_gnu_tar_reads_the_same(unpack: Unpack, tmp_path: Path) -> None:
    """The same archive through GNU tar gives the same tree."""
    members = [
        archives.directory("d", 0o2755, uid=3, mtime=11),
        file("d/f", b"x" * 5000, 0o4711, uid=4, gid=5),
        archives.symlink("d/l", "../gone", uid=6),
        archives.hardlink("d/h", "d/f"),
        archives.member("d/p", tarfile.FIFOTYPE, 0o620),
        archives.member("d/n", tarfile.CHRTYPE, 0o600, devmajor=1, devminor=3),
        file("d/x", pax_headers={"SCHILY.xattr.user.note": "hi"}),
        archives.directory("./", 0o711, mtime=12),
    ]
    data = archive(members)
    words = ["tar", "-xpf", "-", "--xattrs", "--numeric-owner", "--same-owner", "-C", str(tmp_path)]
    subprocess.run(words, input=data, check=True)
    assert look(unpack(data=data).directory) == look(str(tmp_path))
