"""A container's health as its probes tell it: the rules, and the file that keeps it.

Docker's rules. Pure but for `read`, `read_status` and `write`; the monitor alone writes.
Invariant: the file holds at most `KEPT` probes of `LONGEST_OUTPUT` bytes each, and its first
line alone says what a list of containers needs.
"""

from __future__ import annotations

import json

from tuidock.engine.linux.files import replace, unlink
from tuidock.engine.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tuidock.engine.layout import Layout

CHECK = "tuidock.healthcheck"
ON_FAILURE = "tuidock.health-on-failure"
"""Annotations of a bundle: docker's Healthcheck object as JSON, and what unhealthy leads to."""

STARTING, HEALTHY, UNHEALTHY = "starting", "healthy", "unhealthy"
KEPT = 5
"""Probes that are remembered."""
LONGEST_OUTPUT = 4096
"""Bytes of a probe's output that are remembered; docker's figure."""
_HEAD = 512
"""Bytes; the first line is shorter."""
_SECOND = 10**9


class Check(NamedTuple):
    """What is probed and how often; durations in seconds."""

    command: tuple[str, ...]
    interval: float
    timeout: float
    start_period: float
    start_interval: float
    retries: int
    on_failure: str

    def pause(self, health: Health, age: float) -> float:
        """Seconds from one probe to the next, of a container that has run for `age` seconds."""
        young = health.status == STARTING and age < self.start_period
        return self.start_interval if young else self.interval


class Probe(NamedTuple):
    """One probe that is over; times are seconds since the epoch."""

    start: float
    end: float
    exit_code: int
    """-1: it could not be run, or took too long."""
    output: str


class Health(NamedTuple):
    """What the probes so far say."""

    status: str = STARTING
    streak: int = 0
    """Probes that failed one after another, up to now."""
    log: tuple[Probe, ...] = ()
    """The last ones, oldest first."""
    running: tuple[int, int] | None = None
    """Pid and start time of a probe that is not over."""


def check(about: Mapping[str, str]) -> Check | None:
    """From a bundle's annotations; None when nothing is to be probed."""
    text = about.get(CHECK)
    found = json.loads(text) if text else {}
    command = _command(found)
    if not command:
        return None
    return Check(
        command,
        interval=found.get("Interval", 30 * _SECOND) / _SECOND,
        timeout=found.get("Timeout", 30 * _SECOND) / _SECOND,
        start_period=found.get("StartPeriod", 0) / _SECOND,
        start_interval=found.get("StartInterval", 5 * _SECOND) / _SECOND,
        retries=found.get("Retries", 3),
        on_failure=about.get(ON_FAILURE, "none"),
    )


def _command(found: Mapping[str, Any]) -> tuple[str, ...]:
    kind, *words = found.get("Test") or ("NONE",)
    if kind == "CMD-SHELL":
        return (*found.get("Shell", ("/bin/sh", "-c")), *words)
    return tuple(words) if kind == "CMD" else ()


def judge(check: Check, health: Health, probe: Probe, age: float) -> Health:
    """The health after a probe that began `age` seconds after the container.

    A failure in the start period counts only once the container was healthy.
    """
    log = (*health.log, probe)[-KEPT:]
    if probe.exit_code == 0:
        return Health(HEALTHY, 0, log)
    if health.status == STARTING and age < check.start_period:
        return Health(STARTING, health.streak, log)
    streak = health.streak + 1
    return Health(UNHEALTHY if streak >= check.retries else health.status, streak, log)


# --- the file -----------------------------------------------------------------------------------


def path(layout: Layout, container_id: str) -> str:
    """Where a running container's health is kept."""
    return f"{layout.run(container_id)}/health.jsonl"


def _kept(layout: Layout, container_id: str) -> str:
    return f"{layout.container(container_id)}/health.jsonl"


def begin(layout: Layout, about: Mapping[str, str]) -> None:
    """A container with a check starts: it is `starting`, and what was kept is forgotten."""
    if CHECK in about:
        container_id = about["tuidock.id"]
        write(path(layout, container_id), Health())
        unlink(_kept(layout, container_id))


def keep(layout: Layout, about: Mapping[str, str]) -> None:
    """It has ended: what its probes said last is for `inspect`, until the next start."""
    if CHECK in about:
        container_id = about["tuidock.id"]
        last = _read(path(layout, container_id))
        if last is not None:
            write(_kept(layout, container_id), last._replace(running=None))


def read(layout: Layout, container_id: str) -> Health | None:
    """The health of a running container, or what is kept of an ended one; None without a check."""
    return _read(path(layout, container_id)) or _read(_kept(layout, container_id))


def read_status(layout: Layout, container_id: str) -> str:
    """Of a running container, cheap enough for every row of a list; empty without a check."""
    try:
        with open(path(layout, container_id), "rb", buffering=0) as file:
            head = file.read(_HEAD)
    except FileNotFoundError:
        return ""
    return str(json.loads(head.partition(b"\n")[0])["status"])


def _read(place: str) -> Health | None:
    try:
        with open(place, "rb", buffering=0) as file:
            head, *probes = map(json.loads, file.readall().splitlines())
    except FileNotFoundError:
        return None
    running = head["running"]
    log = tuple(Probe(*each) for each in probes)
    return Health(head["status"], head["streak"], log, tuple(running) if running else None)


def write(place: str, health: Health) -> None:
    """Replace it in one step; not synced, because after a power cut it says nothing."""
    head = {"status": health.status, "streak": health.streak, "running": health.running}
    lines = "".join(f"{json.dumps(each)}\n" for each in (head, *health.log))
    replace(place, lines.encode())
