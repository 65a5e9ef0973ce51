"""The feeds before there is a screen: nothing that happens between two of them is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tests.ui.conftest import DEADLINE
from tuidock.engine.fake import FakeEngine, StoppedClock
from tuidock.engine.fake.scene import harbour
from tuidock.engine.types import Status
from tuidock.feeds import Feeds
from tuidock.world import World


async def test_what_happens_before_the_screen_is_there_is_not_lost() -> None:
    """Fails when `begin` reads first and listens later, or when the feeds forget its source."""
    engine = FakeEngine(StoppedClock())
    await harbour(engine)
    world = World()
    written = asyncio.Event()

    def write(change: Callable[[World], World]) -> None:
        nonlocal world
        world = change(world)
        written.set()

    feeds = Feeds(engine, write, lambda error: None)
    await feeds.begin()
    assert world.loaded
    assert world.samples
    victim = next(it for it in world.containers.values() if it.status is Status.RUNNING)
    await engine.containers.kill(victim.id)
    following = asyncio.create_task(feeds.follow_events())
    async with asyncio.timeout(DEADLINE):
        while world.containers[victim.id].status is not Status.EXITED:
            written.clear()
            await written.wait()
    following.cancel()
    await engine.close()
