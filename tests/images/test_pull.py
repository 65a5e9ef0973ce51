"""Pulls from a real registry: every format, several layers, what is kept and what is shown."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import threading

import pytest

from tests import busybox, root_only
from tests.images.conftest import Pull
from tests.images.tars import tar_of
from tests.registry_fixture import DebianRegistry, make_image
from tuidock.engine.errors import BadManifest, ManifestUnknown, Unreachable
from tuidock.engine.events import LayerProgress, PullEvent, Resolved
from tuidock.engine.images.pull import Puller
from tuidock.engine.images.registry import Patience
from tuidock.engine.images.service import Images
from tuidock.engine.layout import Layout

pytestmark = pytest.mark.registry

FORMATS = [
    ("docker", "gzip"),
    ("docker", "none"),
    ("oci", "gzip"),
    ("oci", "zstd"),
    ("oci", "none"),
]


@pytest.mark.parametrize(("family", "compression"), FORMATS)
def test_every_format_becomes_the_same_files(
    registry: DebianRegistry,
    pull: Pull,
    layout: Layout,
    images: Images,
    family: str,
    compression: str,
) -> None:
    made = make_image([busybox.layer()], busybox.config(), family, compression)
    registry.push("busybox", f"{family}-{compression}", made)
    reference = f"{registry.address}/busybox:{family}-{compression}"
    pulled = pull(reference)
    assert pulled.digest == made.digest
    assert pulled.new
    found = images.resolve(reference)
    assert found.id == pulled.image.id
    [directory] = found.layer_directories
    with open(f"{directory}/bin/busybox", "rb") as ours, open(busybox.BUSYBOX, "rb") as theirs:
        assert ours.read() == theirs.read()
    assert os.readlink(f"{directory}/bin/sh") == "busybox"
    assert os.listdir(layout.ingest) == [".lock"]


def test_an_image_tells_what_it_is(registry: DebianRegistry, pull: Pull, images: Images) -> None:
    config = busybox.config(Labels={"a": "b"}, Entrypoint=["sh"], Cmd=["-c", "true"])
    layers = [tar_of({"etc/one": b"1"}), tar_of({"etc/two": b"22"})]
    made = make_image(layers, config)
    registry.push("told", "v1", made)
    image = pull(f"{registry.address}/told:v1").image
    assert image.tags == (f"{registry.address}/told:v1",)
    assert image.digests == (f"{registry.address}/told@{made.digest}",)
    assert image.labels == {"a": "b"}
    assert image.command == ("sh", "-c", "true")
    assert image.size == 3
    assert [layer.size for layer in image.layers] == [len(layer) for layer in made.layers]
    assert images.list() == [image]
    for name in ("told:v1", f"told@{made.digest}"):
        assert images.get(f"{registry.address}/{name}") == image
    assert images.get(image.id[7:19]) == image


def test_events_tell_the_story_in_order(registry: DebianRegistry, pull: Pull) -> None:
    made = make_image([tar_of({"a": b"1"}), tar_of({"b": b"2"})], busybox.config())
    registry.push("story", "latest", made)
    events: list[PullEvent] = []
    pulled = pull(f"{registry.address}/story", events=events)
    first, *middle, last = events
    assert isinstance(first, Resolved)
    assert [size for _, size in first.layers] == [len(layer) for layer in made.layers]
    for digest, size in first.layers:
        mine = [e for e in middle if isinstance(e, LayerProgress) and e.digest == digest]
        assert mine[0].phase == "waiting"
        assert (mine[-1].phase, mine[-1].done, mine[-1].total) == ("done", size, size)
    assert last == pulled


def test_what_is_here_is_not_fetched_again(registry: DebianRegistry, pull: Pull) -> None:
    base = tar_of({"base": b"x" * 5000})
    registry.push("shared", "one", make_image([base], busybox.config()))
    two = make_image([base, tar_of({"top": b"y"})], busybox.config())
    registry.push("shared", "two", two)
    pull(f"{registry.address}/shared:one")
    events: list[PullEvent] = []
    assert pull(f"{registry.address}/shared:two", events=events).new
    phases = {e.phase for e in events if isinstance(e, LayerProgress) and e.digest == _first(two)}
    assert phases == {"exists"}
    again = pull(f"{registry.address}/shared:two")
    assert not again.new


def _first(image: object) -> str:
    return str(json.loads(image.manifest)["layers"][0]["digest"])  # type: ignore[attr-defined]


def test_a_layer_may_come_twice(registry: DebianRegistry, pull: Pull, images: Images) -> None:
    layer = tar_of({"same": b"1"})
    registry.push("twice", "latest", make_image([layer, layer], busybox.config()))
    pull(f"{registry.address}/twice")
    assert len(images.resolve(f"{registry.address}/twice").layer_directories) == 1


@pytest.mark.parametrize("family", ["oci", "docker"])
def test_the_platform_is_chosen(
    registry: DebianRegistry, pull: Pull, images: Images, family: str
) -> None:
    def made(arch: str) -> tuple[object, dict[str, str]]:
        config = json.dumps({"architecture": arch, "os": "linux", "config": {}}).encode()
        return make_image([tar_of({"arch": arch.encode()})], config, family), {
            "os": "linux",
            "architecture": arch,
        }

    offers = [made("arm64"), made("amd64"), made("s390x")]
    index = registry.push_index("many", family, offers, family)  # type: ignore[arg-type]
    reference = f"{registry.address}/many:{family}"
    pulled = pull(reference, "linux/s390x")
    assert pulled.digest == index
    assert pulled.image.platform.architecture == "s390x"
    [directory] = images.resolve(reference).layer_directories
    with open(f"{directory}/arch") as file:
        assert file.read() == "s390x"
    with pytest.raises(ManifestUnknown, match="no matching manifest for linux/mips") as caught:
        pull(reference, "linux/mips")
    assert "linux/arm64, linux/amd64, linux/s390x" in caught.value.hint


def test_by_digest(registry: DebianRegistry, pull: Pull, images: Images) -> None:
    made = make_image([tar_of({"a": b"1"})], busybox.config())
    registry.push("pinned", "latest", made)
    image = pull(f"{registry.address}/pinned@{made.digest}").image
    assert image.tags == ()
    assert images.get(f"{registry.address}/pinned@{made.digest}") == image


def test_unknown_names_get_one_clear_sentence(registry: DebianRegistry, pull: Pull) -> None:
    registry.push("known", "v7", make_image([tar_of({"a": b"1"})], busybox.config()))
    with pytest.raises(ManifestUnknown, match="known:nope not found: manifest unknown") as caught:
        pull(f"{registry.address}/known:nope")
    assert "v7" in caught.value.hint
    with pytest.raises(ManifestUnknown, match="manifest unknown") as caught:
        pull(f"{registry.address}/unknown")
    assert "no repository" in caught.value.hint
    with pytest.raises(ManifestUnknown, match="manifest unknown") as caught:
        pull(f"{registry.address}/known@sha256:{'0' * 64}")
    assert "no such digest" in caught.value.hint


def test_a_registry_that_is_down(pull: Pull) -> None:
    with pytest.raises(Unreachable, match="connection refused") as caught:
        pull("127.0.0.1:1/x")
    assert caught.value.hint


def test_a_registry_that_comes_back(layout: Layout, db: sqlite3.Connection) -> None:
    """Fails without retries of refused connections: the registry starts after the first."""
    with DebianRegistry() as late:
        late.push("late", "latest", make_image([tar_of({"a": b"1"})], busybox.config()))
        late.stop(keep="images")
        puller = Puller(layout, db, Patience(50, 0.2, refused=50))
        starting = threading.Timer(0.1, late.start)
        starting.start()
        try:
            assert puller.pull(f"{late.address}/late", "", lambda _: None, threading.Event()).new
        finally:
            starting.join()


def test_something_else_than_an_image_is_refused(registry: DebianRegistry, pull: Pull) -> None:
    made = make_image([tar_of({"a": b"1"})], busybox.config())
    document = json.loads(made.manifest)
    document["config"]["mediaType"] = "application/vnd.cncf.helm.config.v1+json"
    registry.push("chart", "latest", made)
    registry.push_manifest("chart", "helm", made.media_type, json.dumps(document).encode())
    with pytest.raises(BadManifest, match="not a container image"):
        pull(f"{registry.address}/chart:helm")


@pytest.mark.root(root_only.PROGRAMS)
def test_other_programs_read_the_store(
    registry: DebianRegistry, pull: Pull, layout: Layout, images: Images
) -> None:
    """index.json is in step with the tags: skopeo and umoci find each image by its name."""
    for family in ("oci", "docker"):
        config = busybox.config(Labels={"family": family})
        registry.push("read", family, make_image([busybox.layer()], config, family))
    oci, docker = (pull(f"{registry.address}/read:{family}") for family in ("oci", "docker"))
    images.tag(f"{registry.address}/read:oci", "debian:mine")
    for name in (f"{registry.address}/read:oci", "docker.io/library/debian:mine"):
        shown = json.loads(_skopeo("inspect", f"oci:{layout.oci}:{name}"))
        assert shown["Layers"] == [layer.digest for layer in oci.image.layers]
    raw = _skopeo("inspect", "--raw", f"oci:{layout.oci}:{registry.address}/read:docker")
    assert json.loads(raw)["config"]["digest"] == docker.image.id
    bundle = f"{os.path.dirname(layout.root)}/bundle"
    _run("umoci", "unpack", "--image", f"{layout.oci}:docker.io/library/debian:mine", bundle)
    assert os.readlink(f"{bundle}/rootfs/bin/sh") == "busybox"
    listed = _run("umoci", "ls", "--layout", layout.oci)
    assert set(listed.split()) == {
        f"{registry.address}/read:oci",
        f"{registry.address}/read:docker",
        "docker.io/library/debian:mine",
    }
    images.remove("debian:mine")
    assert "debian" not in _run("umoci", "ls", "--layout", layout.oci)


def _skopeo(*arguments: str) -> str:
    return _run("skopeo", *arguments)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
