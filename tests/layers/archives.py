"""Makes layers: a little language over tarfile, and raw headers for what it would not."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Sequence
from typing import NamedTuple

GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
PLAIN = "application/vnd.oci.image.layer.v1.tar"


class Member(NamedTuple):
    """One entry to write; the functions below make them."""

    info: tarfile.TarInfo
    data: bytes = b""


def member(name: str, kind: bytes, mode: int, **fields: object) -> Member:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.mtime = kind, mode, 1_600_000_000
    for key, value in fields.items():
        setattr(info, key, value)
    return Member(info)


def file(name: str, data: bytes = b"", mode: int = 0o644, **fields: object) -> Member:
    made = member(name, tarfile.REGTYPE, mode, **fields)
    made.info.size = len(data)
    return Member(made.info, data)


def directory(name: str, mode: int = 0o755, **fields: object) -> Member:
    return member(name, tarfile.DIRTYPE, mode, **fields)


def symlink(name: str, target: str, **fields: object) -> Member:
    return member(name, tarfile.SYMTYPE, 0o777, linkname=target, **fields)


def hardlink(name: str, target: str) -> Member:
    return member(name, tarfile.LNKTYPE, 0o644, linkname=target)


def whiteout(name: str) -> Member:
    head, slash, leaf = name.rpartition("/")
    return file(f"{head}{slash}.wh.{leaf}")


def opaque(name: str = "") -> Member:
    return file(f"{name}/.wh..wh..opq" if name else ".wh..wh..opq")


def archive(members: Sequence[Member], form: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form, encoding="utf-8") as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def zipped(data: bytes) -> bytes:
    return gzip.compress(data, 1, mtime=0)


def header(name: bytes, flag: bytes = b"0", length: int = 0, **fields: bytes) -> bytes:
    """One raw ustar header; `fields` overrides parts by their POSIX names."""
    parts = {
        "name": name.ljust(100, b"\0"),
        "mode": b"0000644\0",
        "uid": b"0000000\0",
        "gid": b"0000000\0",
        "size": b"%011o\0" % length,
        "mtime": b"00000000000\0",
        "chksum": b" " * 8,
        "typeflag": flag,
        "linkname": bytes(100),
        "magic": b"ustar\00000",
        "uname": bytes(32),
        "gname": bytes(32),
        "devmajor": b"0000000\0",
        "devminor": b"0000000\0",
        "prefix": bytes(167),
    }
    parts |= {key: value.ljust(len(parts[key]), b"\0") for key, value in fields.items()}
    block = b"".join(parts.values())
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


END = bytes(1024)


def sparse(size: int, offset: int, length: int) -> dict[str, str]:
    """PAX records (format 0.1) of a sparse file with one segment."""
    fields = {"size": str(size), "numblocks": "1", "map": f"{offset},{length}"}
    return {f"GNU.sparse.{key}": value for key, value in fields.items()}
