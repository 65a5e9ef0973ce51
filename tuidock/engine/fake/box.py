"""One fake container from inside: what it is, what it wrote, what it wants.

Invariant: `it` is replaced, never changed, so that whoever holds a `Container` keeps a fact.
"""

from __future__ import annotations

import asyncio
from typing import Any

from tuidock.engine.events import Event
from tuidock.engine.fake.limits import merge
from tuidock.engine.fake.programs import Program
from tuidock.engine.fake.session import FakeSession
from tuidock.engine.types import (
    UP,
    Container,
    ExitRecord,
    History,
    Limits,
    LogLine,
    Process,
    Sample,
    Status,
)

_DAY = 86_400.0


class Box:
    """The mutable side of a container."""

    def __init__(self, it: Container, program: Program) -> None:
        self.it = it
        self.program = program
        self.lines: list[LogLine] = []
        self.sessions: list[FakeSession] = []
        self.attached: list[FakeSession] = []
        self.task: asyncio.Task[None] | None = None
        self.peak = 0
        self.ended: set[int] = set()
        """Pids of children that were killed."""
        self.probing: asyncio.Task[None] | None = None
        self.probes: list[dict[str, object]] = []
        """The last ones, in docker's shape."""
        self.streak = 0
        self.events: list[Event] = []
        """What happened to it, but for further commands."""
        self._cpu_seconds = 0.0
        self._throttled = 0.0
        self._seen = 0.0
        self._bell = asyncio.Event()

    def set(self, **fields: Any) -> None:
        self.it = self.it._replace(**fields)

    @property
    def limits(self) -> Limits:
        """Those in force."""
        return self.it.passing or self.it.spec.limits

    def update(self, limits: Limits, *, keep: bool) -> None:
        """Others, for good or for this run."""
        now = merge(self.limits, limits)
        spec = self.it.spec
        kept = merge(spec.limits, limits) if keep else spec.limits
        runs = self.it.status in UP
        passing = now if runs and now != kept else None
        self.set(spec=spec._replace(limits=kept), passing=passing)

    def wake(self) -> None:
        """Tell everyone in `changed` to look again."""
        self._bell.set()
        self._bell = asyncio.Event()

    def told(self, at: float, action: str, facts: tuple[tuple[str, str], ...]) -> Event:
        """Something happened to it."""
        event = Event(at, "container", action, self.it.id, self.it.name, facts)
        if not action.startswith("exec_"):
            self.events.append(event)
        self.wake()
        return event

    async def changed(self) -> None:
        await self._bell.wait()

    def begin(self, now: float, pid: int, address: str) -> None:
        bridge = self.it.spec.network == "bridge"
        ports = tuple(
            port._replace(host_port=port.host_port or 32768 + index, host_last=0)
            for index, port in enumerate(self.it.spec.ports)
        )
        self.set(
            status=Status.RUNNING,
            started=now,
            pid=pid,
            exit=None,
            address=address if bridge else "",
            ports=ports,
        )
        self._seen = now
        self.peak = 0
        self.ended = set()
        self.wake()

    def write(self, line: LogLine) -> None:
        self.lines.append(line)
        for session in self.attached:
            session.feed(line.stream, line.text + b"\n")
        self.wake()

    def finish(self, record: ExitRecord) -> None:
        self.cancel()
        for session in self.sessions:
            session.finish(record.code)
        self.sessions, self.attached = [], []
        ended = {"status": Status.EXITED, "exit": record, "pid": 0, "address": "", "health": ""}
        self.set(**ended, passing=None)
        self.wake()

    def cancel(self) -> None:
        if self.probing is not None:
            self.probing.cancel()
            self.probing = None
        if self.task is not None and self.task is not _current():
            self.task.cancel()
        self.task = None

    def starved(self, now: float) -> bool:
        """True when the wave stands above the memory limit."""
        limit = self.limits.memory
        return limit is not None and self.program.load.memory_at(now) > limit

    def sample(self, now: float, before: Sample | None) -> Sample:
        """Measure; rates are since `before`."""
        self._count(now)
        limits, load = self.limits, self.program.load
        memory = load.memory_at(now)
        self.peak = max(self.peak, memory)
        passed = now - before.at if before else 0.0
        cpu = (self._cpu_seconds - before.cpu_seconds) / passed if before and passed else 0.0
        held = self.it.status is Status.RUNNING and limits.cpus and load.cpu_at(now) > limits.cpus
        age = max(0.0, now - self.it.started)
        periods = int(age * 10) if limits.cpus else 0
        return Sample(
            id=self.it.id,
            at=now,
            cpu=cpu,
            cpu_seconds=self._cpu_seconds,
            cpu_limit=limits.cpus,
            throttled=1 - limits.cpus / load.cpu_at(now) if held and limits.cpus else 0.0,
            memory=memory,
            memory_cache=memory // 5,
            memory_limit=limits.memory,
            memory_peak=self.peak,
            oom_kills=0,
            pids=load.pids,
            pids_limit=limits.pids,
            network_rx=int(age * load.network),
            network_tx=int(age * load.network * 0.4),
            block_read=memory // 3,
            block_write=int(age * 4096),
            pressure_cpu=25.0 if held else 0.0,
            pressure_of="container",
            periods=periods,
            throttled_periods=periods if held else 0,
            throttled_seconds=self._throttled,
            memory_anon=memory - memory // 5,
            block_reads=memory // 3 >> 14,
            block_writes=int(age),
        )

    def history(self, now: float, since: float) -> History:
        """The last run, as its black box would have it: from a second after the start on."""
        it, load = self.it, self.program.load
        end = it.exit.at if it.exit else now
        events = tuple(each for each in self.events if each.at >= since)
        if not it.started or it.started + 1 > end:
            return History(it.id, events=events)
        oldest = max(it.started + 1, end - _DAY)
        every = [oldest + 2 * index for index in range(int((end - oldest) / 2) + 1)]
        at = [each for each in every if each >= since]
        cpus = it.spec.limits.cpus
        held = [1 - min(1.0, (cpus or 1e9) / (load.cpu_at(each) or 1.0)) for each in at]
        return History(
            it.id,
            at,
            [min(load.cpu_at(each), cpus or load.cpu_at(each)) for each in at],
            [load.memory_at(each) for each in at],
            [load.pids] * len(at),
            [float(load.network)] * len(at),
            [load.network * 0.4] * len(at),
            events,
            (oldest,) if oldest >= since else (),
            [0.0] * len(at),
            [4096.0] * len(at),
            held,
            [25.0 if each else 0.0 for each in held],
            [0.0] * len(at),
            [0.0] * len(at),
        )

    def _count(self, now: float) -> None:
        passed, self._seen = now - self._seen, now
        if self.it.status is Status.RUNNING:
            wanted = self.program.load.cpu_at(now)
            given = min(wanted, self.limits.cpus or wanted)
            self._cpu_seconds += passed * given
            self._throttled += passed * (wanted - given)


