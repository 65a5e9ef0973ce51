"""Further commands, and many containers: what a person or a script does all day."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.measure import Failed, Row, command, say, timed
from bench.peers import AT_ONCE, Engine
from tuidock.engine.core import Core
from tuidock.engine.images import starter
from tuidock.engine.layout import Layout
from tuidock.engine.types import ContainerSpec, ExecSpec

EXEC = "exec true, warm, until it was executed"
EXEC_WHOLE = "exec true as a whole command"
ENGINE = "100 containers one after another, from a warm engine"
LOOP = "100 x run -d in a shell loop, no network"
MEMORY = "private memory of a monitor, of 101 idle ones"
REMOVED = "100 running containers removed by one command"
MANY = 100
IMAGE = "tuidock-starter"
_LONG = ("sleep", "1000")
_MONITORS = {"tuidock": "tuidock-monitor", "podman": "conmon", "docker": "containerd-shim"}
"""What the kernel calls them."""
_IDLE = 5.0
"""Seconds without an event, after which nobody does anything any more."""


def measure(directory: Path, peers: Sequence[Engine]) -> Iterator[Row]:
    """Needs root. The same root file system for everybody: the starter image."""
    core = Core(Layout(f"{directory}/root", f"{directory}/run"))
    made = starter.build()
    core.images.add(made.config, [made.layer], made.reference)
    archive = directory / "starter.tar"
    archive.write_bytes(made.layer)
    for peer in peers:
        peer("import", str(archive), IMAGE)
    yield Row(EXEC, "tuidock", _exec(core))
    yield Row(ENGINE, "tuidock", _from_engine(core))
    core.close()
    env = dict(os.environ, TUIDOCK_ROOT=f"{directory}/root", TUIDOCK_RUNROOT=f"{directory}/run")

    def own(*words: str) -> str:
        return command(sys.executable, "-m", "tuidock", *words, env=env)

    for name, engine, image in (
        ("tuidock", own, starter.REFERENCE),
        *((peer.name, peer, IMAGE) for peer in peers),
    ):
        try:
            yield from _by_command(name, engine, image, directory.parent)
        except Failed as error:
            say(f"left out: {name}: {error}")


def _exec(core: Core, times: int = 60) -> tuple[float, ...]:
    """From the call of `exec` until the command was executed."""
    container = core.containers.create(
        ContainerSpec(image=starter.REFERENCE, command=_LONG, network="none")
    )
    core.containers.start(container.id)
    lines = []

    def once() -> None:
        lines.append(core.containers.exec(container.id, ExecSpec(("true",))))

    def after() -> None:
        line = lines.pop()
        while not line.ended:
            line.wait_readable(1)
            line.read()
        line.close()

    timed(once, 5, after=after)
    taken = timed(once, times, after=after)
    core.containers.remove(container.id, force=True)
    return taken


def _from_engine(core: Core) -> tuple[float, ...]:
    spec = ContainerSpec(image=starter.REFERENCE, command=_LONG, network="none")
    made = []

    def once() -> None:
        for _ in range(MANY):
            made.append(core.containers.create(spec).id)
            core.containers.start(made[-1])

    taken = timed(once, 1)
    for container in made:
        core.containers.remove(container, force=True)
    return taken


def _by_command(
    name: str, engine: Callable[..., str], image: str, directory: Path
) -> Iterator[Row]:
    """One process of a command line for each container, as a script does it."""
    run = ("run", "-d", "--network", "none", image, *_LONG)
    first = engine(*run).strip()
    yield Row(EXEC_WHOLE, name, timed(lambda: engine("exec", first, "true"), 20))
    made = [first]
    begin = time.perf_counter()
    made += [engine(*run).strip() for _ in range(MANY)]
    yield Row(LOOP, name, (time.perf_counter() - begin,))
    time.sleep(_IDLE)
    yield Row(MEMORY, name, tuple(_private(_MONITORS[name], directory)), "kB")
    begin = time.perf_counter()
    engine("rm", "-f", *AT_ONCE.get(name, ()), *made)
    yield Row(REMOVED, name, (time.perf_counter() - begin,))


def _private(title: str, directory: Path) -> Iterator[float]:
    """Bytes that each process of that name, with a store in there, has for itself alone."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            is_there = str(directory) in (process / "cmdline").read_text()
            if is_there and (process / "comm").read_text().strip() == title:
                lines = (process / "smaps_rollup").read_text().splitlines()
                yield 1024 * sum(int(each.split()[1]) for each in lines if "Private_" in each)
        except (FileNotFoundError, ProcessLookupError):  # it has just ended
            continue
