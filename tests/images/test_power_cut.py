"""The power goes while an image is made: what is seen afterwards is whole, what was said stays.

The store lies on a disk of its own, a file behind a loop device, on which nothing is written
but what somebody syncs (no journal commits, no flusher in so short a time). strace stops the
engine at its n-th call of a kind; the file, copied then, is the disk as a power cut leaves it.
Seen to fail without both of the unpackers' syncfs (files of zero length in a visible layer),
without the fsync of a blob, and with a connection that is not durable in `Images.add` (an
image that was there is not).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from tests import busybox, machine, root_only
from tuidock.engine import store
from tuidock.engine.core import Core
from tuidock.engine.images.service import Images
from tuidock.engine.layout import Layout

pytestmark = pytest.mark.root(root_only.MOUNTS)

CALLS = "fsync fdatasync syncfs rename unlink mkdir pwrite64".split()
MOST = 200
STEP = int(os.environ.get("TUIDOCK_KILL_STEP", "3"))
DISK = 64 << 20
ADD = """
import sys
from tests import busybox
from tuidock.engine.core import Core
from tuidock.engine.layout import Layout
core = Core(Layout(*sys.argv[1:]))
print(core.images.add(busybox.config(), [busybox.layer()], "busybox").id)
"""


@pytest.fixture(scope="module")
def blank() -> Iterator[str]:
    """A directory with an empty ext4 in a file."""
    base = tempfile.mkdtemp(prefix=os.path.basename(machine.TEMPORARY), dir="/tmp")
    with open(f"{base}/blank", "wb") as file:
        file.truncate(DISK)
    subprocess.run(["mkfs.ext4", "-q", "-E", "lazy_itable_init=0", f"{base}/blank"], check=True)
    yield base
    shutil.rmtree(base)


@contextmanager
def mounted(base: str, disk: str) -> Iterator[Layout]:
    """The store on `disk`; unmounting it writes what was not written."""
    target = f"{base}/mnt"
    os.makedirs(target, exist_ok=True)
    options = "loop,commit=300,noauto_da_alloc"
    subprocess.run(["mount", "-o", options, f"{base}/{disk}", target], check=True)
    try:
        layout = Layout(f"{target}/root", f"{base}/run")
        layout.make()
        yield layout
    finally:
        subprocess.run(["umount", target], check=True)
        shutil.rmtree(f"{base}/run", ignore_errors=True)


def copy(base: str, source: str, target: str) -> None:
    """To a new inode: a loop device that is just being let go remembers the blocks of the old."""
    with suppress(FileNotFoundError):
        os.unlink(f"{base}/{target}")
    subprocess.run(["cp", "--sparse=always", f"{base}/{source}", f"{base}/{target}"], check=True)


def add_and_cut(base: str, call: str, number: int) -> str | None:
    """Add an image, and copy the disk when it ends; the image's id if it got there."""
    copy(base, "blank", "disk")
    with mounted(base, "disk") as layout:
        with closing(store.connect(layout)):
            os.sync()  # an empty store is what we begin with
        done = subprocess.run(
            [
                *("strace", "-f", "-o", "/dev/null", "-e", f"trace={call}"),
                *("-e", f"inject={call}:signal=SIGKILL:when={number}"),
                *(sys.executable, "-c", ADD, layout.root, layout.runroot),
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        copy(base, "disk", "cut")
    return done.stdout.strip() or None


def files(root: str) -> dict[str, str]:
    """Digest of every file below `root`, by its path."""
    found = {}
    for directory, _, names in os.walk(root):
        for name in names:
            path = f"{directory}/{name}"
            if not os.path.islink(path):
                with open(path, "rb") as file:
                    found[path.removeprefix(root)] = hashlib.sha256(file.read()).hexdigest()
    return found


@pytest.fixture
def wanted(layout: Layout) -> dict[str, str]:
    """What the layer holds when it is whole."""
    with closing(Core(layout)) as core:
        core.images.add(busybox.config(), [busybox.layer()], "busybox")
        return files(layout.layers)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("call", CALLS)
def test_an_image_is_whole_or_not_there(blank: str, wanted: dict[str, str], call: str) -> None:
    for number in range(1, MOST, STEP):
        said = add_and_cut(blank, call, number)
        with mounted(blank, "cut") as layout, closing(Core(layout)) as core:
            core.check()
            there = [image.id for image in Images(layout, core.db).list()]
            assert said is None or there == [said], f"gone with the power at {call} {number}"
            assert files(layout.layers) == (wanted if there else {}), f"{call} {number}"
            for path, digest in files(f"{layout.root}/oci/blobs/sha256").items():
                assert path.strip("/") == digest
            core.images.add(busybox.config(), [busybox.layer()], "busybox")
            assert files(layout.layers) == wanted
        if said:
            return
    pytest.fail(f"more than {MOST} calls of {call}")
