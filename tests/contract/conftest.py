"""The same suite for both engines: the fake one, and the real one on a busybox of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests import busybox
from tuidock.engine.api import Engine
from tuidock.engine.core import Core
from tuidock.engine.fake import FakeEngine
from tuidock.engine.fake.scene import image
from tuidock.engine.layout import Layout
from tuidock.engine.local import LocalEngine


@pytest.fixture(params=["fake", "local"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    """An engine with one image, `busybox`, and nothing else."""
    made = _fake() if request.param == "fake" else _local(request.getfixturevalue("layout"))
    yield made
    for container in await made.containers.list():
        await made.containers.remove(container.id, force=True)
    await made.close()


def _fake() -> Engine:
    fake = FakeEngine()
    fake.images.add(image("busybox", (1.9,), "sh"))
    return fake


def _local(layout: Layout) -> Engine:
    core = Core(layout)
    core.images.add(busybox.config(), [busybox.layer()], busybox.REFERENCE)
    core.close()
    return LocalEngine(layout)
