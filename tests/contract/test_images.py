"""What `engine.api.Images` promises, asked of both engines."""

from __future__ import annotations

import pytest

from tuidock.engine.api import Engine
from tuidock.engine.errors import ImageNotFound, InUse
from tuidock.engine.types import ContainerSpec


async def test_an_image_is_found_by_every_name(engine: Engine) -> None:
    [image] = await engine.images.list()
    assert image.tags == ("docker.io/library/busybox:latest",)
    for name in (
        "busybox",
        "busybox:latest",
        "docker.io/library/busybox",
        image.id,
        image.id[7:15],
    ):
        assert (await engine.images.get(name)).id == image.id
    with pytest.raises(ImageNotFound):
        await engine.images.get("nosuch")


async def test_tags_come_and_go(engine: Engine) -> None:
    await engine.images.tag("busybox", "mine:1")
    image = await engine.images.get("mine:1")
    assert set(image.tags) == {"docker.io/library/busybox:latest", "docker.io/library/mine:1"}
    lines = await engine.images.remove("mine:1")
    assert lines == ["Untagged: mine:1"]
    assert (await engine.images.get("busybox")).id == image.id


async def test_the_last_tag_takes_the_image_with_it(engine: Engine) -> None:
    image = await engine.images.get("busybox")
    lines = await engine.images.remove("busybox")
    assert lines[0] == "Untagged: busybox:latest"
    assert f"Deleted: {image.id}" in lines
    assert await engine.images.list() == []


async def test_an_image_in_use_stays(engine: Engine) -> None:
    await engine.containers.create(ContainerSpec("busybox", network="none"))
    with pytest.raises(InUse) as caught:
        await engine.images.remove("busybox")
    assert "conflict" in caught.value.message
