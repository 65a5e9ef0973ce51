"""Jobs: pulls, copies, prunes and commands that go on whatever screen is looked at.

Invariant: a job that was begun is in the World until it has ended and long after, and how it
ended is told once.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

import tuidock
from tuidock.engine.errors import Cancelled, EngineError, RuntimeFailure
from tuidock.engine.logs.sanitise import plain
from tuidock.job import Job
from tuidock.world import World

Say = Callable[[str], None]
Work = Callable[[Say], Awaitable[None]]
Write = Callable[[Callable[[World], World]], None]
Launch = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]

_GRACE = 5.0
"""Seconds that a command gets to end by itself when it is cancelled."""


class Jobs:
    """All of them; the app has one."""

    def __init__(self, write: Write, now: Callable[[], float], launch: Launch, over: Any) -> None:
        """`launch` lets a coroutine run, `over` is told of each job that has ended."""
        self._write, self._now, self._launch, self._over = write, now, launch, over
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._jobs: dict[int, Job] = {}
        self._count = 0

    def begin(self, kind: str, title: str, words: tuple[str, ...], work: Work) -> int:
        """Let it run; its number."""
        self._count += 1
        number = self._count
        self._show(Job(number, kind, title, words, self._now()))
        self._tasks[number] = self._launch(self._live(number, work))
        return number

    def running(self) -> list[Job]:
        return [job for job in self._jobs.values() if job.running]

    async def over(self, number: int) -> Job:
        """Wait until it has ended; how it did is in the result."""
        if number in self._tasks:
            await asyncio.wait([self._tasks[number]])
        return self._jobs[number]

    def cancel(self, number: int) -> None:
        """Ask it to end; harmless when it has."""
        if number in self._tasks and not self._jobs[number].ending:
            self._show(self._jobs[number]._replace(ending=True))
            self._tasks[number].cancel()

    async def end(self) -> None:
        """Cancel all, and wait until they have let go."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _live(self, number: int, work: Work) -> None:
        problem, hint = "a bug ended it", ""
        try:
            await work(partial(self._say, number))
            problem = ""
        except Cancelled:
            problem = "cancelled"
        except EngineError as error:
            problem, hint = error.message, error.hint
        except asyncio.CancelledError:
            problem = "cancelled"
            raise
        finally:
            del self._tasks[number]
            job = self._jobs[number]
            job = job._replace(ended=self._now(), problem=problem, hint=hint)
            self._show(job)
            self._over(job)

    def _say(self, number: int, line: str) -> None:
        self._show(self._jobs[number].saying(line))

    def _show(self, job: Job) -> None:
        self._jobs[job.number] = job
        self._write(lambda world: world.with_job(job))


# --- the command line, as a job ------------------------------------------------------------------


def tuidock_command(words: tuple[str, ...], places: tuple[str, str]) -> list[str]:
    """What runs `tuidock ...` on the same root and run root."""
    root, runroot = places
    return [sys.executable, "-m", "tuidock", "--root", root, "--runroot", runroot, *words[1:]]


def surroundings() -> dict[str, str]:
    """The environment in which that command finds this very tuidock."""
    here = os.path.dirname(os.path.abspath(tuidock.__path__[0]))
    path = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH", ""))))
    return {**os.environ, "PYTHONPATH": path}


async def run_command(words: tuple[str, ...], places: tuple[str, str], say: Say) -> None:
    """Run it to its end, telling each line. Raises RuntimeFailure when its exit code is not 0."""
    process = await asyncio.create_subprocess_exec(
        *tuidock_command(words, places),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=surroundings(),
        start_new_session=True,
    )
    last = ""
    try:
        assert process.stdout
        while line := await process.stdout.readline():
            last = plain(line.decode(errors="replace"))
            say(last)
        if code := await process.wait():
            raise RuntimeFailure(last or "it said nothing", f"exit code {code}")
    finally:
        if process.returncode is None:
            await _ended(process)


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Ask a process to end, and make it."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_GRACE):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def go_on_alone(job: Job, places: tuple[str, str]) -> None:
    """Begin a job again as a process that outlives us; a pull goes on where it was."""
    await asyncio.create_subprocess_exec(
        *tuidock_command(job.words, places),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env=surroundings(),
        start_new_session=True,
    )
