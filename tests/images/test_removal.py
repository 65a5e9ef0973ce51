"""`rmi` and `tag`: docker's rules, docker's words, and nothing left of what nobody needs."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from tests import busybox
from tests.images.tars import tar_of
from tuidock.engine.errors import BadReference, ImageNotFound, InUse, InvalidInput
from tuidock.engine.images.service import Images
from tuidock.engine.layout import Layout
from tuidock.engine.linux.proc import boot_id, start_time
from tuidock.engine.types import Image

CONTAINER = "c0ffee" + "0" * 58


def add(images: Images, name: str = "web", *contents: bytes) -> Image:
    layers = [tar_of({f"file{n}": content}) for n, content in enumerate(contents or (b"1",))]
    return images.add(busybox.config(Labels={"name": name}), layers, name)


Use = Callable[..., None]


@pytest.fixture
def use(images: Images, db: sqlite3.Connection, layout: Layout) -> Iterator[Use]:
    """Make a container of an image, as the containers' part writes it; gone after the test."""
    processes: list[subprocess.Popen[bytes]] = []

    def made(image: Image, *, running: bool = False) -> None:
        keys = json.dumps(images.resolve(image.id).layer_keys)
        spec = json.dumps({"image": image.tags[0]})
        row = (CONTAINER, "c", image.tags[0], image.id, time.time(), "[]", spec, keys, 0, 0)
        db.execute("INSERT INTO container VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        if running:
            processes.append(subprocess.Popen(["sleep", "600"]))
            _note(layout, processes[-1].pid)

    yield made
    db.execute("DELETE FROM container")
    shutil.rmtree(layout.run(CONTAINER), ignore_errors=True)
    for process in processes:
        process.kill()
        process.wait()


def _note(layout: Layout, pid: int) -> None:
    """What the monitor of a running container writes."""
    state = {"pid": pid, "starttime": start_time(pid), "boot_id": boot_id(), "status": "running"}
    os.makedirs(layout.run(CONTAINER))
    with open(f"{layout.run(CONTAINER)}/state.json", "w") as file:
        json.dump(state, file)


def blobs(layout: Layout) -> set[str]:
    return set(os.listdir(f"{layout.oci}/blobs/sha256"))


def test_the_last_name_takes_everything_with_it(images: Images, layout: Layout) -> None:
    image = add(images, "web", b"1", b"2")
    assert len(os.listdir(layout.layers)) == 2
    assert list(images.remove("web")) == ["Untagged: web:latest", f"Deleted: {image.id}"]
    assert os.listdir(layout.layers) == []
    assert blobs(layout) == set()
    with pytest.raises(ImageNotFound, match="No such image: web"):
        images.remove("web")


def test_what_another_image_needs_stays(images: Images, layout: Layout) -> None:
    """Fails when a layer or blob goes with the first image that leaves it."""
    one, two = add(images, "one", b"same", b"1"), add(images, "two", b"same", b"2")
    shared = set(images.resolve(one.id).layer_keys) & set(images.resolve(two.id).layer_keys)
    assert len(shared) == 1
    images.remove("one")
    assert set(os.listdir(layout.layers)) == set(images.resolve("two").layer_keys)
    assert images.get("two") == two


def test_one_name_of_several(images: Images) -> None:
    image = add(images)
    images.tag("web", "web:2")
    assert list(images.remove("web:2")) == ["Untagged: web:2"]
    assert images.get("web").id == image.id


def test_a_moved_tag_leaves_an_image_without_name(images: Images) -> None:
    old, new = add(images, "a"), add(images, "b")
    images.tag("b", "a")
    assert images.get("a").id == new.id
    assert images.get(old.id).tags == ()
    assert list(images.remove(old.id[7:19])) == [f"Deleted: {old.id}"]


def test_a_container_keeps_its_image(
    images: Images, db: sqlite3.Connection, layout: Layout, use: Use
) -> None:
    image = add(images)
    use(image)
    short = image.id[7:19]
    with pytest.raises(InUse) as caught:
        images.remove("web")
    assert caught.value.message == (
        f'conflict: unable to remove repository reference "web" (must force) - container'
        f" {CONTAINER[:12]} is using its referenced image {short}"
    )
    with pytest.raises(InUse) as caught:
        images.remove(short)
    assert caught.value.message == (
        f"conflict: unable to delete {short} (must be forced) - image is being used by stopped"
        f" container {CONTAINER[:12]}"
    )
    keys = images.resolve("web").layer_keys
    assert list(images.remove("web", force=True)) == [
        "Untagged: web:latest",
        f"Deleted: {image.id}",
    ]
    assert os.listdir(layout.layers) == list(keys), "the container still stands on its layers"
    db.execute("DELETE FROM container")
    images.collect()
    assert os.listdir(layout.layers) == []


def test_a_running_container_keeps_it_even_by_force(images: Images, use: Use) -> None:
    """Fails when a running container is not told from a stopped one."""
    image = add(images)
    use(image, running=True)
    with pytest.raises(InUse, match=r"\(cannot be forced\) - image is being used by running"):
        images.remove(image.id, force=True)
    assert list(images.remove("web", force=True)) == ["Untagged: web:latest"]
    assert images.get(image.id).tags == ()


def test_an_id_with_names_in_several_repositories(images: Images) -> None:
    image = add(images)
    images.tag("web", "other")
    with pytest.raises(InUse, match="image is referenced in multiple repositories"):
        images.remove(image.id)
    lines = images.remove(image.id, force=True)
    assert set(lines) == {"Untagged: web:latest", "Untagged: other:latest", f"Deleted: {image.id}"}


def test_a_refused_removal_changes_nothing(
    images: Images, db: sqlite3.Connection, use: Use
) -> None:
    use(add(images))
    before = list(db.iterdump())
    with pytest.raises(InUse):
        images.remove("web")
    assert list(db.iterdump()) == before


def test_tags_are_checked(images: Images) -> None:
    add(images)
    with pytest.raises(ImageNotFound):
        images.tag("nosuch", "x")
    for target in ("X", f"x@sha256:{'a' * 64}"):
        with pytest.raises(BadReference):
            images.tag("web", target)


def test_an_ambiguous_id(images: Images) -> None:
    made = [add(images, f"n{number}") for number in range(17)]
    first = {image.id[7] for image in made}
    twice = next(d for d in first if sum(image.id[7] == d for image in made) > 1)
    with pytest.raises(InvalidInput, match="ambiguous"):
        images.get(twice)
