"""A merged tree against umoci's, which unpacks layer after layer into one directory.

Where umoci 0.4.7 and the image-spec part ways the spec is followed, and the case is in the
other files of this directory instead of here:
 - overlay attributes in an archive never act here, umoci restores them;
 - directories that nothing ever lists keep the time 1970 here, the time of unpacking there.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import root_only
from tests.layers import archives
from tests.layers.archives import (
    Member,
    archive,
    directory,
    file,
    hardlink,
    opaque,
    symlink,
    whiteout,
    zipped,
)
from tests.layers.conftest import Looks, Merge, feed, look
from tuidock.engine.images.layers import LayerStore

pytestmark = pytest.mark.root(root_only.PROGRAMS)

CAPABILITY = struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0).decode("latin-1")

LAYERS: list[list[Member]] = [
    [
        directory("./", 0o751, uid=2, mtime=1_111_111_111.5),
        directory("usr", 0o711, uid=1, mtime=5),
        directory("usr/bin", 0o2755, gid=50, mtime=6.25),
        file("usr/bin/tool", b"old", 0o755),
        symlink("bin", "usr/bin"),
        symlink("sbin", "/usr/bin"),
        directory("etc", 0o1777),
        *(file(f"etc/f{n}", b"%d" % n) for n in range(20)),
        directory("data"),
        directory("data/old"),
        file("data/old/deep"),
        directory("swap-dir"),
        file("swap-dir/in"),
        file("swap-file"),
        symlink("swap-link", "usr"),
        file("linked", b"linked", 0o4711, uid=7, gid=8),
        file("again", b"1"),
    ],
    [
        file("bin/through", b"relative", 0o755),
        file("sbin/through2", b"absolute", 0o755),
        whiteout("etc/f3"),
        whiteout("etc/none"),
        whiteout("again"),
        directory("data"),
        directory("data/old", 0o700),
        opaque("data/old"),
        file("data/old/new"),
        file("swap-dir", b"now a file"),
        directory("swap-file"),
        file("swap-file/in"),
        directory("swap-link"),
        file("swap-link/in"),
        hardlink("usr/link", "linked"),
    ],
    [
        file("again", b"2", mtime=-5),
        directory("odd", 0o0, uid=2_000_000, gid=3_000_000),
        file("odd/a", b"a" * 9000, 0o6755, uid=12),
        hardlink("odd/b", "odd/a"),
        hardlink("odd/c", "odd/b"),
        file("odd/ünï 名", b"u"),
        file("odd/" + "n" * 200, b"long"),
        file("odd/new\nline", b"n"),
        symlink("odd/dangling", "no/such"),
        symlink("odd/up", "../../../../../etc/shadow", uid=5, mtime=9),
        symlink("odd/loop", "loop"),
        archives.member("odd/fifo", tarfile.FIFOTYPE, 0o640),
        archives.member("odd/null", tarfile.CHRTYPE, 0o666, devmajor=1, devminor=3),
        archives.member("odd/disk", tarfile.BLKTYPE, 0o660, gid=6, devmajor=8, devminor=1),
        file("odd/xattr", b"", pax_headers={"SCHILY.xattr.user.note": "hello"}),
        file("odd/future", mtime=4_102_444_800.125),
        directory("odd/setgid", 0o2777, gid=9),
        file("odd/setgid/f"),
        directory("odd/twice", 0o700),
        directory("odd/twice", 0o701),
        file("etc/f5", b"first"),
        file("etc/f5", b"second"),
        whiteout("etc/f6"),
        file("odd/sparse", b"12345", pax_headers=archives.sparse(1 << 20, 4096, 5)),
    ],
    [whiteout("usr/bin/tool"), file("etc/f7", b"seven", 0o600), whiteout("odd/twice")],
]


def layout_of(path: Path, layers: Sequence[bytes], diff_ids: Sequence[str]) -> None:
    """Write an OCI image layout with one image, `test`."""

    def blob(data: bytes, kind: str) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        (path / "blobs/sha256" / digest).write_bytes(data)
        media_type = f"application/vnd.oci.image.{kind}"
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    (path / "blobs/sha256").mkdir(parents=True)
    (path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    config = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": list(diff_ids)},
    }
    manifest = {
        "schemaVersion": 2,
        "config": blob(json.dumps(config).encode(), "config.v1+json"),
        "layers": [blob(layer, "layer.v1.tar+gzip") for layer in layers],
    }
    entry = blob(json.dumps(manifest).encode(), "manifest.v1+json")
    entry["annotations"] = {"org.opencontainers.image.ref.name": "test"}
    (path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))


def by_umoci(tmp_path: Path, layers: Sequence[bytes], diff_ids: Sequence[str]) -> dict[str, Looks]:
    layout_of(tmp_path / "oci", layers, diff_ids)
    words = ["umoci", "raw", "unpack", "--image", f"{tmp_path}/oci:test", f"{tmp_path}/rootfs"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return look(f"{tmp_path}/rootfs")


def test_same_tree_as_umoci(layers: LayerStore, merge: Merge, tmp_path: Path) -> None:
    """Owners, modes, times, attributes, hard links, content: everything `Looks` has."""
    blobs = [zipped(archive(members)) for members in LAYERS]
    chain = [feed(layers, blob) for blob in blobs]
    theirs = by_umoci(tmp_path, blobs, [layer.diff_id for layer in chain])
    with merge(chain) as root:
        ours = look(root)
    keys = layers.keys([layer.diff_id for layer in chain])
    assert keys
    ours[""] = look(layers.root(keys))[""]
    different = {path for path in ours.keys() | theirs.keys() if ours.get(path) != theirs.get(path)}
    assert not different, "\n".join(
        f"{path}\n  {ours.get(path)}\n  {theirs.get(path)}" for path in sorted(different)
    )
    assert len(ours) > 50


def test_file_capability_as_umoci(layers: LayerStore, tmp_path: Path) -> None:
    record = b"SCHILY.xattr.security.capability=" + CAPABILITY.encode("latin-1") + b"\n"
    record = b"%d " % (len(record) + 3) + record
    data = archives.header(b"x", b"x", len(record)) + archives.padded(record)
    blob = zipped(data + archives.header(b"ping") + archives.END)
    layer = feed(layers, blob)
    by_umoci(tmp_path, [blob], [layer.diff_id])
    for root in (layer.directory, f"{tmp_path}/rootfs"):
        value = os.getxattr(f"{root}/ping", "security.capability")
        assert value == CAPABILITY.encode("latin-1")
