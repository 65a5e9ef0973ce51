"""The demo as text: image, run, metrics, logs, a limit changed and its effect seen, clean-up.

Each step shows the command that would do the same by hand.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import chain

from tuidock import format
from tuidock.demo import scene
from tuidock.engine.core import Core
from tuidock.engine.errors import EngineError
from tuidock.engine.types import Container, ContainerSpec, Limits, LogQuery, Sample

PERIOD = 4
"""Seconds of a wave; the interface's waves take 20."""
WAVES = scene.WAVES._replace(command=("waves", str(PERIOD), "48", "0.8"))
LOW_CPU, LOW_MEMORY = 0.1, 16 * scene.MEBIBYTE


class Unseen(Exception):
    """A limit was changed and its effect did not show."""


def tell(core: Core, *, keep: bool) -> int:
    """Tell it on standard output. Returns 0, or 1 when a limit had no effect."""
    print("Each line that begins with $ is the command that does the same by hand.")
    failures = 0
    image = _image(core)
    website = _website(core)
    for spec in (WAVES, scene.CHATTER):
        _run(core, spec)
    names = [website.container.name, WAVES.name, scene.CHATTER.name]
    for act in chain((_visit, _metrics, _logs), _about_limits(core)):
        try:
            act(core, website)
        except Unseen as reason:
            failures += 1
            print(f"  NOT AS EXPECTED: {reason}")
        except EngineError as error:
            print(f"  left out: {error.message}" + (f"; {error.hint}" if error.hint else ""))
    if not keep:
        _clean(core, names, image)
    return 1 if failures else 0


def _about_limits(core: Core) -> Iterator[Callable[[Core, scene.Actor], None]]:
    """What can only be shown on a container that has limits."""
    if core.containers.get(WAVES.name).spec.limits.cpus:
        yield _lower_cpu
        yield _lower_memory
        return
    print("\nLeft out: a limit lowered while it runs. No cgroup may be used here;")
    print("`tuidock doctor` says how an ordinary user gets one, and root has one.")


def _step(command: str) -> None:
    print(f"\n$ {command}", flush=True)


# --- acts -----------------------------------------------------------------------------------


def _image(core: Core) -> str:
    start = time.monotonic()
    image = scene.add_image(core)
    _step("tuidock images")
    name, took = format.reference(image.tags[0]), time.monotonic() - start
    print(f"  {name}  {format.size(image.size)}, this machine's own tools, made in {took:.1f} s")
    return image.id


def _website(core: Core) -> scene.Actor:
    website = scene.start_website(core)
    container = website.container
    where = f"127.0.0.1:{website.port}"
    _step(_typed(container.spec))
    print(f"  {format.short_id(container.id)} answers on {where}")
    _own_up(website)
    return website


def _run(core: Core, spec: ContainerSpec) -> None:
    start = time.monotonic()
    actor = scene.run(core, spec)
    took = (time.monotonic() - start) * 1000
    _step(_typed(actor.container.spec))
    identity = format.short_id(actor.container.id)
    print(f"  {identity} running, pid {actor.container.pid}, after {took:.0f} ms")
    _own_up(actor)


def _own_up(actor: scene.Actor) -> None:
    for obstacle in actor.obstacles:
        print(f"  with less than it was meant to have: {obstacle}")


def _typed_size(size: int | None) -> str:
    return f"{(size or 0) // scene.MEBIBYTE}m"


def _typed(spec: ContainerSpec) -> str:
    """The command that makes just this container."""
    words = ["tuidock run -d --name", spec.name]
    words += ["--network", spec.network] if spec.network != "bridge" else []
    words += ["-m", _typed_size(spec.limits.memory)] if spec.limits.memory else []
    words += ["--cpus", str(spec.limits.cpus)] if spec.limits.cpus else []
    words += [f"-p {port.host_ip}::{port.container_port}" for port in spec.ports]
    return " ".join((*words, format.reference(spec.image).removesuffix(":latest"), *spec.command))


def _visit(core: Core, website: scene.Actor) -> None:
    _step(f"curl http://127.0.0.1:{website.port}/")
    head, _, body = scene.fetch(website.port).partition(b"\r\n\r\n")
    print(f"  {head.splitlines()[0].decode()}, {len(body)} bytes")


def _metrics(core: Core, website: scene.Actor) -> None:
    _step("tuidock stats")
    core.containers.sample()
    time.sleep(1)
    print(f"  {'NAME':10}{'CPU':>8}{'MEMORY':>10}{'LIMIT':>10}{'PIDS':>6}")
    names = {each.id: each.name for each in core.containers.list()}
    for sample in core.containers.sample():
        print(f"  {names[sample.id]:10}{_figures(sample)}")


def _figures(sample: Sample) -> str:
    limit = format.size(sample.memory_limit) if sample.memory_limit else "none"
    memory = format.size(sample.memory)
    return f"{format.cpu(sample.cpu):>8}{memory:>10}{limit:>10}{sample.pids:>6}"


def _logs(core: Core, website: scene.Actor) -> None:
    _step("tuidock logs --tail 5 --timestamps chatter")
    for batch in core.containers.logs("chatter", LogQuery(tail=5)):
        for line in batch:
            clock = time.strftime("%H:%M:%S", time.gmtime(line.at))
            print(f"  {clock} {line.stream} {line.text.decode()}")


def _lower_cpu(core: Core, website: scene.Actor) -> None:
    before = _average_cpu(core)
    _step(f"tuidock update --cpus {LOW_CPU} waves")
    core.containers.update("waves", Limits(cpus=LOW_CPU))
    after = _average_cpu(core)
    print(f"  cpu of waves over {PERIOD} s: {format.cpu(before)} before, {format.cpu(after)} after")
    if after > LOW_CPU * 1.25:
        raise Unseen(f"waves uses {after:.2f} cores, {LOW_CPU} are allowed")


def _average_cpu(core: Core) -> float:
    """Cores that `waves` uses, over one whole wave."""
    core.containers.sample(["waves"])
    time.sleep(PERIOD)
    return core.containers.sample(["waves"])[0].cpu


def _lower_memory(core: Core, website: scene.Actor) -> None:
    memory = _typed_size(LOW_MEMORY)
    _step(f"tuidock update -m {memory} --memory-swap {memory} waves; tuidock wait waves")
    core.containers.update("waves", Limits(memory=LOW_MEMORY, memory_swap=LOW_MEMORY))
    ended = _ended(core, "waves")
    if ended.exit is None:
        raise Unseen("waves still runs, with less memory than it wants")
    cause = "the kernel's OOM killer" if ended.exit.oom_killed else "something else"
    print(f"  waves wanted 48M and was ended by {cause}: exit code {ended.exit.code}")
    if not ended.exit.oom_killed:
        raise Unseen("no OOM kill was seen")


def _ended(core: Core, name: str, patience: float = 20.0) -> Container:
    """The container once it has ended, or as it is after `patience` seconds."""
    deadline = time.monotonic() + patience
    while (container := core.containers.get(name)).pid and time.monotonic() < deadline:
        time.sleep(0.05)
    return container


def _clean(core: Core, names: list[str], image: str) -> None:
    _step(f"tuidock rm -f {' '.join(names)}; tuidock rmi tuidock/starter")
    for name in names:
        core.containers.remove(name, force=True)
    for line in core.images.remove(image, force=True):
        print(f"  {line}")
    print("\nNothing of it is left. `make demo` on a terminal opens the interface.")
