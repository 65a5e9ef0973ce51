"""What is left after a crash, a full disk, and two pulls at once: nothing that anybody sees."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests import busybox, root_only
from tests.images import faulty as faults
from tests.images.conftest import Pull
from tests.images.faulty import FaultyRegistry
from tests.images.tars import tar_of
from tests.images.test_faults import NOISE
from tests.images.test_faults import image as noisy
from tests.registry_fixture import DebianRegistry, make_image
from tuidock.engine import store
from tuidock.engine.errors import BadManifest, DigestMismatch, ImageNotFound, StorageFull
from tuidock.engine.images.blobs import Blobs, digest_of
from tuidock.engine.images.disk import try_lock
from tuidock.engine.images.leases import lease, leased, store_lock
from tuidock.engine.images.service import Images
from tuidock.engine.layout import Layout

PULLER = """
import sys, threading
from tuidock.engine import store
from tuidock.engine.images.service import Images
from tuidock.engine.layout import Layout
layout = Layout(*sys.argv[1:3])
Images(layout, store.connect(layout)).pull(sys.argv[3], "", print, threading.Event())
"""


def puller(layout: Layout, reference: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-u", "-c", PULLER, layout.root, layout.runroot, reference]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def test_a_killed_pull_leaves_nothing_to_see_and_something_to_resume(
    faulty: FaultyRegistry, layout: Layout, images: Images, pull: Pull
) -> None:
    """Fails when an image is visible before its layers are, or a dead puller keeps its lock."""
    reached = threading.Event()

    def fault(reply: faults.Reply, _: faults.Seen) -> None:
        reply.send = 600_000
        reply.before_end = lambda: (reached.set(), faulty.over.wait())

    reference = faulty.hold("x", "latest", noisy())
    faulty.faults["blob"] = [lambda *_: None, fault]
    with puller(layout, reference) as process:
        assert reached.wait(60)
        while not _kept(layout):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert list(images.list()) == []
    deadline = time.monotonic() + 60  # the unpacking child sees the end of its pipe, and ends
    while any(name.startswith("layer-") for name in os.listdir(layout.ingest)):
        assert time.monotonic() < deadline
        images.sweep()
    assert _kept(layout), "what was downloaded stays for the next pull"
    faulty.seen.clear()
    assert pull(reference).new
    assert "Range" in faulty.requests("blob")[1].headers
    assert list(images.sweep()) == []


def _kept(layout: Layout) -> list[str]:
    names = [name for name in os.listdir(layout.ingest) if name.startswith("blob-")]
    return [name for name in names if os.path.getsize(f"{layout.ingest}/{name}") > 100_000]


ZYGOTE = """
import os, sys, threading
import tuidock.engine.images.pull
from tuidock.engine import store
from tuidock.engine.images.service import Images
from tuidock.engine.layout import Layout

def die_at(left):
    def count(event, arguments):
        nonlocal left
        if event in EVENTS and layout.root in str(arguments[0]):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), 9)
    sys.addaudithook(count)

EVENTS = ("open", "os.rename", "os.mkdir", "os.remove", "os.truncate", "os.rmdir", "fcntl.flock")
layout = Layout(*sys.argv[1:3])
for step in sys.stdin:
    pid = os.fork()
    if pid == 0:
        die_at(int(step))
        Images(layout, store.connect(layout)).pull(sys.argv[3], "", id, threading.Event())
        os._exit(0)
    print(os.waitpid(pid, 0)[1], flush=True)
