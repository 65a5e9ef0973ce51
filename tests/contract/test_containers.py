"""What `engine.api.Containers` promises, asked of both engines."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import pytest

from tests import root_only
from tuidock.engine.api import Engine
from tuidock.engine.debugging import Debug
from tuidock.engine.errors import (
    BadSpec,
    CommandNotFound,
    ContainerNotFound,
    ImageNotFound,
    NameInUse,
    NotFound,
    WrongStatus,
)
from tuidock.engine.pruning import PruneQuery
from tuidock.engine.types import (
    Container,
    ContainerSpec,
    ExecSpec,
    HealthCheck,
    Limits,
    LogQuery,
    Status,
)

MIB = 1024 * 1024


def shell(script: str, name: str = "", limits: Limits = Limits()) -> ContainerSpec:  # noqa: B008
    """A busybox that runs a script, without a network."""
    return ContainerSpec(
        "busybox", name, ("sh", "-c", script), network="none", limits=limits, stop_timeout=0.2
    )


async def started(engine: Engine, spec: ContainerSpec) -> Container:
    container = await engine.containers.create(spec)
    await engine.containers.start(container.id)
    return await engine.containers.get(container.id)


async def text(engine: Engine, key: str, query: LogQuery) -> list[tuple[str, bytes]]:
    return [
        (line.stream, line.text)
        async for batch in engine.containers.logs(key, query)
        for line in batch
    ]


async def test_a_created_container_is_there_and_does_not_run(engine: Engine) -> None:
    made = await engine.containers.create(shell("sleep 60", "web"))
    assert made.status is Status.CREATED
    assert made.command == ("sh", "-c", "sleep 60")
    assert len(made.id) == 64
    assert [it.id for it in await engine.containers.list()] == [made.id]
    assert (await engine.containers.get("web")).id == made.id
    assert (await engine.containers.get(made.id[:8])).id == made.id


async def test_exit_code_and_output_are_kept(engine: Engine) -> None:
    it = await started(engine, shell("echo out; echo err >&2; exit 3"))
    assert (await engine.containers.wait(it.id)).code == 3
    ended = await engine.containers.get(it.id)
    assert ended.status is Status.EXITED
    assert ended.exit is not None
    assert (ended.exit.code, ended.exit.signal, ended.exit.oom_killed) == (3, 0, False)
    assert set(await text(engine, it.id, LogQuery())) == {("stdout", b"out"), ("stderr", b"err")}


async def test_followed_logs_end_with_the_container(engine: Engine) -> None:
    it = await started(engine, shell("echo one; sleep 0.2; echo two"))
    grown = asyncio.create_task(_times(engine.containers.log_growth(it.id)))
    lines = await asyncio.wait_for(text(engine, it.id, LogQuery(follow=True)), 20)
    assert lines == [("stdout", b"one"), ("stdout", b"two")]
    assert await asyncio.wait_for(grown, 30) >= 2


async def _times(source: AsyncIterator[None]) -> int:
    return len([it async for it in source])


async def test_tail_gives_the_last_lines(engine: Engine) -> None:
    it = await started(engine, shell("echo a; echo b; echo c"))
    await engine.containers.wait(it.id)
    assert await text(engine, it.id, LogQuery(tail=2)) == [("stdout", b"b"), ("stdout", b"c")]


async def test_stop_ends_it_and_a_second_stop_does_nothing(engine: Engine) -> None:
    it = await started(engine, shell("sleep 60"))
    assert it.status is Status.RUNNING
    assert it.pid > 0
    await engine.containers.stop(it.id)
    ended = await engine.containers.get(it.id)
    assert ended.status is Status.EXITED
    assert ended.pid == 0
    await engine.containers.stop(it.id)


async def test_kill_names_its_signal(engine: Engine) -> None:
    it = await started(engine, shell("sleep 60"))
    await engine.containers.kill(it.id, "KILL")
    ended = await engine.containers.wait(it.id)
    assert (ended.code, ended.signal) == (137, 9)
    with pytest.raises(WrongStatus):
        await engine.containers.kill(it.id)
    with pytest.raises(BadSpec):
        await engine.containers.kill(it.id, "NOSUCH")


async def test_a_signal_for_one_process_reaches_that_one(engine: Engine) -> None:
    it = await started(engine, shell("sleep 60"))
    assert (await engine.containers.top(it.id))[0].pid == it.pid
    for stranger in (os.getpid(), 2**22 - 1):
        with pytest.raises(NotFound):
            await engine.containers.signal(it.id, stranger, "KILL")
    with pytest.raises(BadSpec):
        await engine.containers.signal(it.id, it.pid, "NOSUCH")
    assert (await engine.containers.get(it.id)).status is Status.RUNNING
    await engine.containers.signal(it.id, it.pid, "KILL")
    ended = await engine.containers.wait(it.id)
    assert (ended.code, ended.signal) == (137, 9)
    with pytest.raises(WrongStatus):
        await engine.containers.signal(it.id, it.pid, "KILL")


@pytest.mark.root(root_only.LIMITS)
async def test_pause_and_unpause(engine: Engine) -> None:
    it = await started(engine, shell("sleep 60"))
    await engine.containers.pause(it.id)
    assert (await engine.containers.get(it.id)).status is Status.PAUSED
    with pytest.raises(WrongStatus):
        await engine.containers.pause(it.id)
    await engine.containers.unpause(it.id)
    assert (await engine.containers.get(it.id)).status is Status.RUNNING
    with pytest.raises(WrongStatus):
        await engine.containers.unpause(it.id)


async def test_restart_gives_it_another_process(engine: Engine) -> None:
    it = await started(engine, shell("sleep 60"))
    await engine.containers.restart(it.id, 0)
    again = await engine.containers.get(it.id)
    assert again.status is Status.RUNNING
    assert again.pid != it.pid


async def test_a_running_container_is_removed_only_by_force(engine: Engine) -> None:
    it = await started(engine, shell("sleep 60"))
    with pytest.raises(WrongStatus):
        await engine.containers.remove(it.id)
    await engine.containers.remove(it.id, force=True)
    with pytest.raises(ContainerNotFound):
        await engine.containers.get(it.id)


async def test_the_log_of_a_removed_container_can_be_read_by_its_id(engine: Engine) -> None:
    web = await started(engine, shell("echo last words", "web"))
    await engine.containers.wait(web.id)
    await engine.containers.remove(web.id)
    left = (await engine.containers.removed())[0]
    assert (left.id, left.name, left.image, left.code) == (web.id, "web", web.image, 0)
    assert await text(engine, web.id, LogQuery()) == [("stdout", b"last words")]
    assert await text(engine, web.id, LogQuery(follow=True)) == [("stdout", b"last words")]
    await engine.containers.log_files(web.id)
    with pytest.raises(ContainerNotFound):
        await text(engine, "web", LogQuery())
    with pytest.raises(ContainerNotFound):
        await engine.containers.get(web.id)


async def test_names_are_unique_and_free_again_after_removal(engine: Engine) -> None:
    it = await engine.containers.create(shell("true", "web"))
    with pytest.raises(NameInUse) as caught:
        await engine.containers.create(shell("true", "web"))
    assert it.id in caught.value.message
    await engine.containers.remove("web")
    await engine.containers.create(shell("true", "web"))


async def test_what_is_not_there(engine: Engine) -> None:
    with pytest.raises(ContainerNotFound):
        await engine.containers.get("nosuch")
    with pytest.raises(ImageNotFound):
        await engine.containers.create(ContainerSpec("nosuch"))
    with pytest.raises(BadSpec):
        await engine.containers.create(shell("true", "no spaces"))


async def test_a_missing_command_is_told_and_the_container_stays(engine: Engine) -> None:
    made = await engine.containers.create(
        ContainerSpec("busybox", command=("no-such-command",), network="none")
    )
    with pytest.raises(CommandNotFound):
        await engine.containers.start(made.id)
    ended = await engine.containers.get(made.id)
    assert ended.status in (Status.CREATED, Status.EXITED)
    assert ended.exit is not None
    assert ended.exit.code == 127


async def test_stats_know_running_containers_only(engine: Engine) -> None:
    running = await started(engine, shell("sleep 60"))
    await engine.containers.create(shell("true"))
    feed = aiter(engine.containers.stats(interval=0.1))
    first, second = await anext(feed), await anext(feed)
    await feed.aclose()  # type: ignore[attr-defined]
    assert [sample.id for sample in first] == [running.id]
    assert second[0].at > first[0].at
    assert second[0].pids >= 1


async def test_top_shows_its_processes(engine: Engine) -> None:
    it = await started(engine, shell("sleep 60"))
    found = await engine.containers.top(it.id)
    assert found[0].pid == it.pid
    await engine.containers.kill(it.id)
    await engine.containers.wait(it.id)
    with pytest.raises(WrongStatus):
        await engine.containers.top(it.id)


async def test_exec_runs_beside_and_has_its_own_code(engine: Engine) -> None:
    it = await started(engine, shell("sleep 60"))
    session = await engine.containers.exec(it.id, ExecSpec(("sh", "-c", "echo hi; exit 4")))
    said = [item async for item in session.output()]
    assert said == [("stdout", b"hi\n")]
    assert await session.wait() == 4
    await session.close()
    assert (await engine.containers.get(it.id)).status is Status.RUNNING


async def test_exec_without_input_reads_the_end_of_it(engine: Engine) -> None:
    """Fails when nobody closes the pipe: `cat` would wait for ever."""
    it = await started(engine, shell("sleep 60"))
    session = await engine.containers.exec(it.id, ExecSpec(("cat",)))
    async with asyncio.timeout(20):
        assert [item async for item in session.output()] == []
        assert await session.wait() == 0
    await session.close()


@pytest.mark.root(root_only.PROCESSES)
async def test_a_debugger_is_a_container_besides_and_gone_at_its_end(engine: Engine) -> None:
    it = await started(engine, shell("sleep 60"))
    asked = Debug(("sh", "-c", "echo hi; exit 4"), "busybox", tty=False, stdin=False)
    session = await engine.containers.debug(it.id, asked)
    assert len(await engine.containers.list()) == 2
    assert [item async for item in session.output()] == [("stdout", b"hi\n")]
    assert await session.wait() == 4
    await session.close()
    async with asyncio.timeout(60):
        while len(await engine.containers.list()) > 1:  # noqa: ASYNC110  # there is no event
            await asyncio.sleep(0.01)
    await engine.containers.kill(it.id)
    await engine.containers.wait(it.id)
    with pytest.raises(WrongStatus):
        await engine.containers.debug(it.id, asked)


async def test_events_tell_of_a_further_command(engine: Engine) -> None:
    feed = aiter(engine.events(since=0))
    it = await started(engine, shell("sleep 60"))
    session = await engine.containers.exec(it.id, ExecSpec(("sh", "-c", "exit 4")))
    assert [item async for item in session.output()] == []
    assert await session.wait() == 4
    await session.close()
    seen = []
    while not seen or seen[-1].action != "exec_die":
        event = await asyncio.wait_for(anext(feed), 20)
        if event.action.startswith("exec_"):
            seen.append(event)
    await feed.aclose()  # type: ignore[attr-defined]
    words = "sh -c exit 4"
    actions = [f"exec_create: {words}", f"exec_start: {words}", "exec_die"]
    assert [each.action for each in seen] == actions
    assert len({dict(each.attributes)["execID"] for each in seen}) == 1
    assert dict(seen[-1].attributes)["exitCode"] == "4"


async def test_events_tell_of_a_life(engine: Engine) -> None:
    feed = aiter(engine.events(since=0))
    it = await started(engine, shell("exit 0", "brief"))
    await engine.containers.wait(it.id)
    await engine.containers.remove(it.id)
    seen = []
    while "destroy" not in seen:
        event = await asyncio.wait_for(anext(feed), 20)
        if event.id == it.id:
            seen.append(event.action)
            assert event.name == "brief"
    await feed.aclose()  # type: ignore[attr-defined]
    assert [each for each in seen if each in ("create", "start", "die", "destroy")] == [
        "create",
        "start",
        "die",
        "destroy",
    ]


@pytest.mark.root(root_only.LIMITS)
async def test_inspect_has_dockers_shape(engine: Engine) -> None:
    it = await started(engine, shell("sleep 60", "web", Limits(memory=64 * MIB)))
    found = await engine.containers.inspect("web")
    assert found["Id"] == it.id
    assert found["Name"] == "/web"
    state, host = found["State"], found["HostConfig"]
    assert isinstance(state, dict)
    assert isinstance(host, dict)
    assert (state["Status"], state["Running"], state["Pid"]) == ("running", True, it.pid)
    assert host["Memory"] == 64 * MIB


@pytest.mark.root(root_only.LIMITS)
async def test_a_paused_container_stops(engine: Engine) -> None:
    it = await started(engine, shell("sleep 60"))
    await engine.containers.pause(it.id)
    await engine.containers.stop(it.id)
    assert (await engine.containers.get(it.id)).status is Status.EXITED


async def test_rename_takes_a_free_name_and_frees_the_old_one(engine: Engine) -> None:
    it = await started(engine, shell("sleep 60", "web"))
    await engine.containers.create(shell("true", "db"))
    with pytest.raises(NameInUse):
        await engine.containers.rename("web", "db")
    for wrong in ("web", "no spaces", "x"):
        with pytest.raises(BadSpec):
            await engine.containers.rename("web", wrong)
    await engine.containers.rename("web", "shop")
    assert (await engine.containers.get(it.id)).name == "shop"
    assert (await engine.containers.inspect("shop"))["Name"] == "/shop"
    with pytest.raises(ContainerNotFound):
        await engine.containers.get("web")
    await engine.containers.create(shell("true", "web"))


async def test_listening_begins_with_the_call(engine: Engine) -> None:
    """What happens before the first event is asked for is told. Fails with a lazy follower."""
    feed = engine.events()
    it = await engine.containers.create(shell("true"))
    async with asyncio.timeout(60):
        assert (await anext(aiter(feed))).id == it.id


async def test_events_after_a_rename_tell_the_new_name(engine: Engine) -> None:
    """Seen to fail for `die` with the monitor not told."""
    feed = aiter(engine.events(since=0))
    it = await started(engine, shell("sleep 60", "web"))
    await engine.containers.rename("web", "shop")
    await engine.containers.kill(it.id)
    await engine.containers.wait(it.id)
    told: dict[str, str] = {}
    while "die" not in told:
        event = await asyncio.wait_for(anext(feed), 20)
        told[event.action] = event.name
    await feed.aclose()  # type: ignore[attr-defined]
    assert (told["start"], told["rename"], told["die"]) == ("web", "shop", "shop")


async def test_prune_removes_what_does_not_run_and_is_meant(engine: Engine) -> None:
    running = await started(engine, shell("sleep 60"))
    plain = await engine.containers.create(shell("true"))
    labels = (("tier", "db"), ("keep", "yes"))
    kept = await engine.containers.create(shell("true")._replace(labels=labels))
    meant = await engine.containers.create(shell("true")._replace(labels=labels[:1]))
    query = PruneQuery(labels=("tier=db",), without=("keep",))
    assert (await engine.containers.prune(query._replace(until=1.0))).ids == ()
    assert (await engine.containers.prune(query)).ids == (meant.id,)
    assert set((await engine.containers.prune()).ids) == {plain.id, kept.id}
    assert [it.id for it in await engine.containers.list()] == [running.id]


async def test_health_is_probed_told_and_kept(engine: Engine) -> None:
    check = HealthCheck(("CMD-SHELL", "echo looked; exit 3"), interval=0.1, retries=1)
    events = engine.events()
    spec = shell("sleep 60", "ill")._replace(health=check)
    it = await started(engine, spec)
    assert it.health == "starting"
    async for event in events:
        if event.action.startswith("health_status"):
            break
    assert (event.action, event.id) == ("health_status: unhealthy", it.id)
    assert (await engine.containers.get("ill")).health == "unhealthy"
    state = (await engine.containers.inspect("ill"))["State"]
    assert isinstance(state, dict)
    assert state["Health"]["Status"] == "unhealthy"
    assert state["Health"]["Log"][0]["ExitCode"] == 3
    assert state["Health"]["Log"][0]["Output"] == "looked\n"
    await engine.containers.kill("ill")
    await engine.containers.wait("ill")
    assert (await engine.containers.get("ill")).health == ""
