"""The parts of the fake engine that the contract suite cannot ask of a real one: its clock."""

from __future__ import annotations

import asyncio

import pytest

from tuidock.engine.api import Engine
from tuidock.engine.errors import MonitorGone, WrongStatus
from tuidock.engine.events import LayerProgress, Pulled, Resolved
from tuidock.engine.fake import FakeEngine, Load, Program, StoppedClock
from tuidock.engine.fake.scene import MIB, harbour, stock
from tuidock.engine.types import ContainerSpec, ExecSpec, Limits, LogQuery, Status


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


async def test_it_is_an_engine(clock: StoppedClock) -> None:
    engine: Engine = await harbour(FakeEngine(clock))
    names = [it.name for it in await engine.containers.list()]
    assert set(names) == {"web", "api", "db", "crunch", "cache", "import", "migrate"}
    await engine.close()


async def test_a_command_lives_by_the_clock(clock: StoppedClock) -> None:
    engine = stock(FakeEngine(clock))
    it = await engine.containers.create(ContainerSpec("debian:12", command=("sleep", "5")))
    await engine.containers.start(it.id)
    await clock.advance(4.9)
    assert (await engine.containers.get(it.id)).status is Status.RUNNING
    await clock.advance(0.2)
    ended = await engine.containers.get(it.id)
    assert ended.status is Status.EXITED
    assert ended.exit is not None
    assert ended.exit.at - ended.started == pytest.approx(5)


async def test_followed_logs_end_with_the_container(clock: StoppedClock) -> None:
    engine = stock(FakeEngine(clock))
    command = ("sh", "-c", "echo one; sleep 1; echo two >&2; sleep 1; exit 3")
    it = await engine.containers.create(ContainerSpec("debian:12", "talk", command))
    await engine.containers.start("talk")
    seen: list[tuple[str, bytes]] = []

    async def follow() -> None:
        async for lines in engine.containers.logs(it.id, LogQuery(follow=True)):
            seen.extend((line.stream, line.text) for line in lines)

    task = asyncio.create_task(follow())
    await clock.advance(3)
    await task
    assert seen == [("stdout", b"one"), ("stderr", b"two")]


async def test_a_limit_below_the_appetite_kills(clock: StoppedClock) -> None:
    engine = stock(FakeEngine(clock))
    engine.containers.programs["hungry",] = Program(code=None, load=Load(memory=64 * MIB))
    await engine.containers.create(ContainerSpec("debian:12", "hungry", ("hungry",)))
    await engine.containers.start("hungry")
    events = engine.events()
    it = await engine.containers.update("hungry", Limits(memory=32 * MIB))
    assert it.exit is not None
    assert (it.exit.code, it.exit.oom_killed) == (137, True)
    assert [(await anext(events)).action for _ in range(3)] == ["update", "oom", "die"]


async def test_cpu_is_held_at_the_quota(clock: StoppedClock) -> None:
    engine = stock(FakeEngine(clock))
    engine.containers.programs["busy",] = Program(code=None, load=Load(cpu=2.0))
    spec = ContainerSpec("debian:12", "busy", ("busy",), limits=Limits(cpus=0.5))
    await engine.containers.create(spec)
    await engine.containers.start("busy")
    batches = engine.containers.stats(("busy",))
    assert (await anext(batches))[0].cpu == 0.0
    following = asyncio.ensure_future(anext(batches))
    await clock.advance(1)
    sample = (await following)[0]
    assert sample.cpu == pytest.approx(0.5)
    assert sample.throttled == pytest.approx(0.75)


async def test_a_pull_moves_every_missing_layer(clock: StoppedClock) -> None:
    engine = stock(FakeEngine(clock))
    events = []

    async def pull() -> None:
        events.extend(
            [event async for event in engine.images.pull("localhost:5000/acme/mailer:1.0")]
        )

    task = asyncio.create_task(pull())
    await clock.advance(10)
    await task
    assert isinstance(events[0], Resolved)
    assert isinstance(events[-1], Pulled)
    phases = {it.phase for it in events if isinstance(it, LayerProgress)}
    assert phases == {"exists", "waiting", "downloading", "extracting", "done"}


async def test_planned_failures_come_once(clock: StoppedClock) -> None:
    engine = await harbour(FakeEngine(clock))
    engine.containers.failures["stop"] = MonitorGone("the monitor of web does not answer")
    with pytest.raises(MonitorGone):
        await engine.containers.stop("web")
    await engine.containers.stop("web")
    with pytest.raises(WrongStatus):
        await engine.containers.pause("web")
    await engine.close()


async def test_an_exec_shell_echoes(clock: StoppedClock) -> None:
    engine = await harbour(FakeEngine(clock))
    session = await engine.containers.exec("web", ExecSpec(("sh",), tty=True, stdin=True))
    await session.write(b"echo hello\rexit 4\r")
    said = b"".join([data async for _, data in session.output()])
    assert b"\r\nhello\r\n" in said.replace(b"echo hello", b"")
    assert await session.wait() == 4
    await engine.close()
