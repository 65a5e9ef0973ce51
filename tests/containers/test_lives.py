"""Many random lives, and then everything is as it was; `make soak` lives a thousand.

Seen to fail with each of these taken out: `half_removed` and `_remove_orphans` in the sweep,
`_replace_monitor` (a container whose monitor was killed cannot be removed), `bundle.unwatched`
(a monitor writes into what is being removed), the test for 0 in `state._alive`.
"""

from __future__ import annotations

import os
import time

import pytest

from tests import busybox, lives, machine
from tests.conftest import ALONE
from tuidock.engine.containers.remains import KEPT
from tuidock.engine.core import Core
from tuidock.engine.layout import Layout
from tuidock.engine.runtime.client import quit_launcher
from tuidock.engine.types import ContainerSpec

LIVES = int(os.environ.get("TUIDOCK_LIVES", "60"))
SEED = int(os.environ.get("TUIDOCK_SEED", "0")) or int(time.time())
WORKERS = 3
LAUNCHER_DESCRIPTORS = 3
"""More than at first: a spare that is just being made."""


@pytest.fixture
def store(layout: Layout) -> Layout:
    core = Core(layout)
    core.images.add(busybox.config(), [busybox.layer()], "busybox")
    core.close()
    return layout


def a_plain_life(layout: Layout) -> None:
    core = Core(layout)
    made = core.containers.create(ContainerSpec("busybox", command=("true",), network="bridge"))
    core.containers.start(made.id)
    core.containers.wait(made.id)
    core.containers.remove(made.id, force=True)
    core.close()


def settle(layout: Layout) -> None:
    """Whatever works in the background ends by itself; then the launcher is asked to leave."""
    deadline = time.monotonic() + 60
    while True:
        quit_launcher(layout)
        marks = [line for line in machine.look()["process"] if layout.root in line]
        bridge = os.path.exists(f"/sys/class/net/td{layout.tag}")
        if not marks and not bridge:
            return
        assert time.monotonic() < deadline, f"still there: {marks} bridge: {bridge}"
        time.sleep(0.1)


def traces(layout: Layout) -> dict[str, object]:
    look = machine.look()
    mine = {
        kind: sorted(it for it in things if layout.tag in it or layout.root in it)
        for kind, things in look.items()
        if kind != "directory"
    }
    return {
        **mine,
        "mounts": sorted(look["mount"]) if ALONE else [],
        "namespaces": lives.namespaces(layout),
        "files": lives.files(layout),
        "rows": lives.rows(layout),
    }


@pytest.mark.timeout(60 + 10 * LIVES)
def test_nothing_is_left_of_many_random_lives(store: Layout) -> None:
    a_plain_life(store)
    settle(store)
    before = traces(store)
    reading, writing = os.pipe()
    share = -(-LIVES // WORKERS)
    children = []
    for number in range(WORKERS):
        first = SEED + number * share
        if (child := os.fork()) == 0:
            os.close(reading)
            lives.live(store, range(first, first + share), writing)
            os._exit(0)
        children.append(child)
    os.close(writing)
    with open(reading) as told:
        trouble = told.read()
    for child in children:
        os.waitpid(child, 0)
    assert not trouble, f"TUIDOCK_SEED={SEED}:\n{trouble}"
    core = Core(store)
    core.check()
    assert core.check() == []
    core.close()
    settle(store)
    assert traces(store) == before, f"TUIDOCK_SEED={SEED}"
    assert len(os.listdir(store.remains(""))) <= KEPT, f"TUIDOCK_SEED={SEED}"


def test_a_launcher_keeps_no_descriptors_of_lives(store: Layout) -> None:
    """Forty plain lives, one launcher: as many descriptors as after the first."""
    a_plain_life(store)
    [launcher] = lives.titled(f"tuidock-launcher {store.root}")
    first = len(os.listdir(f"/proc/{launcher}/fd"))
    for _ in range(40):
        a_plain_life(store)
    assert lives.titled(f"tuidock-launcher {store.root}") == [launcher]
    assert len(os.listdir(f"/proc/{launcher}/fd")) <= first + LAUNCHER_DESCRIPTORS
