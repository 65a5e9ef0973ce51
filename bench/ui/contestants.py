"""Who is measured: how each is started, what its rows look like, which processes it needs.

All see the same: 50 running containers that sleep, and one whose log has a million lines.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bench.measure import Failed, command, say
from bench.peers import Docker, as_found
from bench.ui import processes
from bench.ui.program import Program
from tuidock.engine.core import Core
from tuidock.engine.images import starter
from tuidock.engine.layout import Layout
from tuidock.engine.types import ContainerSpec, Status

COUNT = 50
NEWEST = f"idle{COUNT - 1:02}"
"""Tools that list the newest first have it on top."""
LOG_LINES = 1_000_000
LAST_LINE = f"line {LOG_LINES} of them"
TALK = f"seq -f 'line %.0f of them' {LOG_LINES}"
STREAM = "while :; do seq -f 'line %.0f of very many that nobody reads' 5000; sleep 0.09; done"
IMAGE = "tuidock-starter"


class Contestant(NamedTuple):
    """An interface, ready to be started any number of times."""

    name: str
    words: tuple[str, ...]
    env: dict[str, str]
    live: str
    """Pattern of a row with its container's name and live figures."""
    backing: Callable[[], Iterator[int]] = lambda: iter(())
    """Processes besides its own that work for it: daemons, shims, monitors."""
    pull: Callable[[Program, str], Callable[[], bool]] | None = None
    """Begin a pull; the answer tells whether it still goes on."""
    column: int = 8
    """Of the screen, where the cursor's line has other colours."""
    to_log: tuple[str, ...] = ()
    """Keys that show the log of the container with the long one, the last one measured."""
    stream: Callable[[], AbstractContextManager[str]] | None = None
    """Name of a container that writes 50,000 lines a second, for as long as the block."""


@contextmanager
def contestants(directory: Path, *, alone: bool = False) -> Iterator[list[Contestant]]:
    """Those that are installed, with their containers running; or tuidock `alone`."""
    with ExitStack() as stack:
        found = [stack.enter_context(tuidock(directory)), *([] if alone else [bare()])]
        others = () if alone else ("lazydocker", "dtop")
        if tools := [name for name in others if shutil.which(name)]:
            stack.enter_context(as_found())
            try:
                docker = stack.enter_context(_docker(directory))
            except Failed as error:
                say(f"left out: {', '.join(tools)}: {error}")
            else:
                found += [_docker_tool(name, docker) for name in tools]
        yield found


@contextmanager
def tuidock(directory: Path) -> Iterator[Contestant]:
    """Needs root."""
    layout = Layout(f"{directory}/root", f"{directory}/run")
    core = Core(layout)
    env = {"TUIDOCK_CONFIG": f"{directory}/none.toml", "XDG_STATE_HOME": str(directory)}
    (directory / "tuidock").mkdir()
    (directory / "tuidock/state.json").write_text("{}")  # not the first time: no doctor
    try:
        _run_all(core)
        yield Contestant(
            "tuidock",
            (sys.executable, "-m", "tuidock", "--root", layout.root, "--runroot", layout.runroot),
            {**os.environ, **env},
            live=rf"{NEWEST} .*\d+\.\d%.*\d[KMG]",
            backing=lambda: processes.naming(layout.root),
            pull=_pull_by_keys,
            to_log=("G",),
            stream=partial(_streaming, core),
        )
    finally:
        for container in core.containers.list():
            core.containers.remove(container.id, force=True)
        core.close()


def _run_all(core: Core) -> None:
    made = starter.build()
    core.images.add(made.config, [made.layer], made.reference)
    sleeping = ContainerSpec(image=starter.REFERENCE, command=("sleep", "infinity"), network="none")
    talking = sleeping._replace(name="talker", command=("sh", "-c", TALK))
    talker = core.containers.create(talking)
    core.containers.start(talker.id)
    for number in range(COUNT):
        it = core.containers.create(sleeping._replace(name=f"idle{number:02}"))
        core.containers.start(it.id)
    deadline = time.monotonic() + 120
    while core.containers.get(talker.id).status is not Status.EXITED:
        if time.monotonic() > deadline:
            raise Failed("a log of a million lines took more than two minutes")
        time.sleep(0.2)


@contextmanager
def _streaming(core: Core) -> Iterator[str]:
    spec = ContainerSpec(image=starter.REFERENCE, name="stream", network="none")
    it = core.containers.create(spec._replace(command=("sh", "-c", STREAM)))
    core.containers.start(it.id)
    try:
        yield it.name
    finally:
        core.containers.remove(it.id, force=True)


def _pull_by_keys(program: Program, reference: str) -> Callable[[], bool]:
    """As a person does it, in the images pane."""
    for keys, seen in (
        ("2", "Images 1"),
        ("P", "Pull an image"),
        (reference, reference),
        ("\r", r"\d+\.\d[MG]"),
        ("\x1b1", f"{NEWEST} "),
    ):
        at = 0.0
        for key in keys:
            at = program.press(key)
            time.sleep(0.2 if key == "\x1b" else 0.02)
        program.wait_for(seen, since=at)
    return lambda: not any(b"Pulled" in piece.text for piece in program.pieces)


def bare() -> Contestant:
    """Textual alone."""
    words = (sys.executable, "-m", "bench.ui.bare")
    return Contestant("bare Textual", words, dict(os.environ), live=r"idle\d\d .*\d\.\d%.*\dM")


# --- tools on a docker engine ---------------------------------------------------------------------


@contextmanager
def _docker(directory: Path) -> Iterator[Docker]:
    """A daemon of the bench's own, with the same containers."""
    docker = Docker(directory, "127.0.0.1")
    try:
        archive = directory / "starter.tar"
        archive.write_bytes(starter.build().layer)
        docker("import", str(archive), IMAGE)
        run = ("run", "-d", "--network", "none", "--name")
        docker(*run, "talker", IMAGE, "sh", "-c", TALK)
        for number in range(COUNT):
            docker(*run, f"idle{number:02}", IMAGE, "sleep", "infinity")
        docker("wait", "talker")
        yield docker
    finally:
        with suppress(Failed):
            docker("rm", "-f", *docker("ps", "-aq").split())
        docker.close()


def _docker_tool(name: str, docker: Docker) -> Contestant:
    home = docker.directory / "home"
    home.mkdir(exist_ok=True)
    socket = docker.base[docker.base.index("--host") + 1]
    env = {**os.environ, "DOCKER_HOST": socket, "HOME": str(home)}
    env |= {"XDG_CONFIG_HOME": str(home), "PATH": _with_client(docker)}
    return Contestant(
        name,
        (name,),
        env,
        live=r"idle\d\d .*\d\.\d+%",
        backing=lambda: _daemons(docker),
        pull=lambda _program, reference: _pull_by_daemon(docker, reference),
    )


def _with_client(docker: Docker) -> str:
    return f"{Path(docker.base[0]).parent}:{os.environ['PATH']}"


def _daemons(docker: Docker) -> Iterator[int]:
    yield docker.daemon.pid
    yield from (pid for pid in processes.naming(str(docker.directory)) if pid != docker.daemon.pid)


def _pull_by_daemon(docker: Docker, reference: str) -> Callable[[], bool]:
    docker.forget_image(reference)
    pulling = subprocess.Popen([*docker.base, "pull", "-q", reference], stdout=subprocess.DEVNULL)
    return lambda: pulling.poll() is None


def version(it: Contestant) -> str:
    """What it says of itself, where it can be asked."""
    try:
        said = command(*it.words, "--version").splitlines()[0]
    except Failed:
        return it.name
    return said if it.name in said else f"{it.name} {said}"
