"""What `engine.api.Containers` promises about how a container is made, asked of both engines."""

from __future__ import annotations

import asyncio

import pytest

from tests.contract.test_containers import shell
from tuidock.engine.api import Engine
from tuidock.engine.errors import WrongStatus


async def test_anatomy_tells_the_birth_and_the_layers(engine: Engine) -> None:
    made = await engine.containers.create(shell("sleep 60"))
    before = await engine.containers.anatomy(made.id)
    assert before.birth.parts == ()
    assert before.birth.unread
    await engine.containers.start(made.id)
    found = before
    async with asyncio.timeout(30):
        while found.birth.unread:  # its record is written a moment after the start
            found = await engine.containers.anatomy(made.id)
            await asyncio.sleep(0.01)
    assert found.birth.seconds > 0
    last = found.birth.parts[-1].batches[-1].steps[-1]
    assert (last.kind, "sleep 60" in last.text) == ("exec", True)
    assert [layer.kind for layer in found.layers] == ["layer.own", "layer.image"]


async def test_what_lives_is_shown_beside_the_host(engine: Engine) -> None:
    made = await engine.containers.create(shell("sleep 60"))
    with pytest.raises(WrongStatus):
        await engine.containers.living(made.id)
    await engine.containers.start(made.id)
    it = await engine.containers.get(made.id)
    found = await engine.containers.living(it.id)
    assert (found.id, found.pid) == (it.id, it.pid)
    assert {each.name for each in found.namespaces if each.own} >= {"mnt", "pid", "uts", "ipc"}
    first = found.members[0]
    assert (first.inside, first.pid, first.uid_inside) == (1, it.pid, 0)
    assert any(each.target == "/proc" for each in found.mounts)
    assert found.privileges
    assert "CAP_CHOWN" in found.privileges.kept
    assert "CAP_SYS_ADMIN" in found.privileges.dropped
