"""Whatever bytes come: an archive is read, or refused with a ContentError, and never more."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.layers import archives
from tests.layers.archives import END, archive, header, padded
from tuidock.engine.errors import ContentError
from tuidock.engine.images.layers import names, tar
from tuidock.engine.images.layers.bounds import Bounds
from tuidock.engine.images.layers.inflate import Decoder, Gzip, Zstd
from tuidock.engine.images.layers.source import Source

SMALL = Bounds(header=4096, path=300, depth=20, entries=50)


def read(data: bytes) -> list[tar.Entry]:
    """Everything the extraction would ask of the reader; nothing but ContentError gets out."""
    pieces: Iterator[bytes] = iter([data[:700], data[700:], b""])
    source = Source(lambda: next(pieces, b""))
    found = []
    try:
        for entry in tar.entries(source, SMALL):
            found.append(entry)
            clean = names.clean(entry.name, SMALL)
            assert not clean.startswith(b"/")
            assert not {b"", b".", b".."} & set(clean.split(b"/")) or clean == b""
            names.whiteout(clean)
            assert 0 <= entry.uid < 0xFFFFFFFF
            if entry.segments is not None:
                assert sum(length for _, length in entry.segments) == entry.size
    except ContentError as error:
        refused = error.message
        assert refused.isprintable()
    return found


FIELD = st.one_of(
    st.binary(max_size=12),
    st.from_regex(rb"\A[0-7 ]{0,11}\0?\Z"),
    st.binary(min_size=11, max_size=11).map(lambda rest: b"\x80" + rest),
)
RECORD = st.tuples(
    st.sampled_from(
        "path linkpath uid gid size mtime GNU.sparse.major GNU.sparse.minor GNU.sparse.map "
        "GNU.sparse.size GNU.sparse.realsize GNU.sparse.name GNU.sparse.offset "
        "GNU.sparse.numbytes SCHILY.xattr.user.x comment".split()
    ),
    st.one_of(st.binary(max_size=40), st.integers().map(lambda n: b"%d" % n)),
)


def spelled(key: str, value: bytes) -> bytes:
    body = b" " + key.encode() + b"=" + value + b"\n"
    length = len(body) + len(str(len(body)))
    length += len(str(length)) - len(str(len(body)))
    return b"%d" % length + body


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=3000))
def test_noise(data: bytes) -> None:
    read(data)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from([bytes([flag]) for flag in b"\0" + b"01234567xgLKSVDXZ"]),
    st.binary(max_size=100),
    st.dictionaries(st.sampled_from(["mode", "uid", "gid", "size", "mtime", "devmajor"]), FIELD),
    st.binary(max_size=1100),
)
def test_headers_with_a_right_checksum(
    flag: bytes, name: bytes, fields: dict[str, bytes], data: bytes
) -> None:
    width = {"mode": 8, "uid": 8, "gid": 8, "size": 12, "mtime": 12, "devmajor": 8}
    cut = {key: value[: width[key]] for key, value in fields.items()}
    cut.setdefault("size", b"%011o" % len(data))
    read(header(name, flag, prefix=data[:167], **cut) + padded(data) + END)


@settings(max_examples=400, deadline=None)
@given(st.lists(RECORD, max_size=6), st.binary(max_size=600), st.sampled_from([b"x", b"g"]))
def test_extended_headers(records: list[tuple[str, bytes]], data: bytes, flag: bytes) -> None:
    text = b"".join(spelled(key, value) for key, value in records)
    block = header(b"f", length=len(data)) + padded(data)
    read(header(b"x", flag, len(text)) + padded(text) + block + END)


VALID = archive(
    [
        archives.file("f" * 150, b"x" * 600, pax_headers={"mtime": "1.5"}),
        archives.symlink("l", "t" * 150),
        archives.file("s", b"12345", pax_headers={"GNU.sparse.size": "9", "GNU.sparse.map": "4,5"}),
    ],
    tarfile.PAX_FORMAT,
)


@settings(max_examples=600, deadline=None)
@given(st.integers(0, len(VALID) - 1), st.integers(0, 255), st.integers(0, len(VALID)))
def test_a_changed_byte_and_a_cut(at: int, value: int, end: int) -> None:
    changed = bytearray(VALID)
    changed[at] = value
    read(bytes(changed))
    read(VALID[:end])


def test_the_valid_one_is_read() -> None:
    assert len(read(VALID)) == 3


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=5), st.booleans())
def test_decoders(pieces: list[bytes], framed: bool) -> None:
    for decoder, magic in ((Gzip(), b"\x1f\x8b\x08"), (Zstd(), b"\x28\xb5\x2f\xfd")):
        _decode(decoder, [magic, *pieces] if framed else pieces)


def _decode(decoder: Decoder, pieces: list[bytes]) -> None:
    try:
        for piece in pieces:
            for _plain in decoder.feed(piece):
                pass
        decoder.close()
    except ContentError:
        pass
