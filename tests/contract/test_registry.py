"""What `engine.api.Registry` and `Images.pull` promise, asked of both engines."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests import busybox
from tests.registry_fixture import DebianRegistry, make_image
from tuidock.engine.api import Engine
from tuidock.engine.errors import BadReference, ImageNotFound, ManifestUnknown, Unreachable
from tuidock.engine.events import LayerProgress, Pulled, Resolved
from tuidock.engine.fake import FakeEngine
from tuidock.engine.fake.scene import image
from tuidock.engine.layout import Layout
from tuidock.engine.local import LocalEngine

REAL = pytest.mark.registry


@pytest.fixture(scope="module")
def debian_registry() -> Iterator[DebianRegistry]:
    with DebianRegistry() as registry:
        made = make_image([busybox.layer()], busybox.config())
        registry.push("tools/busybox", "1", made)
        registry.push("tools/busybox", "2", made)
        yield registry


@pytest.fixture(params=["fake", pytest.param("local", marks=REAL)])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    """An empty store, and a registry with `tools/busybox` in two tags; `host` says where."""
    if request.param == "fake":
        fake = FakeEngine()
        fake.images.pace = 0.001
        for tag in ("1", "2"):
            fake.registry.offer(f"127.0.0.1:1/tools/busybox:{tag}", image("busybox", (1.9,)))
        yield fake
        return
    layout: Layout = request.getfixturevalue("layout")
    local = LocalEngine(layout)
    yield local
    await local.close()


@pytest.fixture
def host(request: pytest.FixtureRequest, engine: Engine) -> str:
    """`address:port` of the registry."""
    if isinstance(engine, FakeEngine):
        return "127.0.0.1:1"
    registry: DebianRegistry = request.getfixturevalue("debian_registry")
    return registry.address


async def test_a_pull_tells_of_every_layer_and_ends_with_the_image(
    engine: Engine, host: str
) -> None:
    name = f"{host}/tools/busybox:1"
    events = [event async for event in engine.images.pull(name)]
    first, *progress, last = events
    assert isinstance(first, Resolved)
    assert isinstance(last, Pulled)
    assert (last.new, last.reference) == (True, name)
    assert last.image.tags == (name,)
    assert last.digest.startswith("sha256:")
    assert f"{host}/tools/busybox@{last.digest}" in last.image.digests
    [(blob, size)] = first.layers
    assert {event.digest for event in progress if isinstance(event, LayerProgress)} == {blob}
    final = progress[-1]
    assert isinstance(final, LayerProgress)
    assert (final.phase, final.done, final.total) == ("done", size, size)
    assert [it.id for it in await engine.images.list()] == [last.image.id]


async def test_a_second_pull_finds_everything_there(engine: Engine, host: str) -> None:
    first = [event async for event in engine.images.pull(f"{host}/tools/busybox:1")][-1]
    again = [event async for event in engine.images.pull(f"{host}/tools/busybox:2")]
    phases = {event.phase for event in again if isinstance(event, LayerProgress)}
    assert phases <= {"exists"}
    last = again[-1]
    assert isinstance(first, Pulled)
    assert isinstance(last, Pulled)
    assert last.image.id == first.image.id
    assert set(last.image.tags) == {f"{host}/tools/busybox:1", f"{host}/tools/busybox:2"}
    assert not last.new


async def test_leaving_a_pull_leaves_no_image(engine: Engine, host: str) -> None:
    feed = engine.images.pull(f"{host}/tools/busybox:1")
    assert isinstance(await anext(feed), Resolved)
    await feed.aclose()  # type: ignore[attr-defined]
    assert await engine.images.list() == []
    with pytest.raises(ImageNotFound):
        await engine.images.get(f"{host}/tools/busybox:1")


async def test_a_registry_is_read_without_pulling(engine: Engine, host: str) -> None:
    assert await engine.registry.catalog(host) == ["tools/busybox"]
    assert sorted(await engine.registry.tags(f"{host}/tools/busybox")) == ["1", "2"]
    found = await engine.registry.describe(f"{host}/tools/busybox:1")
    assert found.reference == f"{host}/tools/busybox:1"
    assert found.platform in found.platforms
    assert [layer.present for layer in found.layers] == [False]
    async for _ in engine.images.pull(f"{host}/tools/busybox:1"):
        pass
    found = await engine.registry.describe(f"{host}/tools/busybox:1")
    assert [layer.present for layer in found.layers] == [True]


async def test_what_is_not_there_is_told(engine: Engine, host: str) -> None:
    with pytest.raises(ManifestUnknown, match="manifest unknown"):
        await anext(engine.images.pull(f"{host}/tools/busybox:nosuch"))
    with pytest.raises(ManifestUnknown):
        await engine.registry.tags(f"{host}/nosuch")
    with pytest.raises(Unreachable):
        await engine.registry.catalog("127.0.0.1:9")
    with pytest.raises(BadReference, match="invalid reference format"):
        await anext(engine.images.pull("Not A Reference"))
