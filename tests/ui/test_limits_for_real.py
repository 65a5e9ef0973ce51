"""Keys in the limits console, and the files of the container's cgroup that they end in."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests import busybox, root_only
from tests.ui.conftest import Stage
from tuidock.app import TuidockApp
from tuidock.engine.cgroups.cgroup import Cgroup, reach_cgroup
from tuidock.engine.cgroups.files import read
from tuidock.engine.core import Core
from tuidock.engine.fake import FakeEngine, StoppedClock
from tuidock.engine.layout import Layout
from tuidock.engine.local import LocalEngine
from tuidock.engine.types import Container, ContainerSpec, Limits
from tuidock.screens.tune import LimitsTab

pytestmark = pytest.mark.root(root_only.LIMITS)
MIB = 1 << 20
KEYS = {
    "cpus": ("cpu", {1: "cpu.cfs_quota_us", 2: "cpu.max"}, "0.5"),
    "cpu_shares": ("cpu", {1: "cpu.shares", 2: "cpu.weight"}, "512"),
    "cpuset_cpus": ("cpuset", {1: "cpuset.cpus", 2: "cpuset.cpus"}, "0-0"),
    "memory": ("memory", {1: "memory.limit_in_bytes", 2: "memory.max"}, "64m"),
    "memory_reservation": (
        "memory", {1: "memory.soft_limit_in_bytes", 2: "memory.low"}, "32m",
    ),
    "memory_swap": (
        "memory", {1: "memory.memsw.limit_in_bytes", 2: "memory.swap.max"}, "96m",
    ),
    "pids": ("pids", {1: "pids.max", 2: "pids.max"}, "50"),
    "device_read_bps": (
        "io", {1: "blkio.throttle.read_bps_device", 2: "io.max"}, "2m",
    ),
    "device_write_iops": (
        "io", {1: "blkio.throttle.write_iops_device", 2: "io.max"}, "70",
    ),
}  # fmt: skip
"""Field -> controller, file, what is typed."""


class Held:
    """A container of the real engine, and what its cgroup says."""

    def __init__(self, it: Container, cgroup: Cgroup) -> None:
        self.it = it
        self._cgroup = cgroup

    def file(self, field: str) -> str:
        controller, names, _ = KEYS[field]
        return read(f"{self._cgroup.path(controller)}/{names[self._cgroup.version(controller)]}")

    def all(self) -> dict[str, str]:
        return {field: self.file(field) for field in KEYS}


@pytest.fixture
async def engine(layout: Layout) -> AsyncIterator[LocalEngine]:
    core = Core(layout)
    core.images.add(busybox.config(), [busybox.layer()], busybox.REFERENCE)
    core.close()
    made = LocalEngine(layout)
    yield made
    for container in await made.containers.list():
        await made.containers.remove(container.id, force=True)
    await made.close()


@asynccontextmanager
async def live(engine: LocalEngine) -> AsyncIterator[Stage]:
    """The app on the real engine; the fake one of the stage stays out of it."""
    app = TuidockApp(engine)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        stage = Stage(app, FakeEngine(), pilot, StoppedClock())
        await stage.until(lambda: app.world.loaded)
        yield stage


async def start(engine: LocalEngine, layout: Layout, name: str, script: str) -> Held:
    words = ("sh", "-c", script)
    spec = ContainerSpec("busybox", name, words, network="none", stop_timeout=0.2)
    it = await engine.containers.create(spec)
    await engine.containers.start(it.id)
    return Held(it, reach_cgroup(layout.tag, it.id))


async def go_to(stage: Stage, field: str) -> None:
    """Put the cursor on the first line of a limit."""
    pane = stage.app.screen.query_one(LimitsTab).pane
    await stage.until(lambda: pane.model.bounds)
    place = next(i for i, kind in enumerate(pane.model.kinds) if kind.field == field)
    for _ in range(len(pane.model.kinds)):
        if pane.kind == pane.model.kinds[place]:
            return
        await stage.press("down")
    raise AssertionError(field)


async def test_each_limit_ends_in_its_file_stays_over_a_restart_and_is_taken_back(
    engine: LocalEngine, layout: Layout
) -> None:
    held = await start(engine, layout, "web", "sleep 1000")
    before = held.all()
    async with live(engine) as stage:
        await stage.press("L")
        for field, (_, _, typed) in KEYS.items():
            await go_to(stage, field)
            was = held.file(field)
            await stage.type(typed)
            assert held.file(field) == was
            await stage.press("enter")
            await stage.until(lambda field=field, was=was: held.file(field) != was)
            await stage.until(lambda: stage.shows("✓ web: in force, and kept over a restart"))
        limited = held.all()
        assert limited["cpus"].startswith("50000")
        assert limited["memory"] == str(64 * MIB)
        assert str(2 * MIB) in limited["device_read_bps"]
        spec = (await engine.containers.get("web")).spec.limits
        assert spec.cpuset_cpus == "0"
        assert spec.memory_swap == 96 * MIB
        await engine.containers.restart("web")
        assert held.all() == limited
        for _ in KEYS:
            await stage.press("z")
            await stage.until(lambda: stage.shows("✓ web: in force, and kept over a restart"))
        await stage.until(lambda: held.all() == before)
        assert (await engine.containers.get("web")).spec.limits == Limits(memory_swap=None)


async def test_the_graph_answers_a_quota(engine: LocalEngine, layout: Layout) -> None:
    """A loop without end is held to a fifth of a core, and the console says by what."""
    held = await start(engine, layout, "burner", "while :; do :; done")
    async with live(engine) as stage:
        await stage.press("L")
        await go_to(stage, "cpus")
        await stage.type("20%")
        await stage.press("enter")
        await stage.until(lambda: stage.shows("The quota held it back in"))
        samples = stage.world.samples
        await stage.until(lambda: samples and 0 < stage.world.samples[held.it.id][-1].cpu < 0.3)
        assert stage.shows("limit 20.0%")
        assert stage.shows("half as much more")


async def test_a_max_below_use_kills_after_a_warning(engine: LocalEngine, layout: Layout) -> None:
    script = "x=$(head -c 20000000 /dev/zero | tr '\\0' x); while :; do sleep 1; done"
    held = await start(engine, layout, "hog", script)
    async with live(engine) as stage:
        id = held.it.id
        await stage.until(lambda: id in stage.world.samples)
        await stage.until(lambda: stage.world.samples[id][-1].memory_anon > 18 * MIB)
        await stage.press("L")
        await go_to(stage, "memory")
        await stage.type("8m")
        await stage.press("enter")
        await stage.until(lambda: stage.shows("Enter again does it"))
        assert stage.shows("of that its own: the kernel would kill it (OOM)") or stage.shows("swap")
        assert os.path.exists(f"/proc/{(await engine.containers.get(id)).pid}")
        await stage.press("enter")
        await stage.until(lambda: stage.shows("The kernel killed hog: out of memory"))
        ended = await engine.containers.get(id)
        assert ended.exit
        assert ended.exit.oom_killed


async def test_what_v1_lacks_is_dim(engine: LocalEngine, layout: Layout) -> None:
    """`memory.high` is of v2: there it is set, here it is not even tried."""
    held = await start(engine, layout, "web", "sleep 1000")
    v1 = reach_cgroup(layout.tag, held.it.id).version("memory") == 1
    async with live(engine) as stage:
        await stage.press("L")
        await go_to(stage, "memory_high")
        await stage.type("48m")
        await stage.press("enter", "enter")
        said = "only cgroup v2 has memory.high" if v1 else "✓ web: in force"
        await stage.until(lambda: stage.shows(said))
        kept = (await engine.containers.get("web")).spec.limits.memory_high
        assert kept == (None if v1 else 48 * MIB)
