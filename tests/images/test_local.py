"""Images made here: without a registry, and yet like any other."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator

import pytest

from tests import busybox
from tests.images.tars import tar_of
from tests.registry_fixture import digest, make_image
from tuidock.engine.errors import BadReference, ContentError, DigestMismatch
from tuidock.engine.images.service import Images
from tuidock.engine.layout import Layout


def test_an_image_from_pieces_bytes_and_files(images: Images, layout: Layout) -> None:
    tars = [tar_of({"a": b"1"}), tar_of({"b": b"22"}), tar_of({"c": b"333"})]
    path = f"{layout.root}/third.tar"
    with open(path, "wb") as file:
        file.write(tars[2])
    pieces = [tars[0][at : at + 700] for at in range(0, len(tars[0]), 700)]
    image = images.add(busybox.config(), [iter(pieces), tars[1], path], "made:1")
    assert [layer.diff_id for layer in image.layers] == [digest(each) for each in tars]
    assert image.size == 6
    assert image.digests == ()
    found = images.resolve("made:1")
    assert found.config["rootfs"] == {"type": "layers", "diff_ids": [digest(each) for each in tars]}
    assert [os.listdir(each) for each in found.layer_directories] == [["a"], ["b"], ["c"]]
    assert os.listdir(layout.ingest) == [".lock"]
    shown = ["skopeo", "inspect", f"oci:{layout.oci}:docker.io/library/made:1"]
    assert json.loads(subprocess.run(shown, capture_output=True, check=True).stdout)["Layers"]


def test_making_it_twice_is_making_it_once(images: Images, layout: Layout) -> None:
    for name in ("one", "two"):
        images.add(busybox.config(), [tar_of({"a": b"1"})], name)
    [image] = images.list()
    assert image.tags == ("docker.io/library/one:latest", "docker.io/library/two:latest")
    assert len(os.listdir(f"{layout.oci}/blobs/sha256")) == 3


def test_a_config_that_names_its_layers_stays_as_it_is(images: Images) -> None:
    layer = tar_of({"a": b"1"})
    config = make_image([layer], busybox.config()).config
    assert images.add(config, [layer], "made").id == digest(config)

    def never() -> Iterator[bytes]:
        raise AssertionError("nothing needs to be read again")
        yield b""

    assert images.add(config, never(), "again").id == digest(config)


def test_layers_that_are_not_the_named_ones(images: Images, layout: Layout) -> None:
    config = make_image([tar_of({"a": b"1"})], busybox.config()).config
    with pytest.raises(DigestMismatch):
        images.add(config, [tar_of({"b": b"1"})], "made")
    _nothing(images, layout)


def test_a_broken_archive_leaves_nothing(images: Images, layout: Layout) -> None:
    good = tar_of({"a": b"1" * 5000})
    for bad in (good[:3000], b"no archive" * 100):
        with pytest.raises(ContentError):
            images.add(busybox.config(), [good, bad], "made")
        _nothing(images, layout)


def test_a_digest_is_no_name_for_it(images: Images) -> None:
    with pytest.raises(BadReference):
        images.add(busybox.config(), [], f"made@sha256:{'a' * 64}")


def _nothing(images: Images, layout: Layout) -> None:
    assert list(images.list()) == []
    assert [name for name in os.listdir(layout.ingest) if name != ".lock"] == []
    assert os.listdir(layout.layers) == []


def test_inspect_has_dockers_shape(images: Images) -> None:
    layer = tar_of({"a": b"1"})
    config = {**json.loads(busybox.config(Labels={"x": "y"})), "created": "2024-05-06T07:08:09Z"}
    image = images.add(json.dumps(config).encode(), [layer], "made")
    shown = images.inspect("made")
    assert shown["Id"] == image.id
    assert shown["RepoTags"] == ["made:latest"]
    assert shown["RepoDigests"] == []
    assert shown["Created"] == "2024-05-06T07:08:09Z"
    assert shown["RootFS"] == {"Type": "layers", "Layers": [digest(layer)]}
    assert shown["Config"] == config["config"]
    assert (shown["Os"], shown["Size"]) == ("linux", 1)
    assert json.loads(json.dumps(shown)) == shown
