"""Killed processes, full disks: what is left can be swept, what is shown is complete."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import root_only
from tests.layers.archives import GZIP, archive, directory, file, symlink, zipped
from tests.layers.conftest import Unpack, feed
from tests.waiting import until
from tuidock.engine.errors import ContentError, HostError, StorageFull
from tuidock.engine.images.layers import LayerStore
from tuidock.engine.layout import Layout
from tuidock.engine.store import connect

NOISE = zipped(archive([file("noise", os.urandom(1 << 20))]))


def children(pid: int) -> list[int]:
    """Processes whose parent is `pid`."""
    return [
        int(entry)
        for entry in os.listdir("/proc")
        if entry.isdigit() and _parent(entry) == str(pid)
    ]


def _parent(pid: str) -> str:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return status.rpartition(")")[2].split()[1]


def test_child_killed(layers: LayerStore, layout: Layout) -> None:
    with layers.begin(GZIP) as unpacking:
        unpacking.write(NOISE[: len(NOISE) // 2])
        os.kill(unpacking.pid, signal.SIGKILL)
        with pytest.raises(HostError, match="killed"):
            unpacking.finish()
    assert os.listdir(layout.ingest) == []


def test_abort(layers: LayerStore, layout: Layout) -> None:
    unpacking = layers.begin(GZIP)
    unpacking.write(NOISE[: len(NOISE) // 2])
    pid = unpacking.pid
    unpacking.abort()
    unpacking.abort()
    assert not os.path.exists(f"/proc/{pid}")
    assert os.listdir(layout.ingest) == []


PARENT = """
import sys
from tuidock.engine.layout import Layout
from tuidock.engine.store import connect
from tuidock.engine.images.layers import LayerStore
layout = Layout(*sys.argv[1:3])
unpacking = LayerStore(layout, connect(layout)).begin(sys.argv[3])
unpacking.write(sys.stdin.buffer.read())
print("written", flush=True)
import time
time.sleep(60)
"""


def test_parent_killed(layers: LayerStore, layout: Layout) -> None:
    """The child ends by itself; a sweep takes the directory, and not while the child lives.

    Seen to fail with the lock kept by the parent alone.
    """
    words = [sys.executable, "-c", PARENT, layout.root, layout.runroot, GZIP]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdin
        assert parent.stdout
        parent.stdin.write(NOISE[: len(NOISE) // 2])
        parent.stdin.close()
        assert parent.stdout.readline() == b"written\n"
        (child,) = children(parent.pid)
        stream = os.open(f"/proc/{child}/fd/0", os.O_WRONLY)  # so that the child waits for more
        parent.kill()
        parent.wait()
    assert layers.sweep() == []
    os.close(stream)
    until(lambda: layers.sweep() != [])
    until(lambda: not os.path.exists(f"/proc/{child}"))
    assert os.listdir(layout.ingest) == []


def test_settled_directory_without_a_row_is_rubbish(unpack: Unpack, layers: LayerStore) -> None:
    """A kill between the rename and the commit: the next one to settle replaces it."""
    layer = unpack(file("f", b"x"))
    leftover = layers.directory(layer.diff_id[7:])
    os.mkdir(leftover)
    with open(f"{leftover}/half", "w"):
        pass
    assert layers.keys([layer.diff_id]) is None
    layers.settle([layer])
    assert os.listdir(leftover) == ["f"]


@pytest.fixture
def small(layout: Layout) -> Iterator[LayerStore]:
    """A store on a file system of 3 MiB."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", layout.root], check=True)
    layout.make()
    db = connect(layout)
    yield LayerStore(layout, db)
    db.close()
    subprocess.run(["umount", layout.root], check=True)


@pytest.mark.root(root_only.MOUNTS)
def test_full_disk(small: LayerStore, layout: Layout) -> None:
    """Row 46: one clear error, everything of the layer gone, and the next layer fits again."""
    big = zipped(archive([file("a", b"x"), file("big", os.urandom(4 << 20))]))
    with pytest.raises(StorageFull, match="No space left"):
        feed(small, big)
    assert os.listdir(layout.ingest) == []
    assert len(small.settle([feed(small, NOISE)])) == 1


@pytest.mark.root(root_only.MOUNTS)
def test_no_more_inodes(small: LayerStore, layout: Layout) -> None:
    subprocess.run(["mount", "-o", "remount,nr_inodes=60", layout.root], check=True)
    with pytest.raises(StorageFull):
        feed(small, zipped(archive([file(f"f{n}") for n in range(100)])))
    assert os.listdir(layout.ingest) == []


def test_failed_chain_keeps_what_was_good(
    unpack: Unpack, layers: LayerStore, layout: Layout
) -> None:
    base = unpack(symlink("a", "a"))
    with pytest.raises(ContentError):
        layers.settle([base, unpack(file("a/f")), unpack(file("never"))])
    assert layers.known(base.diff_id)
    assert os.listdir(layout.ingest) == []


def test_remove_unused(unpack: Unpack, layers: LayerStore, layout: Layout) -> None:
    one, two = unpack(file("1")), unpack(directory("d"), file("d/2"))
    keys = layers.settle([one, two])
    working = layers.begin(GZIP)
    assert layers.remove_unused({keys[0]}) == [keys[1]]
    assert os.listdir(layout.layers) == [keys[0]]
    assert len(os.listdir(layout.ingest)) == 1, "what is being unpacked stays"
    assert layers.keys([one.diff_id, two.diff_id]) is None
    working.abort()


def test_removal_is_undone_with_its_transaction(unpack: Unpack, layers: LayerStore) -> None:
    """Seen to fail while directories were moved before the rows were gone for good."""
    layer = unpack(file("1"))
    (key,) = layers.settle([layer])
    db = layers._db
    db.execute("BEGIN IMMEDIATE")
    assert layers.remove_unused(set()) == [key]
    db.execute("ROLLBACK")
    assert layers.keys([layer.diff_id]) == [key]
    assert os.listdir(layers.directory(key)) == ["1"]


def test_removal_cut_short_is_finished_by_a_sweep(
    unpack: Unpack, layers: LayerStore, layout: Layout
) -> None:
    """Killed after the commit, or after the move."""
    for leftover in (f"{layout.layers}/{'0' * 64}", f"{layout.ingest}/gone-0123"):
        os.mkdir(leftover)
    (key,) = layers.settle([unpack(file("1"))])
    assert len(layers.sweep()) == 2
    assert os.listdir(layout.layers) == [key]
    assert os.listdir(layout.ingest) == []


def test_several_at_once(layers: LayerStore) -> None:
    """Layers are independent of each other: begun together, fed in turns, ended in any order."""
    blobs = [zipped(archive([file(f"f{n}", os.urandom(1 << 20))])) for n in range(4)]
    started = [layers.begin(GZIP) for _ in blobs]
    for start in range(0, max(map(len, blobs)), 1 << 16):
        for unpacking, blob in zip(started, blobs, strict=True):
            unpacking.write(blob[start : start + (1 << 16)])
    done = [unpacking.finish() for unpacking in reversed(started)]
    keys = layers.settle(done)
    assert [os.listdir(layers.directory(key)) for key in keys] == [["f3"], ["f2"], ["f1"], ["f0"]]