"""


def test_a_pull_killed_at_every_step_is_mended(
    faulty: FaultyRegistry, layout: Layout, images: Images
) -> None:
    """Killed before its n-th touch of a file of the store, for n = 1, 2, ... to the end."""
    layers = [tar_of({"one": b"1"}), tar_of({"two": b"2"})]
    reference = faulty.hold("x", "latest", make_image(layers, busybox.config()))
    command = [sys.executable, "-c", ZYGOTE, layout.root, layout.runroot, reference]
    zygote = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with zygote as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for step in range(1, 1000):
            print(step, file=process.stdin, flush=True)
            status = int(process.stdout.readline())
            assert status in (0, signal.SIGKILL)
            _look(images, reference)
            if status == 0:
                break
            for image in images.list():
                images.remove(image.id)
        process.stdin.close()
    assert step > 10
    _settled(layout, images)
    images.remove(reference)
    assert os.listdir(f"{layout.oci}/blobs/sha256") == os.listdir(layout.layers) == []


def _look(images: Images, reference: str) -> None:
    """There is no image, or a whole one."""
    images.sweep()
    for image in images.list():
        assert image.tags == (reference,)
        directories = images.resolve(reference).layer_directories
        assert sorted(os.listdir(d)[0] for d in directories) == ["one", "two"]


def _settled(layout: Layout, images: Images) -> None:
    """Until the last unpacking child of a killed puller is gone, and swept."""
    deadline = time.monotonic() + 60
    while os.listdir(layout.ingest) != [".lock"]:
        assert time.monotonic() < deadline, os.listdir(layout.ingest)
        images.sweep()


@pytest.mark.registry
def test_two_pulls_of_one_image_do_the_work_once(
    faulty: FaultyRegistry, layout: Layout, images: Images
) -> None:
    """Fails without leases: each process would download the layer."""
    made = noisy()
    reference = faulty.hold("x", "latest", made)
    both = [puller(layout, reference) for _ in range(2)]
    for process in both:
        process.communicate()
        assert process.returncode == 0
    [path] = [p for p, (_, body) in faulty.contents.items() if body == made.layers[0]]
    assert len([seen for seen in faulty.seen if seen.path == path]) == 1
    assert images.get(reference).tags == (reference,)
    assert os.listdir(layout.ingest) == [".lock"]


def test_what_is_leased_is_not_collected(layout: Layout, images: Images) -> None:
    """Fails when a removal does not look at leases; and a dead owner's lease holds nothing."""
    digest = Blobs(layout).put(b"soon somebody's")
    with lease(layout, "key", [digest], threading.Event()):
        with store_lock(layout):
            assert leased(layout) == {digest}
        images.collect()
        assert Blobs(layout).has(digest)
    with open(f"{layout.ingest}/pull-dead", "w") as file:
        file.write(digest)
    images.collect()
    assert not Blobs(layout).has(digest)
    assert os.listdir(layout.ingest) == [".lock"]


def test_a_layer_under_lease_is_not_collected(layout: Layout, images: Images) -> None:
    image = images.add(busybox.config(), [tar_of({"a": b"1"})], "x")
    [layer] = image.layers
    with lease(layout, "key", [layer.diff_id], threading.Event()):
        images.remove("x")
        assert len(os.listdir(layout.layers)) == 1
    images.collect()
    assert os.listdir(layout.layers) == []


# --- sweep --------------------------------------------------------------------------------------


def test_a_sound_store_needs_nothing(images: Images) -> None:
    images.add(busybox.config(), [tar_of({"a": b"1"})], "x")
    assert list(images.sweep()) == []


def test_sweep_mends_what_it_can(layout: Layout, images: Images, db: sqlite3.Connection) -> None:
    image = images.add(busybox.config(), [tar_of({"a": b"1"})], "x")
    old, young, whole = (f"{layout.ingest}/blob-{c * 64}" for c in "abc")
    for path in (old, young, whole):
        with open(path, "w") as file:
            file.write("half")
    os.utime(old, (0, 0))
    finished = f"{layout.ingest}/blob-{image.id[7:]}"
    os.rename(whole, finished)
    os.mkdir(layout.layer("d" * 64))
    db.execute("INSERT INTO layer VALUES (?, 'sha256:x', NULL, 0, 0)", ("e" * 64,))
    os.unlink(f"{layout.oci}/index.json")
    lines = "\n".join(images.sweep())
    assert f"removed unfinished download blob-{'a' * 64}" in lines
    assert f"removed incomplete layer {'d' * 64}" in lines
    assert f"forgot lost layer {'e' * 64}" in lines
    assert "wrote index.json again" in lines
    assert sorted(os.listdir(layout.ingest)) == [".lock", os.path.basename(young)]
    assert images.get("x") == image
    assert list(images.sweep()) == []


@pytest.mark.parametrize("lost", ["layer", "blob", "config"])
def test_sweep_takes_an_image_that_cannot_run(layout: Layout, images: Images, lost: str) -> None:
    """Fails when a row is believed without its files."""
    image = images.add(busybox.config(), [tar_of({"a": b"1"})], "x")
    if lost == "layer":
        [directory] = images.resolve("x").layer_directories
        os.rename(directory, f"{layout.ingest}/gone-by-hand")
    else:
        os.unlink(layout.blob(image.layers[0].digest if lost == "blob" else image.id))
    assert f"removed incomplete image {image.id}" in images.sweep()
    with pytest.raises(ImageNotFound):
        images.get("x")
    assert list(images.sweep()) == []
    images.add(busybox.config(), [tar_of({"a": b"1"})], "x")


def test_work_in_progress_is_not_swept(layout: Layout, images: Images) -> None:
    path = f"{layout.ingest}/blob-{'a' * 64}"
    fd = try_lock(path)
    assert fd is not None
    os.utime(path, (0, 0))
    assert list(images.sweep()) == []
    os.close(fd)
    assert len(images.sweep()) == 1


def test_a_damaged_config_is_one_sentence(layout: Layout, images: Images) -> None:
    image = images.add(busybox.config(), [tar_of({"a": b"1"})], "x")
    with open(layout.blob(image.id), "r+b") as file:
        file.write(b"x")
    with pytest.raises(BadManifest, match="cannot be read"):
        images.resolve("x")
    with pytest.raises(DigestMismatch, match="damaged on disk"):
        images.get("x")


