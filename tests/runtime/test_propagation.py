"""A store on a shared mount, as every mount is where systemd made them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests import root_only
from tests.runtime.conftest import Box
from tuidock.engine.linux import mount as m

MS_SHARED = 1 << 20


@pytest.fixture
def shared(box: Box) -> Iterator[Box]:
    """The same store, on a mount of its own that passes on whatever is mounted below it."""
    tree = m.open_tree(-100, box.layout.root)
    m.mount_setattr(tree, propagation=MS_SHARED)
    target = os.open(box.layout.root, os.O_PATH)
    m.move_mount(tree, target)
    os.close(target)
    os.close(tree)
    yield box
    m.unmount(box.layout.root)


@pytest.mark.root(root_only.MOUNTS)
@pytest.mark.parametrize("uid_base", [0x20000000, 0], ids=["own ids", "the host's ids"])
def test_no_mount_of_a_container_comes_back_to_the_host(shared: Box, uid_base: int) -> None:
    """Fails unless the store's copy is private: the root would be seen outside, and no pivot be."""
    container = shared.detached("sleep", "100", uid_base=uid_base)
    with open("/proc/self/mountinfo") as mounts:
        below = [line for line in mounts if f"{shared.layout.root}/" in line]
    shared.monitor(container).signal(9)
    shared.monitor(container).wait(None)
    assert below == []
