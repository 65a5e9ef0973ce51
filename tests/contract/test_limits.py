"""What `engine.api.Containers` promises about limits, asked of both engines."""

from __future__ import annotations

import asyncio

import pytest

from tests import root_only
from tests.contract.test_containers import MIB, shell, started
from tuidock.engine.api import Engine
from tuidock.engine.errors import BadSpec, ContainerNotFound, WrongStatus
from tuidock.engine.types import Limits


@pytest.mark.root(root_only.LIMITS)
async def test_limits_are_kept_and_none_leaves_them(engine: Engine) -> None:
    it = await started(engine, shell("sleep 60", limits=Limits(memory=64 * MIB, pids=50)))
    changed = await engine.containers.update(it.id, Limits(memory=96 * MIB, cpus=0.5))
    assert changed.spec.limits.memory == 96 * MIB
    assert changed.spec.limits.pids == 50
    assert (await engine.containers.get(it.id)).spec.limits.cpus == 0.5
    batch = await anext(aiter(engine.containers.stats([it.id])))
    assert batch[0].memory_limit == 96 * MIB
    assert batch[0].cpu_limit == pytest.approx(0.5)
    with pytest.raises(BadSpec):
        await engine.containers.update(it.id, Limits(memory=1))


@pytest.mark.root(root_only.LIMITS)
async def test_limits_of_one_run_end_with_it(engine: Engine) -> None:
    """Fails when they are kept, or believed of the next run."""
    spec = shell("sleep 60", limits=Limits(memory=64 * MIB, pids=50))
    it = await started(engine, spec)
    changed = await engine.containers.update(it.id, Limits(memory=96 * MIB), keep=False)
    assert changed.spec.limits == spec.limits
    assert changed.passing == Limits(memory=96 * MIB, pids=50)
    batch = await anext(aiter(engine.containers.stats([it.id])))
    assert batch[0].memory_limit == 96 * MIB
    # What is changed for good meanwhile leaves the other as it is.
    changed = await engine.containers.update(it.id, Limits(pids=70))
    assert changed.spec.limits == Limits(memory=64 * MIB, pids=70)
    assert changed.passing == Limits(memory=96 * MIB, pids=70)
    await engine.containers.restart(it.id)
    again = await engine.containers.get(it.id)
    assert again.passing is None
    batch = await anext(aiter(engine.containers.stats([it.id])))
    assert (batch[0].memory_limit, batch[0].pids_limit) == (64 * MIB, 70)
    await engine.containers.kill(it.id)
    await engine.containers.wait(it.id)
    with pytest.raises(WrongStatus):
        await engine.containers.update(it.id, Limits(pids=5), keep=False)


@pytest.mark.root(root_only.LIMITS)
async def test_limits_that_are_kept_after_all_pass_no_more(engine: Engine) -> None:
    it = await started(engine, shell("sleep 60"))
    await engine.containers.update(it.id, Limits(pids=40), keep=False)
    changed = await engine.containers.update(it.id, Limits(pids=40))
    assert changed.passing is None
    assert changed.spec.limits == Limits(pids=40)


@pytest.mark.root(root_only.LIMITS)
async def test_bounds_name_what_can_be_limited(engine: Engine) -> None:
    it = await engine.containers.create(shell("sleep 60"))
    stopped = await engine.containers.bounds(it.id)
    await engine.containers.start(it.id)
    found = await engine.containers.bounds(it.id)
    assert found == stopped
    assert found.cpus
    assert found.memory > 64 * MIB
    refused = dict(found.lacking)
    assert "memory" not in refused
    rates = Limits(device_read_bps=((found.disks[0], MIB),))
    changed = await engine.containers.update(it.id, rates)
    assert changed.spec.limits.device_read_bps == ((found.disks[0], MIB),)
    with pytest.raises(ContainerNotFound):
        await engine.containers.bounds("nobody")


@pytest.mark.root(root_only.LIMITS)
async def test_changes_at_the_same_time_are_all_kept(engine: Engine) -> None:
    """Fails when what was is read before the others are done: one undoes the other."""
    it = await started(engine, shell("sleep 60"))
    update = engine.containers.update
    for round in range(1, 6):
        wanted = Limits(cpus=round / 10, pids=20 + round, cpu_shares=100 + round)
        await asyncio.gather(
            update(it.id, Limits(cpus=wanted.cpus)),
            update(it.id, Limits(pids=wanted.pids)),
            update(it.id, Limits(cpu_shares=wanted.cpu_shares)),
        )
        assert (await engine.containers.get(it.id)).spec.limits == wanted
