"""Unpacking with fewer powers than root of the machine has."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tarfile

import pytest

from tests import root_only
from tests.layers import archives
from tests.layers.archives import GZIP, archive, directory, file, opaque, symlink, whiteout, zipped
from tuidock.engine.images.layers.owners import Owners
from tuidock.engine.images.layers.tar import FILE, Entry
from tuidock.engine.layout import Layout
from tuidock.engine.store import connect

UNPACK = """
import sys
from tuidock.engine.images.layers import LayerStore
from tuidock.engine.layout import Layout
from tuidock.engine.store import connect
layout = Layout(*sys.argv[1:3])
db = connect(layout)
layers = LayerStore(layout, db)
with layers.begin(sys.argv[3]) as unpacking:
    unpacking.write(sys.stdin.buffer.read())
    layers.settle([unpacking.finish()])
db.close()
"""


def entry(uid: int, gid: int) -> Entry:
    return Entry(b"f", FILE, 0o644, uid, gid, 0, 0, b"", (0, 0))


def test_owners_that_do_not_exist_here_become_our_own() -> None:
    some = Owners((0, 0), ((0, 1), (1000, 10)), ((0, 1),), devices=False, access=0)
    assert some.of(entry(0, 0)) is None
    assert some.of(entry(1005, 0)) == (1005, 0)
    assert some.of(entry(1010, 7)) is None
    nobody = Owners((1000, 1000), (), (), devices=False, access=0o700)
    assert nobody.of(entry(0, 0)) is None


@pytest.mark.root(root_only.IDS)
def test_inside_a_user_namespace(layout: Layout) -> None:
    """One id is mapped: all is root's, devices are left out, whiteouts and marks are there.

    Seen to fail (with EINVAL of chown) while owners were set as the archive says.
    """
    members = [
        directory("d", 0o500, uid=3),
        file("d/f", b"x", 0o640, uid=5, gid=6),
        whiteout("w"),
        opaque("d"),
        archives.member("null", tarfile.CHRTYPE, 0o600, devmajor=1, devminor=3),
        archives.member("fifo", tarfile.FIFOTYPE, 0o600, uid=4),
        symlink("l", "x", uid=4),
    ]
    words = ["unshare", "-Ur", sys.executable, "-c", UNPACK, layout.root, layout.runroot, GZIP]
    subprocess.run(words, input=zipped(archive(members)), check=True)
    db = connect(layout)
    ((key,),) = db.execute("SELECT key FROM layer").fetchall()
    db.close()
    root = layout.layer(key)
    assert sorted(os.listdir(root)) == ["d", "fifo", "l", "w"]
    assert os.stat(f"{root}/w").st_rdev == 0
    assert stat.S_ISCHR(os.stat(f"{root}/w").st_mode)
    assert os.getxattr(f"{root}/d", "user.overlay.opaque") == b"y"
    assert os.stat(f"{root}/d").st_mode & 0o777 == 0o500
    for name in ("d", "d/f", "fifo", "l"):
        status = os.lstat(f"{root}/{name}")
        assert (status.st_uid, status.st_gid) == (0, 0)