def _current() -> asyncio.Task[Any] | None:
    return asyncio.current_task()


def processes(box: Box, now: float) -> list[Process]:
    """The first process and its children, sharing what the load says."""
    load, it = box.program.load, box.it
    share = load.memory_at(now) // load.pids
    used = (now - it.started) * load.cpu_at(now) / load.pids
    command = " ".join(it.command)
    return [
        Process(
            pid=it.pid + index,
            parent=it.pid if index else it.pid - 1,
            user=it.spec.user or "0",
            cpu_seconds=used,
            memory=share,
            started=it.started,
            state="S" if index else "R",
            command=command if not index else f"{it.command[0]}: worker {index}",
        )
        for index in range(load.pids)
        if it.pid + index not in box.ended
    ]


def docker_inspect(box: Box) -> dict[str, object]:
    """Docker's inspect object, as far as a fake has facts."""
    it, limits = box.it, box.it.spec.limits
    return {
        "Id": it.id,
        "Name": f"/{it.name}",
        "Created": it.created,
        "Path": it.command[0],
        "Args": list(it.command[1:]),
        "Image": it.image_id,
        "State": {
            "Status": str(it.status),
            "Running": it.status is Status.RUNNING,
            "Paused": it.status is Status.PAUSED,
            "OOMKilled": bool(it.exit and it.exit.oom_killed),
            "Pid": it.pid,
            "ExitCode": it.exit.code if it.exit else 0,
            **_docker_health(box),
        },
        "HostConfig": {
            "Memory": limits.memory or 0,
            "NanoCpus": int((limits.cpus or 0) * 1e9),
            "PidsLimit": limits.pids or 0,
            "NetworkMode": it.spec.network,
        },
        "Config": {"Env": list(it.spec.env), "Labels": dict(it.labels), "Tty": it.spec.tty},
        "NetworkSettings": {"IPAddress": it.address},
    }


def _docker_health(box: Box) -> dict[str, object]:
    if not box.it.health:
        return {}
    found = {"Status": box.it.health, "FailingStreak": box.streak, "Log": list(box.probes)}
    return {"Health": found}
