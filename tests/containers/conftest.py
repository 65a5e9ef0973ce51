"""An engine with one image, and what mending after a fault means."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests import busybox
from tuidock.engine.core import Core
from tuidock.engine.layout import Layout
from tuidock.engine.runtime import client


@pytest.fixture
def core(layout: Layout) -> Iterator[Core]:
    """Holds `busybox`."""
    core = Core(layout)
    core.images.add(busybox.config(), [busybox.layer()], "busybox")
    yield core
    for each in core.containers.list():
        core.containers.remove(each.id, force=True)
    core.close()
    client.quit_launcher(layout)


def mend(core: Core) -> None:
    """What the next command does, then everything that is left is removed the usual way."""
    core.check()
    for container in core.containers.list():
        core.containers.remove(container.id, force=True)
    assert core.check() == []
    assert os.listdir(f"{core.layout.root}/containers") == []
    assert os.listdir(f"{core.layout.runroot}/containers") == []
    assert core.db.execute("SELECT count(*) FROM container").fetchone() == (0,)
    assert core.db.execute("SELECT count(*) FROM endpoint").fetchone() == (0,)
