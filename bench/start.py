"""How long until a container runs: from a warm engine, and as one whole command."""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.measure import Failed, Row, command, say, timed
from bench.peers import AT_ONCE, Engine
from tuidock.engine.core import Core
from tuidock.engine.images import starter
from tuidock.engine.layout import Layout
from tuidock.engine.types import ContainerSpec, Port

WARM = "container start, warm, no network"
WIRED = "container start, warm, bridge, address and a published port"
WHOLE = "run --rm as a whole command, no network"
BRIDGE = "run --rm as a whole command, bridge network"
IMAGE = "tuidock-starter"
_LONG = ("sleep", "1000")


def measure(directory: Path, peers: Sequence[Engine]) -> Iterator[Row]:
    """Needs root. The same root file system for everybody: the starter image."""
    core = Core(Layout(f"{directory}/root", f"{directory}/run"))
    made = starter.build()
    core.images.add(made.config, [made.layer], made.reference)
    tree, archive = directory / "tree", directory / "starter.tar"
    archive.write_bytes(made.layer)
    with tarfile.open(fileobj=io.BytesIO(made.layer)) as files:
        files.extractall(tree, filter="fully_trusted")
    yield Row(WARM, "tuidock", _warm(core))
    for bare in (_crun, _bwrap):
        try:
            yield bare(directory, tree)
        except Failed as error:
            say(f"left out: {error}")
    yield Row(WIRED, "tuidock", _wired(core))
    core.close()
    for peer in peers:
        peer("import", str(archive), IMAGE)
    yield from _wired_by_command(peers)
    yield from _whole(directory, peers)


def _warm(core: Core, times: int = 60) -> tuple[float, ...]:
    """From the call of `start` until the command was executed."""
    container = core.containers.create(
        ContainerSpec(image=starter.REFERENCE, command=("true",), network="none")
    )

    def once() -> None:
        core.containers.start(container.id)

    def after() -> None:
        core.containers.wait(container.id)

    timed(once, 5, after=after)
    taken = timed(once, times, after=after)
    core.containers.remove(container.id, force=True)
    return taken


def _wired(core: Core, times: int = 40) -> tuple[float, ...]:
    """The same with a network, beside a container that has the bridge already."""
    spec = ContainerSpec(image=starter.REFERENCE, command=_LONG, network="bridge")
    neighbour = core.containers.create(spec).id
    core.containers.start(neighbour)
    published = spec._replace(ports=(Port(80, host_port=_free_port()),))
    made: list[str] = []

    def once() -> None:
        core.containers.start(made[-1])

    def before() -> None:
        made.append(core.containers.create(published).id)

    def after() -> None:
        core.containers.remove(made.pop(), force=True)

    timed(once, 3, before, after)
    taken = timed(once, times, before, after)
    core.containers.remove(neighbour, force=True)
    return taken


def _wired_by_command(peers: Sequence[Engine], times: int = 20) -> Iterator[Row]:
    """What comes nearest: `start` as a whole command, of a container that was made before."""
    name = "tuidock-bench"
    words = ("create", "--name", name, "--publish", f"{_free_port()}:80", IMAGE, *_LONG)
    for peer in peers:

        def once(peer: Engine = peer) -> None:
            peer("start", name)

        def before(peer: Engine = peer) -> None:
            peer(*words)

        def after(peer: Engine = peer) -> None:
            peer("rm", "--force", *AT_ONCE.get(peer.name, ()), name)

        try:
            taken = timed(once, times, before, after)
        except Failed as error:
            say(f"left out: {WIRED}: {error}")
            continue
        yield Row(WIRED, peer.name, taken, note=f"`{peer.name} start`, a whole command")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("", 0))
        return int(free.getsockname()[1])


def _crun(directory: Path, tree: Path) -> Row:
    if not shutil.which("crun"):
        raise Failed("crun is not installed")
    bundle = directory / "bundle"
    bundle.mkdir()
    command("crun", "spec", "--bundle", str(bundle))
    config = json.loads((bundle / "config.json").read_text())
    config["root"] = {"path": str(tree), "readonly": True}
    config["process"] |= {"args": ["/bin/true"], "terminal": False, "rlimits": []}
    (bundle / "config.json").write_text(json.dumps(config))
    words = ["crun", "--cgroup-manager=cgroupfs", "run", "--bundle", str(bundle), "tuidock-bench"]
    return Row(WARM, "crun", timed(lambda: command(*words), 40), note="`crun run` of a bundle")


def _bwrap(directory: Path, tree: Path) -> Row:
    if not shutil.which("bwrap"):
        raise Failed("bwrap is not installed")
    words = ["bwrap", "--unshare-all", "--ro-bind", str(tree), "/", "--proc", "/proc"]
    words += ["--dev", "/dev", "/bin/true"]
    return Row(WARM, "bwrap", timed(lambda: command(*words), 40), note="no cgroup, no overlay")


def _whole(directory: Path, peers: Sequence[Engine]) -> Iterator[Row]:
    own = [sys.executable, "-m", "tuidock"]
    env = dict(os.environ, TUIDOCK_ROOT=f"{directory}/root", TUIDOCK_RUNROOT=f"{directory}/run")
    for discipline, network in ((WHOLE, "none"), (BRIDGE, "bridge")):
        words = ("run", "--rm", "--network", network)
        mine = (*own, *words, starter.REFERENCE, "true")
        yield Row(discipline, "tuidock", _runs(lambda mine=mine: command(*mine, env=env)))
        for peer in peers:
            try:
                taken = _runs(lambda peer=peer, words=words: peer(*words, IMAGE, "true"))
            except Failed as error:
                say(f"left out: {discipline}: {error}")
                continue
            yield Row(discipline, peer.name, taken)


def _runs(once, times: int = 20) -> tuple[float, ...]:  # type: ignore[no-untyped-def]
    timed(once, 2)
    return timed(once, times)