def test_a_damaged_image_does_not_hide_the_others(layout: Layout, images: Images) -> None:
    """Fails when a list stops at the first image that cannot be read."""
    images.add(busybox.config(), [tar_of({"a": b"1"})], "good")
    bad = images.add(busybox.config(User="x"), [tar_of({"b": b"1"})], "bad")
    with open(layout.blob(bad.id), "r+b") as file:
        file.write(b"x")
    tags = {image.tags for image in images.list()}
    assert tags == {("docker.io/library/good:latest",), ("docker.io/library/bad:latest",)}
    assert list(images.remove("bad")) == ["Untagged: bad:latest", f"Deleted: {bad.id}"]
    assert list(images.sweep()) == []


@pytest.mark.parametrize("what", ["config", "manifest", "layer"])
def test_another_pull_mends_a_damaged_blob(
    faulty: FaultyRegistry, layout: Layout, images: Images, pull: Pull, what: str
) -> None:
    """Fails when a blob of the right length is believed to be right."""
    made = make_image([tar_of({"a": b"1" * 999})], busybox.config())
    reference = faulty.hold("x", "latest", made)
    image = pull(reference).image
    layer = image.layers[0].digest
    digest = {"config": image.id, "manifest": made.digest, "layer": layer}[what]
    if what == "layer":  # its content has to be made again, from the blob
        images.remove(reference)
        Blobs(layout).put(made.layers[0])
    with open(layout.blob(digest), "r+b") as file:
        file.write(b"damaged")
    mended = pull(reference).image
    assert images.list() == [mended]
    assert mended.layers == image.layers
    assert b"".join(Blobs(layout).blocks(digest))


# --- blobs --------------------------------------------------------------------------------------


def test_a_blob_is_its_digest(layout: Layout) -> None:
    blobs = Blobs(layout)
    with blobs.ingest(digest_of(b"right")) as ingest:
        ingest.write(b"wrong")
        with pytest.raises(DigestMismatch):
            ingest.commit()
    assert blobs.digests() == []
    assert os.listdir(layout.ingest) == []


def test_a_blob_is_private(layout: Layout) -> None:
    digest = Blobs(layout).put(b"x")
    assert os.stat(layout.blob(digest)).st_mode & 0o777 == 0o600


# --- no space -----------------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Images]:
    """A store on a file system of 3 MiB."""
    base = str(tmp_path)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", base], check=True)
    layout = Layout(f"{base}/root", f"{base}/run")
    layout.make()
    with closing(store.connect(layout)) as db:
        yield Images(layout, db)
    subprocess.run(["umount", "-l", base], check=True)


@pytest.mark.registry
@pytest.mark.parametrize("compression", ["gzip", "none"])
@pytest.mark.root(root_only.MOUNTS)
def test_a_full_disk_is_one_sentence_and_leaves_nothing(
    small: Images, registry: DebianRegistry, compression: str
) -> None:
    """With `none` the blob does not fit, with gzip its files do not."""
    layer = tar_of({f"file{n}": b"\0" * 900_000 for n in range(5)})
    registry.push("big", compression, make_image([layer], busybox.config(), "oci", compression))
    reference = f"{registry.address}/big:{compression}"
    with pytest.raises(StorageFull) as caught:
        small.pull(reference, "", lambda _: None, threading.Event())
    assert caught.value.hint
    assert [name for name in os.listdir(small.layout.ingest) if name != ".lock"] == []
    assert os.listdir(small.layout.layers) == []
    assert list(small.list()) == []
    fits = make_image([tar_of({"a": b"1"})], json.dumps({"os": "linux"}).encode())
    registry.push("big", "small", fits)
    assert small.pull(f"{registry.address}/big:small", "", lambda _: None, threading.Event()).new


@pytest.mark.registry
@pytest.mark.root(root_only.MOUNTS)
def test_a_full_disk_gives_back_the_other_layers_room(
    small: Images, faulty: FaultyRegistry
) -> None:
    """Fails when a layer that did not fit leaves the begun downloads of the others."""
    begun, large = tar_of({"a": NOISE}), tar_of({"b": NOISE * 5})
    made = make_image([begun, large], busybox.config(), compression="none")
    reference = faulty.hold("x", "latest", made)
    reached = threading.Event()

    def fault(reply: faults.Reply, _: faults.Seen) -> None:
        if len(reply.body) == len(begun):
            reply.send = 500_000
            reply.before_end = lambda: (reached.set(), faulty.over.wait())
        elif len(reply.body) == len(large):
            reached.wait()

    faulty.always["blob"] = fault
    with pytest.raises(StorageFull):
        small.pull(reference, "", lambda _: None, threading.Event())
    assert os.listdir(small.layout.ingest) == [".lock"]
