"""Containers of the fake engine: the same states, events and refusals as the real ones.

Each container is one `Box`; a task of its own lives its program. A box that wants more memory
than its limit is killed as the kernel would, whenever it is looked at.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence

from tuidock.engine.api import EVERYTHING_STOPPED
from tuidock.engine.errors import (
    BadSpec,
    CommandNotFound,
    ContainerNotFound,
    EngineError,
    NameInUse,
    NotFound,
    WrongStatus,
)
from tuidock.engine.events import Event
from tuidock.engine.fake import health
from tuidock.engine.fake.anatomy import AnatomyVerbs
from tuidock.engine.fake.box import Box, docker_inspect, processes
from tuidock.engine.fake.clock import Clock
from tuidock.engine.fake.debugging import DebugVerbs
from tuidock.engine.fake.images import FakeImages, digest, guard
from tuidock.engine.fake.limits import BOUNDS, check
from tuidock.engine.fake.logs import LogVerbs
from tuidock.engine.fake.programs import KNOWN, Program, understand
from tuidock.engine.fake.session import FakeSession
from tuidock.engine.fake.words import signal_number
from tuidock.engine.pruning import Pruned, PruneQuery
from tuidock.engine.types import (
    UP,
    Bounds,
    Container,
    ContainerSpec,
    ExecSpec,
    ExitRecord,
    History,
    Limits,
    LogLine,
    Process,
    Removed,
    Sample,
    Status,
)

_NAMES = ("brave_hopper", "calm_lovelace", "eager_turing", "kind_noether", "wise_curie")


class FakeContainers(AnatomyVerbs, DebugVerbs, LogVerbs):
    """`calls` remembers every verb; `failures[verb]` makes its next call fail."""

    def __init__(self, clock: Clock, images: FakeImages, publish: Callable[[Event], None]) -> None:
        self._clock = clock
        self._images = images
        self._publish = publish
        self._boxes: dict[str, Box] = {}
        self._remains: dict[str, tuple[Box, Removed]] = {}
        self._counter = 0
        self._pids = 4000
        self.calls: list[tuple[str, ...]] = []
        self.failures: dict[str, EngineError] = {}
        self.can = BOUNDS
        """What limits the machine can set."""
        self.programs: dict[tuple[str, ...], Program] = {}
        """What a command does, where `understand` would not know."""
        images.users = lambda image_id: [
            box.it.name for box in self._boxes.values() if box.it.image_id == image_id
        ]

    # --- reading ------------------------------------------------------------------------

    async def list(self) -> Sequence[Container]:
        self._judge()
        return sorted((b.it for b in self._boxes.values()), key=lambda it: -it.created)

    async def get(self, key: str) -> Container:
        self._judge()
        return self._box(key).it

    def find(self, key: str) -> Container:
        return self._box(key).it

    async def top(self, key: str) -> Sequence[Process]:
        box = self._alive(key)
        return processes(box, self._clock.time())

    async def inspect(self, key: str) -> dict[str, object]:
        return docker_inspect(self._box(key))

    async def stats(
        self, keys: Sequence[str] = (), interval: float = 1.0
    ) -> AsyncIterator[Sequence[Sample]]:
        before: dict[str, Sample] = {}
        while True:
            self._judge()
            chosen = [self._box(key) for key in keys] if keys else list(self._boxes.values())
            now = self._clock.time()
            batch = [
                box.sample(now, before.get(box.it.id)) for box in chosen if box.it.status in UP
            ]
            before = {sample.id: sample for sample in batch}
            yield batch
            await self._clock.sleep(interval)

    async def history(self, key: str, since: float = 0.0) -> History:
        return self._box(key).history(self._clock.time(), since)

    async def wait(self, key: str) -> ExitRecord:
        box = self._box(key)
        while box.it.status in UP:
            await box.changed()
        return box.it.exit or ExitRecord(0, 0, False, 0.0)

    # --- birth and death ----------------------------------------------------------------

    async def create(self, spec: ContainerSpec) -> Container:
        self._note("create", spec.image)
        image = self._images.find(spec.image)
        name = spec.name or self._free_name()
        self._check_name(name)
        check(spec.limits)
        command = (*(spec.entrypoint or ()), *spec.command) or image.command
        if not command:
            raise BadSpec("No command specified", "name one after the image")
        self._counter += 1
        it = Container(
            id=digest(f"container {self._counter}")[7:],
            name=name,
            image=spec.image,
            image_id=image.id,
            command=command,
            created=self._clock.time(),
            status=Status.CREATED,
            spec=spec,
            labels=spec.labels,
        )
        self._boxes[it.id] = Box(it, self.programs.get(command) or understand(command))
        self._say("create", self._boxes[it.id])
        return it

    async def start(self, key: str) -> None:
        self._note("start", key)
        box = self._box(key)
        if box.it.status in UP:
            return
        known = box.it.command in self.programs or box.it.command[0] in KNOWN
        if not known:
            record = ExitRecord(127, 0, False, self._clock.time(), "no such command")
            box.set(status=Status.EXITED, exit=record)
            raise CommandNotFound(
                f'exec: "{box.it.command[0]}": executable file not found in $PATH'
            )
        now = self._clock.time()
        self._pids += 10
        box.begin(now, self._pids, f"10.89.0.{2 + list(self._boxes).index(box.it.id)}")
        self._say("start", box)
        health.start(box, self._clock, self._say)
        box.task = asyncio.create_task(self._live(box))

    async def _live(self, box: Box) -> None:
        """Run the program; nothing but its own end or a cancel stops it."""
        program = box.program
        while True:
            for step in program.steps:
                await self._clock.sleep(step.pause)
                if step.stream:
                    box.write(LogLine(self._clock.time(), step.stream, step.text))
            if not program.repeat:
                break
        if program.code is not None:
            self._end(box, program.code)

    def _end(self, box: Box, code: int, signal: int = 0, *, oom: bool = False) -> None:
        box.finish(ExitRecord(code, signal, oom, self._clock.time(), "", box.peak))
        if oom:
            self._say("oom", box)
        self._say("die", box, ("exitCode", str(code)))
        if box.it.spec.remove:
            del self._boxes[box.it.id]
            self._say("destroy", box)

    def _judge(self) -> None:
        """The kernel's part: who wants more memory than allowed is killed."""
        now = self._clock.time()
        for box in list(self._boxes.values()):
            if box.it.status in UP and box.starved(now):
                self._end(box, 137, 9, oom=True)

    # --- verbs on living containers -----------------------------------------------------

    async def stop(self, key: str, timeout: float | None = None) -> None:
        self._note("stop", key)
        box = self._box(key)
        if box.it.status in UP:
            self._say("kill", box, ("signal", "15"))
            self._end(box, box.program.stop_code)
            self._say("stop", box)

    async def kill(self, key: str, signal: str = "KILL") -> None:
        self._note("kill", key, signal)
        number = signal_number(signal)
        box = self._alive(key)
        self._say("kill", box, ("signal", str(number)))
        if number == 9 or (number == 15 and box.program.stop_code != 137):
            self._end(box, 128 + number, number)

    async def signal(self, key: str, pid: int, signal: str) -> None:
        self._note("signal", key, str(pid), signal)
        number = signal_number(signal)
        box = self._alive(key)
        found = processes(box, self._clock.time())
        if pid not in {process.pid for process in found} - box.ended:
            raise NotFound(f"No such process in container {box.it.name}: {pid}")
        if number in (9, 15):
            box.ended.add(pid)
        if number in (9, 15) and pid == box.it.pid:
            self._end(box, 128 + number, number)

    async def restart(self, key: str, timeout: float | None = None) -> None:
        self._note("restart", key)
        box = self._box(key)
        if box.it.status in UP:
            await self.stop(key, timeout)
        await self.start(key)
        self._say("restart", box)

    async def pause(self, key: str) -> None:
        self._note("pause", key)
        box = self._alive(key)
        if box.it.status is Status.PAUSED:
            raise WrongStatus(f"Container {box.it.name} is already paused")
        box.set(status=Status.PAUSED)
        self._say("pause", box)

    async def unpause(self, key: str) -> None:
        self._note("unpause", key)
        box = self._box(key)
        if box.it.status is not Status.PAUSED:
            raise WrongStatus(f"Container {box.it.name} is not paused")
        box.set(status=Status.RUNNING)
        self._say("unpause", box)

    async def remove(self, key: str, force: bool = False) -> None:
        self._note("remove", key, *(["force"] if force else []))
        box = self._box(key)
        if box.it.status in UP and not force:
            raise WrongStatus(
                f"cannot remove container {box.it.name}: container is {box.it.status}",
                "stop it first, or force",
            )
        if box.it.status in UP:
            self._end(box, 137, 9)
        if self._boxes.pop(box.it.id, None):
            self._leave(box, self._clock.time())
            self._say("destroy", box)

    async def rename(self, key: str, name: str) -> None:
        self._note("rename", key, name)
        box = self._box(key)
        if name == box.it.name:
            raise BadSpec("Renaming a container with the same name as its current name")
        self._check_name(name)
        before = box.it.name
        box.set(name=name)
        self._say("rename", box, ("oldName", f"/{before}"))

    async def prune(self, query: PruneQuery = EVERYTHING_STOPPED) -> Pruned:
        self._note("prune")
        gone = [box for box in self._boxes.values() if query.wants(box.it)]
        for box in gone:
            del self._boxes[box.it.id]
            self._say("destroy", box)
        return Pruned(tuple(box.it.id for box in gone), 0)

    async def update(self, key: str, limits: Limits, *, keep: bool = True) -> Container:
        self._note("update", key)
        box = self._box(key) if keep else self._alive(key)
        box.update(limits, keep=keep)
        self._say("update", box)
        self._judge()
        return box.it

    async def bounds(self, key: str) -> Bounds:
        self._box(key)
        return self.can

    async def exec(self, key: str, spec: ExecSpec) -> FakeSession:
        self._note("exec", key, *spec.command)
        box = self._alive(key)
        if box.it.status is Status.PAUSED:
            raise WrongStatus(f"Container {box.it.name} is paused", "unpause it first")
        if spec.command[0] not in KNOWN:
            raise CommandNotFound(f'exec: "{spec.command[0]}": executable file not found in $PATH')
        program = understand(spec.command, stdin=spec.stdin or spec.tty)
        session = FakeSession(program, self._clock, tty=spec.tty, stdin=spec.stdin)
        self._tell_of(session, box, " ".join(spec.command))
        box.sessions.append(session)
        return session

    async def attach(self, key: str) -> FakeSession:
        self._note("attach", key)
        box = self._alive(key)
        quiet = Program(code=None)
        session = FakeSession(quiet, self._clock, tty=box.it.spec.tty, stdin=box.it.spec.stdin)
        box.sessions.append(session)
        box.attached.append(session)
        return session

    def backdate(self, key: str, seconds: float) -> None:
        """Let a container have been made and started that long ago."""
        box = self._box(key)
        it = box.it
        box.set(created=it.created - seconds, started=it.started - seconds)

    def close(self) -> None:
        """End every task; what the containers were is forgotten with the engine."""
        for box in self._boxes.values():
            box.cancel()

    # --- small parts --------------------------------------------------------------------

    def _box(self, key: str) -> Box:
        key = key.removeprefix("/")
        for box in self._boxes.values():
            if key in (box.it.name, box.it.id):
                return box
        found = [box for box in self._boxes.values() if key and box.it.id.startswith(key)]
        if len(found) != 1:
            raise ContainerNotFound(key)
        return found[0]

    def _alive(self, key: str) -> Box:
        box = self._box(key)
        if box.it.status not in UP:
            raise WrongStatus(f"Container {box.it.name} is not running", "start it first")
        return box

    def _check_name(self, name: str) -> None:
        if not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", name):
            raise BadSpec(f"Invalid container name ({name})", "use letters, digits, _ . and -")
        for other in self._boxes.values():
            if other.it.name == name:
                raise NameInUse(name, other.it.id)

    def _note(self, verb: str, *words: str) -> None:
        self.calls.append((verb, *words))
        guard(self.failures, verb)

    def _say(self, action: str, box: Box, *attributes: tuple[str, str]) -> None:
        facts = (("image", box.it.image), *attributes)
        self._publish(box.told(self._clock.time(), action, facts))

    def _tell_of(self, session: FakeSession, box: Box, words: str) -> None:
        own = ("execID", f"{len(self.calls):064x}")
        self._say(f"exec_create: {words}", box, own)
        self._say(f"exec_start: {words}", box, own)
        session.when_over(lambda code: self._say("exec_die", box, own, ("exitCode", str(code))))

    def _free_name(self) -> str:
        taken = {box.it.name for box in self._boxes.values()}
        base = _NAMES[self._counter % len(_NAMES)]
        return base if base not in taken else f"{base}{self._counter}"
