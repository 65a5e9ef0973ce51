"""Pulls of LocalEngine: each in a process of its own.

To hash and inflate a gigabyte keeps Python's lock busy; in the interface's process keys would
wait for it. Invariant: whoever leaves a pull early has waited until its process has ended.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator

import tuidock
from tuidock.engine.errors import EngineError, HostError
from tuidock.engine.events import PullEvent
from tuidock.engine.images.apart import LENGTH
from tuidock.engine.layout import Layout


async def pull(layout: Layout, reference: str, platform: str) -> AsyncGenerator[PullEvent, None]:
    """Events as they come; leaving early cancels the pull. Raises as `Images.pull` does."""
    process = await _begin(layout, reference, platform)
    assert process.stdin
    assert process.stdout
    assert process.stderr
    said = asyncio.create_task(process.stderr.read())
    try:
        while message := await _next(process.stdout):
            if isinstance(message, EngineError):
                raise message
            yield message
        if await process.wait():
            raise _broken(process.returncode, (await said).decode(errors="replace"))
    finally:
        process.stdin.close()
        await asyncio.shield(asyncio.gather(process.wait(), said))


async def _begin(layout: Layout, reference: str, platform: str) -> Process:
    here = os.path.dirname(os.path.abspath(tuidock.__path__[0]))
    path = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH", ""))))
    words = (layout.root, layout.runroot, reference, platform)
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tuidock.engine.images.apart", *words),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        env={**os.environ, "PYTHONPATH": path},
        start_new_session=True,
    )


async def _next(stream: asyncio.StreamReader) -> PullEvent | EngineError | None:
    """The next message; None at the end."""
    try:
        length = int.from_bytes(await stream.readexactly(LENGTH), sys.byteorder)
        message: PullEvent | EngineError = pickle.loads(await stream.readexactly(length))
    except asyncio.IncompleteReadError:
        return None
    return message


def _broken(code: int | None, said: str) -> Exception:
    """Killed from outside, or by a bug, whose traceback goes along."""
    if code is not None and code < 0:
        return HostError(f"the pull was killed by signal {-code}", "pull again: what is here stays")
    return RuntimeError(said)
