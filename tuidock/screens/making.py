"""From a form to a container: its image pulled as asked, its id written where asked.

Invariant: a file for the id is there before the container, and gone again when none came of it.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tuidock.engine.errors import BadSpec, ImageNotFound
from tuidock.engine.types import Container, ContainerSpec
from tuidock.screens.pulling import PullScreen
from tuidock.widgets.run_form import Order

if TYPE_CHECKING:
    from tuidock.screens.base import DockScreen

Make = Callable[[ContainerSpec], Awaitable[Container]]


async def made(screen: DockScreen, order: Order, make: Make) -> Container | None:
    """What `make` makes of the order; None when its image did not come.

    Raises what `make` raises, and BadSpec for a file that cannot be written.
    """
    pull = order.values.get("pull", "missing")
    async with _id_file(order.values.get("cidfile", "").strip()) as write:
        if pull == "always" and not await _pulled(screen, order):
            return None
        try:
            it = await make(order.spec)
        except ImageNotFound:
            if pull == "never":
                raise
            if not await _pulled(screen, order):
                return None
            it = await make(order.spec)
        write(it.id)
    return it


async def _pulled(screen: DockScreen, order: Order) -> bool:
    """Pull, in view; why it failed stands there until somebody has read it."""
    reference = order.spec.image
    number = screen.dock.pull(reference, order.values.get("platform", "").strip())
    shown = PullScreen(reference)
    await screen.app.push_screen(shown)
    job = await screen.dock.jobs.over(number)
    if not job.problem:
        shown.dismiss()
    return not job.problem


@asynccontextmanager
async def _id_file(path: str) -> AsyncIterator[Callable[[str], object]]:
    """Raises BadSpec."""
    if not path:
        yield len
        return
    try:
        file = open(path, "x", encoding="ascii")  # noqa: ASYNC230, SIM115  # a name, no more
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise BadSpec(f"--cidfile: {reason}", path) from error
    with file:
        try:
            yield file.write
        finally:
            file.flush()
            if not os.path.getsize(path):
                os.unlink(path)
