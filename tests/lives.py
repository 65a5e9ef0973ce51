"""Random life cycles of containers, and what is left afterwards.

A life is a container and some verbs on it, in an order that only its seed knows; some are done
by a client that is killed in the middle, and now and then a monitor or the launcher is killed.
Invariant: an `EngineError` is an answer, and any other exception a bug.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable

from tests import machine
from tuidock.engine.core import Core
from tuidock.engine.errors import EngineError
from tuidock.engine.layout import Layout
from tuidock.engine.pruning import PruneQuery
from tuidock.engine.types import (
    ContainerSpec,
    ExecSpec,
    HealthCheck,
    Limits,
    LogQuery,
    Mount,
    Port,
    RestartPolicy,
    Status,
)

_SCRIPTS = (
    "sleep 600",
    "trap 'exit 3' TERM; while :; do sleep 0.05; done",
    "trap '' TERM; while :; do sleep 0.05; done",
    "echo hello; echo error >&2; exit 7",
    "exit 0",
    "cat",
    "seq 1 3000; sleep 600",
    "(sleep 600 &) ; (setsid sleep 600 &) ; sleep 0.2",
    "echo x > /tmp/file; kill -9 $$",
)
_HEALTH = (
    *(HealthCheck(),) * 3,
    HealthCheck(("CMD-SHELL", "true"), interval=0.05),
    HealthCheck(("CMD-SHELL", "sleep 9"), interval=0.05, timeout=0.1, retries=1),
    HealthCheck(("CMD", "false"), interval=0.05, retries=1, on_failure="kill"),
)
_SIGNALS = ("TERM", "KILL", "HUP", "USR1", "STOP", "CONT")
_MIB = 1 << 20
_PATIENCE = 60.0


class Life:
    """One container from its creation to its removal."""

    def __init__(self, core: Core, seed: int, log: list[str]) -> None:
        self.core = core
        self.dice = random.Random(seed)
        self.name = f"life-{seed}"
        self.ghost = f"ghost-{seed}"
        """Made by a client that may not have lived to finish it."""
        self.log = log

    def live(self) -> None:
        """Be made, suffer some verbs, be removed."""
        verbs: dict[str, tuple[int, Callable[[], object]]] = {
            "start": (6, lambda: self._verbs.start(self.name)),
            "attached": (3, self._attached),
            "exec": (4, self._exec),
            "pause": (2, lambda: self._verbs.pause(self.name)),
            "unpause": (2, lambda: self._verbs.unpause(self.name)),
            "stop": (2, lambda: self._verbs.stop(self.name, 0.05)),
            "restart": (2, lambda: self._verbs.restart(self.name, 0.05)),
            "kill": (3, lambda: self._verbs.kill(self.name, self.dice.choice(_SIGNALS))),
            "update": (1, lambda: self._verbs.update(self.name, Limits(pids=50))),
            "logs": (1, lambda: list(self._verbs.logs(self.name, LogQuery()))),
            "look": (1, lambda: (self._verbs.inspect(self.name), self._verbs.top(self.name))),
            "size": (1, lambda: self._verbs.size(self.name)),
            "killed client": (5, self._killed_client),
            "killed monitor": (2, self._kill_monitor),
            "killed launcher": (1, self._kill_launcher),
            "prune": (1, lambda: self._verbs.prune(PruneQuery(labels=(f"life={self.name}",)))),
        }
        self._do("create", self._create)
        self._do("start", verbs["start"][1])
        names, weights = list(verbs), [weight for weight, _ in verbs.values()]
        for name in self.dice.choices(names, weights, k=self.dice.randint(0, 6)):
            self._do(name, verbs[name][1])
        self._die()

    @property
    def _verbs(self):  # type: ignore[no-untyped-def]
        return self.core.containers

    def _do(self, what: str, action: Callable[[], object]) -> None:
        try:
            action()
        except EngineError as error:
            self._note(f"{what}: {type(error).__name__}: {error.message}")
        else:
            self._note(f"{what}: done")

    def _note(self, text: str) -> None:
        line = f"{self.name} {text}"
        if self.log[-1:] != [line]:
            self.log.append(line)

    def _create(self) -> None:
        dice = self.dice
        bridge = dice.random() < 0.35
        published = bridge and dice.random() < 0.5
        policy = dice.choice(("no", "no", "no", "on-failure", "always"))
        remove = policy == "no" and dice.random() < 0.3
        tmpfs = (Mount("tmpfs", "", "/scratch"),) if dice.random() < 0.3 else ()
        bind = (Mount("bind", "/etc", "/host", readonly=True),) if dice.random() < 0.3 else ()
        self._verbs.create(
            ContainerSpec(
                "busybox",
                self.name,
                ("sh", "-c", dice.choice(_SCRIPTS)),
                network="bridge" if bridge else dice.choice(("none", "host")),
                ports=(Port(80),) if published else (),
                tty=dice.random() < 0.25,
                stdin=dice.random() < 0.4,
                remove=remove,
                restart=RestartPolicy(policy, 2 if policy == "on-failure" else 0),
                mounts=(*tmpfs, *bind),
                limits=Limits(memory=64 * _MIB, pids=100) if dice.random() < 0.4 else Limits(),
                labels=(("life", self.name),),
                userns=dice.choice(("auto", "auto", "host")),
                read_only=dice.random() < 0.2,
                stop_timeout=0.05,
                health=dice.choice(_HEALTH),
                init=dice.random() < 0.2,
                pid=dice.choice(("", "", "", "host")),
                ipc=dice.choice(("", "", "", "host")),
            )
        )

    # --- lines ----------------------------------------------------------------------------------

    def _attached(self) -> None:
        """Start or attach, read a little, perhaps write, and hang up."""
        if self._verbs.get(self.name).status in (Status.RUNNING, Status.PAUSED):
            line = self._verbs.attach(self.name)
        else:
            line = self._verbs.start_attached(self.name)
        try:
            line.write(b"some input\n")
            line.resize(100, 30)
            if line.wait_readable(0.05):
                line.read()
            if self.dice.random() < 0.5:
                line.close_input()
        finally:
            line.close()

    def _exec(self) -> None:
        script = self.dice.choice(("exit 4", "sleep 600", "cat", "echo a; sleep 0.1; echo b"))
        dice = self.dice
        spec = ExecSpec(("sh", "-c", script), tty=dice.random() < 0.3, stdin=dice.random() < 0.5)
        line = self._verbs.exec(self.name, spec)
        try:
            if self.dice.random() < 0.5 and line.wait_readable(0.1):
                line.read()
        finally:
            line.close()

    # --- violence -------------------------------------------------------------------------------

    def _killed_client(self) -> None:
        """A client in the middle of a verb is killed; the next one finds what it left."""
        verb = self.dice.choice(
            ("create", "start", "stop", "restart", "remove", "remove", "exec", "pause", "update")
        )
        delay = self.dice.random() ** 2 * 0.06
        child = os.fork()
        if child == 0:
            self._as_client(verb)
        time.sleep(delay)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

    def _as_client(self, verb: str) -> None:
        try:
            client = Core(self.core.layout).containers
            actions: dict[str, Callable[[], object]] = {
                "create": lambda: client.create(ContainerSpec("busybox", self.ghost)),
                "start": lambda: client.start(self.name),
                "stop": lambda: client.stop(self.name, 0.02),
                "restart": lambda: client.restart(self.name, 0.02),
                "remove": lambda: client.remove(self.name, force=True),
                "exec": lambda: client.exec(self.name, ExecSpec(("sleep", "600"))),
                "pause": lambda: client.pause(self.name),
                "update": lambda: client.update(self.name, Limits(pids=60)),
            }
            actions[verb]()
        finally:
            os._exit(0)

    def _kill_monitor(self) -> None:
        it = self._verbs.get(self.name)
        kill_titled(f"tuidock-monitor {it.id[:12]} {self.core.layout.root}")

    def _kill_launcher(self) -> None:
        kill_titled(f"tuidock-launcher {self.core.layout.root}")

    # --- the end --------------------------------------------------------------------------------

    def _die(self) -> None:
        """By force; whoever else is just ending it may be waited for."""
        deadline = time.monotonic() + _PATIENCE
        if any(it.name == self.ghost for it in self._verbs.list()):
            self._verbs.remove(self.ghost)
        while any(it.name == self.name for it in self._verbs.list()):
            began = time.monotonic()
            self._do("remove", lambda: self._verbs.remove(self.name, force=True))
            spent = time.monotonic() - began
            assert spent < _PATIENCE, f"{self.name}: a removal by force took {spent:.0f} s"
            assert time.monotonic() < deadline, "\n".join(["it cannot be removed:", *self.log])


def kill_titled(title: str) -> None:
    """SIGKILL to the processes that call themselves so."""
    for pid in titled(title):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def titled(title: str) -> list[int]:
    found = []
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
            if file.read().split(b"\0")[0].decode(errors="replace").strip() == title:
                found.append(pid)
    return found


def live(layout: Layout, seeds: range, failures: int) -> None:
    """A worker: several lives one after another; its trouble goes to the descriptor."""
    log: list[str] = []
    core = Core(layout)
    open_before = len(os.listdir("/proc/self/fd"))
    try:
        for seed in seeds:
            del log[:]
            Life(core, seed, log).live()
        open_now = len(os.listdir("/proc/self/fd"))
        assert open_now <= open_before + _OWN, f"{open_now - open_before} descriptors stay open"
    except BaseException as error:
        import traceback

        told = [*log, *traceback.format_exception(error)]
        os.write(failures, "\n".join(told)[-60_000:].encode())


_OWN = 2
"""Descriptors that a Core opens at its first use of something: netlink, a cgroup."""


# --- what is left -------------------------------------------------------------------------------


def files(layout: Layout) -> set[str]:
    """Paths below both directories; what comes and goes with a launcher or the database aside.

    Logs of the removed too: they are kept on purpose, for a while, and counted elsewhere.
    """
    found = set()
    for directory in (layout.root, layout.runroot):
        for path, directories, names in os.walk(directory):
            found |= {os.path.relpath(f"{path}/{n}", directory) for n in (*directories, *names)}
    return {each for each in found if not each.startswith(_EXPECTED)}


_EXPECTED = ("launcher.", "network.", "events.jsonl", "tuidock.db-", "removed")


def rows(layout: Layout) -> Counter[str]:
    """How many rows each table has, but for the networks, which stay."""
    db = sqlite3.connect(layout.database)
    try:
        tables = [r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return Counter(
            {
                t: db.execute(f"SELECT count(*) FROM {t}").fetchone()[0]
                for t in tables
                if t != "network"
            }
        )
    finally:
        db.close()


def namespaces(layout: Layout) -> set[str]:
    """Namespaces that a process of this store, or a mount, keeps."""
    kept = set()
    for line in machine.look()["process"]:
        if layout.root in line or layout.tag in line:
            pid = line.split()[0]
            with contextlib.suppress(OSError):
                for name in os.listdir(f"/proc/{pid}/ns"):
                    kept.add(os.readlink(f"/proc/{pid}/ns/{name}"))
    ours = {os.readlink(f"/proc/self/ns/{name}") for name in os.listdir("/proc/self/ns")}
    with open("/proc/self/mountinfo") as mounts:
        kept |= {line.strip() for line in mounts if " nsfs " in line and layout.root in line}
    return kept - ours
