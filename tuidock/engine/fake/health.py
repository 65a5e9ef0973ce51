"""Health checks of fake containers: the same states and words, by the commands it understands.

Invariant: a container without a check has no health, and an ended one none any more.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from tuidock.engine.fake.box import Box
from tuidock.engine.fake.clock import Clock
from tuidock.engine.fake.programs import Program, understand
from tuidock.engine.timestamp import rfc3339
from tuidock.engine.types import Status

_KEPT = 5


def start(box: Box, clock: Clock, say: Callable[[str, Box], None]) -> None:
    """A container starts: from now on it is probed, if it asked for that."""
    kind, *words = box.it.spec.health.test or ("NONE",)
    if kind == "NONE":
        return
    program = understand(("sh", "-c", *words) if kind == "CMD-SHELL" else tuple(words))
    box.probes = []
    box.set(health="starting")
    box.probing = asyncio.create_task(_probe(box, program, clock, say))


async def _probe(box: Box, program: Program, clock: Clock, say: Callable[[str, Box], None]) -> None:
    check = box.it.spec.health
    streak = 0
    while True:
        await clock.sleep(check.interval or 30.0)
        if box.it.status is Status.PAUSED:
            continue
        code = program.code or 0
        streak = streak + 1 if code else 0
        _remember(box, code, _said(program), clock.time())
        box.streak = streak
        status = "healthy" if not code else box.it.health
        if streak >= (check.retries or 3):
            status = "unhealthy"
        if status != box.it.health:
            box.set(health=status)
            say(f"health_status: {status}", box)


def _remember(box: Box, code: int, output: str, at: float) -> None:
    when = rfc3339(at)
    box.probes.append({"Start": when, "End": when, "ExitCode": code, "Output": output})
    del box.probes[:-_KEPT]


def _said(program: Program) -> str:
    return "".join(f"{os.fsdecode(step.text)}\n" for step in program.steps if step.text)
