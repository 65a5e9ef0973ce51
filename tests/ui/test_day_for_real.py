"""A day's work on the real engine: signals, files, jobs, read-only, deeds that are done again."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests import busybox
from tests.images.faulty import FaultyRegistry, stall
from tests.registry_fixture import make_image
from tests.ui.conftest import Stage
from tests.ui.test_day import answer, names, opened, tab_rows
from tests.ui.test_door import SAMPLES
from tests.waiting import until
from tuidock.app import TuidockApp
from tuidock.config import Config
from tuidock.engine.core import Core
from tuidock.engine.errors import ReadOnly
from tuidock.engine.fake import FakeEngine, StoppedClock
from tuidock.engine.layout import Layout
from tuidock.engine.local import LocalEngine
from tuidock.engine.logs.merged import MergedIndex
from tuidock.engine.readonly import READING, read_only
from tuidock.engine.types import Container, ContainerSpec, Status
from tuidock.screens import processes
from tuidock.screens.files import FilesTab
from tuidock.screens.processes import ProcessesTab
from tuidock.screens.reading import Reader
from tuidock.widgets.log_lines import LogLines


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
async def live(engine: LocalEngine, *, reading: bool = False) -> AsyncIterator[Stage]:
    """The app on the real engine; the fake one of the stage stays out of it."""
    app = TuidockApp(engine, Config(confirm=False), read_only=reading)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        stage = Stage(app, FakeEngine(), pilot, StoppedClock())
        await stage.until(lambda: app.world.loaded)
        yield stage
        await app.jobs.end()


async def started(engine: LocalEngine, script: str, name: str = "box") -> Container:
    words = ("sh", "-c", f"{script}\ntouch /tmp/.done; exec sleep 600")
    spec = ContainerSpec("busybox", name, words, network="none", stop_timeout=0.2)
    it = await engine.containers.create(spec)
    await engine.containers.start(it.id)
    while ".done" not in {e.name for e in (await engine.files.list(it.id, "/tmp")).entries}:
        pass
    return await engine.containers.get(it.id)


async def test_a_signal_ends_one_process_and_no_other(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "GLANCE", 0.2)
    it = await started(engine, "sleep 599 & sleep 598 &")
    async with live(engine) as stage:
        await opened(stage, "top", ProcessesTab)
        await stage.until(lambda: len(tab_rows(stage)) == 3)
        assert tab_rows(stage)[1][-1] == "├─ sleep 599"
        await stage.press("slash", *"599", "enter", "K", "t")
        await stage.until(lambda: not tab_rows(stage))
        every = await engine.containers.top(it.id)
        left = {process.command for process in every if process.state != "Z"}
        assert left == {"sleep 598", "sleep 600"}


async def test_files_of_running_and_stopped_containers(engine: LocalEngine, tmp_path: Path) -> None:
    script = "mkdir /new; echo hello > /new/note; rm /etc/group; ln -s /etc/passwd /new/link"
    it = await started(engine, script)
    async with live(engine) as stage:
        for _ in range(2):
            await opened(stage, "files", FilesTab)
            await stage.until(lambda: ("A", "new/") in [row[:2] for row in tab_rows(stage)])
            await stage.press("slash", *"new", "enter", "enter")
            await stage.until(lambda: "note" in names(stage))
            await stage.press("G", "v")
            await stage.until(lambda: isinstance(stage.app.screen, Reader))
            await stage.until(lambda: stage.app.screen.query("TextArea"))
            area = stage.app.screen.query_one("TextArea")
            assert area.text == "hello\n"  # type: ignore[attr-defined]
            await stage.press("escape", "ctrl+s")
            await answer(stage, str(tmp_path / "out"))
            await stage.until(lambda: (tmp_path / "out").exists())
            (tmp_path / "out").unlink()
            await stage.press("left")
            await engine.containers.stop(it.id)
            await stage.until(lambda: stage.world.containers[it.id].status is Status.EXITED)


async def test_a_pull_that_is_cancelled_ends_and_leaves_no_image(engine: LocalEngine) -> None:
    over = threading.Event()
    with FaultyRegistry() as registry:
        image = make_image([busybox.layer()], busybox.config())
        reference = registry.hold("box", "1", image)
        registry.always["blob"] = stall(1000, over)
        async with live(engine) as stage:
            stage.app.pull(reference)
            await stage.press("8")
            await stage.until(lambda: registry.requests("blob"))
            assert stage.app.jobs.running()
            await stage.press("d")
            over.set()
            await stage.until(lambda: not stage.app.jobs.running())
            (job,) = stage.world.jobs.values()
            assert job.problem == "cancelled"
            assert stage.world.deeds[-1].problem == "cancelled"
            known = [tag for each in await engine.images.list() for tag in each.tags]
            assert not [tag for tag in known if "box:1" in tag]


async def test_a_pull_whose_process_is_killed_says_so(engine: LocalEngine) -> None:
    """Fails when the end of its output is taken for the end of the pull."""
    over = threading.Event()
    with FaultyRegistry() as registry:
        reference = registry.hold("box", "3", make_image([busybox.layer()], busybox.config()))
        registry.always["blob"] = stall(1000, over)
        async with live(engine) as stage:
            stage.app.pull(reference)
            await stage.until(lambda: registry.requests("blob"))
            for pid in pulls_of(engine._workers.layout):
                os.kill(pid, signal.SIGKILL)
            await stage.until(lambda: not stage.app.jobs.running())
            over.set()
            (job,) = stage.world.jobs.values()
            assert "killed by signal 9" in job.problem


def pulls_of(layout: Layout) -> list[int]:
    """Processes that pull into a store."""
    words = f"tuidock.engine.images.apart\0{layout.root}\0".encode()
    lines = ((path.parent.name, path) for path in Path("/proc").glob("[0-9]*/cmdline"))
    return [int(pid) for pid, path in lines if path.exists() and words in path.read_bytes()]


async def test_a_pull_goes_on_without_the_interface(engine: LocalEngine) -> None:
    """Seen to fail without `go_on_alone` in leaving: the image never came."""
    over = threading.Event()
    with FaultyRegistry() as registry:
        reference = registry.hold("box", "2", make_image([busybox.layer()], busybox.config()))
        registry.always["blob"] = stall(1000, over)
        async with live(engine) as stage:
            await stage.until(lambda: stage.world.info)
            stage.app.pull(reference)
            await stage.until(lambda: registry.requests("blob"))
            await stage.press("ctrl+q")
            await stage.until(lambda: stage.shows("Jobs are running"))
            del registry.always["blob"]
            over.set()
            await stage.press("enter")
            await stage.until(lambda: stage.app.return_code == 0)
        layout = engine._workers.layout
        until(lambda: has_image(layout, "box:2"))


def has_image(layout: Layout, name: str) -> bool:
    core = Core(layout)
    try:
        return any(name in tag for image in core.images.list() for tag in image.tags)
    finally:
        core.close()


async def test_a_deed_is_done_again_as_a_job(engine: LocalEngine) -> None:
    it = await started(engine, "")
    async with live(engine) as stage:
        await stage.until(lambda: it.id in stage.world.containers)
        await stage.app.engine.containers.kill(it.id, "WINCH")
        await stage.app.engine.containers.stop(it.id)
        await stage.until(lambda: len(stage.world.deeds) == 2)
        await stage.press("9", "r")
        await stage.until(lambda: stage.world.jobs and not stage.app.jobs.running())
        (job,) = stage.world.jobs.values()
        assert (job.title, job.problem) == ("tuidock stop box", "")
        assert job.said == ("box",)


@pytest.mark.parametrize("method", sorted(SAMPLES.keys() - READING))
async def test_the_real_engine_refuses_when_it_only_reads(engine: LocalEngine, method: str) -> None:
    part, _, name = method.partition(".")
    call: Callable[..., object] = getattr(getattr(read_only(engine), part), name)
    with pytest.raises(ReadOnly, match=re.escape(name)):
        call(*SAMPLES[method])


async def test_looking_goes_on_where_nothing_may_change(engine: LocalEngine) -> None:
    """Every tab of a running container, on an engine that only reads."""
    it = await started(engine, "")
    async with live(engine, reading=True) as stage:
        await stage.until(lambda: it.id in stage.world.containers)
        detail = stage.app.screen.detail  # type: ignore[attr-defined]
        for name in detail._order:
            await detail.bring(name)
            await stage.pilot.pause(0.5)
            assert not stage.shows("read-only:"), name
        await stage.press("s", "d", "D", "p", "r", "e", "a")
        assert (await engine.containers.get(it.id)).started == it.started
        assert not stage.world.deeds


async def test_whole_logs_of_two_are_one_by_time(engine: LocalEngine) -> None:
    """Fails when only their last lines are merged, or when the view of it does not grow."""
    await started(engine, "seq 1 3000; while :; do echo tick; sleep 0.2; done &", "one")
    await started(engine, "echo first of two; while :; do echo tock; sleep 0.2; done &", "two")
    async with live(engine) as stage:
        await stage.press("enter", "A")
        await stage.until(lambda: stage.shows("merged 2"))
        lines = stage.app.screen.query_one(LogLines)
        await stage.until(lambda: isinstance(lines.excerpt.source, MergedIndex))
        source = lines.excerpt.source
        seen = source.end
        await stage.until(lambda: source.end > seen + 4)
        found = source.lines(source.first, source.end)
        assert [it.text for it in found if it.name == "one "][:3000] == [
            b"%d" % number for number in range(1, 3001)
        ]
        assert {it.text for it in found if it.name == "two "} == {b"first of two", b"tock"}
        await stage.press("slash", *"two", "enter")
        await stage.until(lambda: stage.shows("/ two"))


async def test_a_copy_that_is_ended_goes_no_further(engine: LocalEngine, tmp_path: Path) -> None:
    """Seen to fail without `over` in `LocalFiles`: its thread copied all of it, unasked."""
    it = await started(engine, "dd if=/dev/zero of=/big bs=1M count=300; sync")
    target = tmp_path / "big"
    copying = asyncio.create_task(engine.files.copy_out(it.id, "/big", str(target)))
    await asyncio.to_thread(until, lambda: target.exists() and target.stat().st_size)
    copying.cancel()
    await asyncio.gather(copying, return_exceptions=True)
    assert copying.cancelled()
    assert not target.exists()
