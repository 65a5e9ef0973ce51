"""What `Containers.history` promises, asked of both engines."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests import root_only
from tests.contract.test_containers import shell, started
from tuidock.engine.api import Engine
from tuidock.engine.errors import ContainerNotFound


@pytest.mark.root(root_only.LIMITS)
async def test_history_is_kept_after_the_end(engine: Engine) -> None:
    """One record each two seconds, in columns of one length."""
    before = time.time()
    it = await started(engine, shell("sleep 60", "web"))
    deadline = asyncio.get_running_loop().time() + 60
    while len((found := await engine.containers.history("web")).at) < 2:
        assert asyncio.get_running_loop().time() < deadline, "nothing is recorded"
        await asyncio.sleep(0.1)
    await engine.containers.kill(it.id)
    await engine.containers.wait(it.id)
    kept = await engine.containers.history(it.id)
    assert (kept.id, kept.at[0]) == (it.id, found.at[0])
    assert before < kept.at[0] < kept.at[1]
    assert max(kept.memory) > 0
    assert len({len(column) for column in (*kept[1:7], *kept[9:])}) == 1
    actions = [each.action for each in kept.events]
    assert actions[0] == "create"
    assert actions[1] == "start"
    assert actions[-1] == "die"
    assert {each.id for each in kept.events} == {it.id}
    assert len(kept.starts) == 1
    later = await engine.containers.history(it.id, since=kept.at[1])
    assert later.at[0] == kept.at[1]


async def test_one_that_never_ran_has_no_history(engine: Engine) -> None:
    it = await engine.containers.create(shell("true"))
    assert len((await engine.containers.history(it.id)).at) == 0
    with pytest.raises(ContainerNotFound):
        await engine.containers.history("nobody")
