"""A start, as its starter sees it: cgroup, stub, id maps, mounts, gate, command.

Invariant: when a start fails, what was made for it is unmade and the client knows the step.
"""

from __future__ import annotations

import os
import select
from contextlib import suppress

from tuidock.engine.cgroups.cgroup import open_cgroup
from tuidock.engine.errors import EngineError, StartFailed, Unsupported
from tuidock.engine.linux import ledger, sockets, stub
from tuidock.engine.linux import process as p
from tuidock.engine.linux.own import Own
from tuidock.engine.named import NamedTuple
from tuidock.engine.runtime import idmaps, neighbours, reaper, sources
from tuidock.engine.runtime.allowance import set_limits, set_score
from tuidock.engine.runtime.cgroupview import hierarchies
from tuidock.engine.runtime.config import (
    added_groups,
    filter_program,
    flags,
    held_capabilities,
    owns,
)
from tuidock.engine.runtime.execute import Asked, failure
from tuidock.engine.runtime.init import Init, bring_up_loopback
from tuidock.engine.runtime.plan import operations
from tuidock.engine.runtime.protocol import GATE, decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tuidock.engine.cgroups.cgroup import Cgroup
    from tuidock.engine.layout import Layout
    from tuidock.engine.linux.sockets import Packets


class Born(NamedTuple):
    """A container whose command was executed."""

    pid: int
    pidfd: int
    cgroup: Cgroup
    outputs: dict[int, str]
    """Readable descriptors and the stream that each carries."""
    stdin: int
    """Writable end, -1 without; with a terminal the same as its output."""
    helpers: tuple[int, ...] = ()
    """Processes that are there no more, for our parent to reap."""


AHEAD = p.CLONE_NEWUSER | p.CLONE_NEWNS | p.CLONE_NEWNET | p.CLONE_NEWUTS | p.CLONE_NEWIPC
"""What nearly every container wants, but the pid namespace, whose first process is the command."""


def prepare() -> stub.Stub | None:
    """A stub with these namespaces, for a container that nobody knows yet; the network one alone
    takes half a millisecond to make, and its loopback a tenth of one to bring up. A child of our
    parent. None where they cannot be made.
    """
    try:
        made = stub.make(AHEAD | p.CLONE_PARENT)
    except OSError:
        return None
    bring_up_loopback(made)
    with suppress(OSError):  # killed: `_make_from_ahead` sees that, too
        made.run()
    return made


class Refused(Exception):
    """A birth that failed, as `execute.failure` puts it."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__(told["message"])
        self.told = told
        if os.geteuid() and told["errno"] and not told["hint"]:
            told["hint"] = "`tuidock doctor` says what this machine allows an ordinary user"


_PATIENCE = 5.0
"""Seconds that a killed process gets to die."""


class Birth:
    """One attempt to start a container; `step` is what is being done."""

    def __init__(
        self,
        layout: Layout,
        config: dict[str, Any],
        client: Packets,
        ahead: stub.Stub | None = None,
    ) -> None:
        self.layout = layout
        self.config = config
        self.client = client
        self.step = "prepare"
        self.id: str = self.config["annotations"]["tuidock.id"]
        self.cgroup: Cgroup | None = None
        self.stub: stub.Stub | None = None
        """The first process, until it is the command."""
        self.ahead = ahead
        """Has the usual namespaces; may have been killed meanwhile."""
        self.between: stub.Stub | None = None
        """Who made it, in namespaces of other containers."""
        self.shared_memory = -1
        """Of the container whose ipc namespace is joined."""
        self.listener: sockets.Listener | None = None
        """Where the monitor will be reached."""

    def attempt(self, *, gate: bool) -> Born:
        """Start it. Raises Refused, with everything undone."""
        try:
            return self._start(gate=gate)
        except Refused as refusal:
            self._withdraw(refusal)
            raise
        except (EngineError, OSError) as error:
            step = self.step or (self.stub.step if self.stub else "")
            refused = Refused(failure(step, error))
            self._withdraw(refused)
            raise refused from error

    def _start(self, *, gate: bool) -> Born:
        cgroup = self._make_cgroup()
        self._need_guard(cgroup)
        self.step = "compile the seccomp filter"
        program = filter_program(self.config["linux"].get("seccomp"))
        self._begin("open the output")
        stdio, outputs, stdin = self._open_stdio()
        self._begin("make the namespaces")
        self.stub, doors = self._clone(cgroup)
        self._begin("map user ids")
        self._map_ids(self.stub.pid)
        init = Init(self.stub, self.config)
        self._furnish(init, doors, gate=gate)
        self._begin("listen")
        self.listener = sockets.listen(f"{self.layout.run(self.id)}/monitor.sock")
        ledger.note("socket", f"{self.layout.run(self.id)}/monitor.sock")
        if gate:
            self._begin(GATE)
            self._await_client()
        self._let_work("become the command")
        init.become(self._asked(program), stdio, self._set_limits)
        for descriptor in set(stdio):
            os.close(descriptor)
        if init.terminal:
            os.close(init.terminal.slave)
            outputs, stdin = terminal_streams(init.terminal.master)
        self._begin("")
        helpers = tuple(each.pid for each in (self.ahead, self.between) if each)
        return Born(self.stub.pid, self.stub.pidfd, cgroup, outputs, stdin, helpers)

    def _make_cgroup(self) -> Cgroup:
        """With its limits in force."""
        self._begin("make the cgroup")
        self.cgroup = open_cgroup(self.layout.tag, self.id)
        self.cgroup.create(self.config["linux"].get("resources") or {})
        return self.cgroup

    def _need_guard(self, cgroup: Cgroup) -> None:
        if not (cgroup.guards_devices or self.config["linux"].get("uidMappings")):
            raise Unsupported(
                "nothing would keep this container from the devices of the host",
                "mount cgroup v1's devices, or allow BPF; or give it ids of its own",
            )

    def _furnish(self, init: Init, doors: list[str], *, gate: bool) -> None:
        """From a process in empty namespaces to one that has the container's root before it."""
        self._let_work("open what comes from outside")
        init.enter(doors)
        descriptors = self._open_mounts(init.stub)
        self._begin("plan the mounts")
        plan = operations(self.config, hierarchies())
        if gate:
            self.client.send(encode({"created": init.stub.pid}))
        self._let_work("furnish the root")
        init.furnish(plan, descriptors)

    def _begin(self, part: str) -> None:
        """The next part; its name is the step, too, until another is named."""
        self.step = part
        ledger.note("part", part)

    def _let_work(self, part: str) -> None:
        """A part in which the stub says what the step is."""
        self._begin(part)
        self.step = ""

    def _clone(self, cgroup: Cgroup) -> tuple[stub.Stub, list[str]]:
        """The first process, in its namespaces, a child of our parent, the monitor; and the files
        by which it enters its cgroup, as far as it was not born there.
        """
        # The cgroup namespace comes later, when all of its cgroup is where its root shall be.
        wanted = flags(self.config["linux"]) & ~p.CLONE_NEWCGROUP | p.CLONE_PARENT
        unified = cgroup.fd_for_clone()
        made = self._make(wanted, -1 if unified is None else unified)
        if unified is not None:
            os.close(unified)
        return made, cgroup.doors(cloned=unified is not None)

    def _make(self, wanted: int, cgroup: int) -> stub.Stub:
        found = neighbours.find(self.layout, self.config)
        if not found:
            return self._make_from_ahead(wanted, cgroup) or self._make_anew(wanted, cgroup)
        ledger.note("discarded")
        self.step = "join the namespaces of another container"
        for each in found:
            wanted &= ~each.flags
        self.between = stub.make(p.CLONE_PARENT)
        neighbours.enter(self.between, found)
        made = self.between.clone(wanted, cgroup)
        self.between.close()  # it leaves
        self.shared_memory = neighbours.shared_memory(found)
        for each in found:
            os.close(each.pidfd)
        return made

    def _make_anew(self, wanted: int, cgroup: int) -> stub.Stub:
        """What was made ahead of time is of no use."""
        ledger.note("discarded")
        return stub.make(wanted, cgroup)

    def _make_from_ahead(self, wanted: int, cgroup: int) -> stub.Stub | None:
        """None where other namespaces are wanted than those that are there."""
        own = p.CLONE_NEWPID | p.CLONE_PARENT
        if self.ahead is None or wanted & ~own != AHEAD:
            return None
        try:
            return self.ahead.clone(wanted & own, cgroup)
        except stub.StubDied:
            return None
        finally:
            self.ahead.close()  # it leaves

    def _asked(self, program: bytes) -> Asked:
        held = held_capabilities(self.config["linux"])
        about = self.config["annotations"]
        reaping = reaper.open_program() if about.get("tuidock.init") == "true" else -1
        return Asked(about.get("tuidock.user", ""), added_groups(about), program, held, reaping)

    def _open_stdio(self) -> tuple[tuple[int, int, int], dict[int, str], int]:
        """The container's three descriptors, our readable ends, our end of its input."""
        null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        if self.config["process"].get("terminal"):
            return (null, null, null), {}, -1
        stdin, writable = null, -1
        if self.config["annotations"].get("tuidock.stdin"):
            stdin, writable = os.pipe2(os.O_CLOEXEC)
            os.set_blocking(writable, False)
        outputs = {}
        theirs = []
        for name in ("stdout", "stderr"):
            held, readable = self._fifo(name)
            theirs.append(held)
            outputs[readable] = name
        if stdin != null:
            os.close(null)
        return (stdin, theirs[0], theirs[1]), outputs, writable

    def _fifo(self, name: str) -> tuple[int, int]:
        """A fifo that its writers hold open for reading too, so that it outlives us."""
        path = f"{self.layout.run(self.id)}/{name}"
        if os.path.lexists(path):
            os.unlink(path)
        os.mkfifo(path, 0o600)
        ledger.note("fifo", path)
        if os.geteuid():  # the command's user will own it; our group lets us open it anew
            os.chmod(path, 0o660)
        for ids in self.config["linux"].get("uidMappings", ())[:1]:
            if os.geteuid() == 0:
                os.chown(path, ids["hostID"], ids["hostID"])
        held = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        return held, os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    def _map_ids(self, pid: int) -> None:
        linux = self.config["linux"]
        if owns(linux, "user"):  # else it is the host's, or mapped by whose it is
            idmaps.apply(pid, linux)
        self.step = "set the score for the OOM killer"
        set_score(pid, self.config["process"])

    def _set_limits(self) -> None:
        assert self.stub
        self.stub.step = "set limits of the process"
        set_limits(self.stub.pid, self.config["process"])

    def _open_mounts(self, first: stub.Stub) -> list[int]:
        """What comes from outside; opened there only by the host's root, with other ids."""
        shm, root = self.shared_memory, self.layout.root
        if os.geteuid():
            opened = sources.open_all(first, root, self.config, -1, first, shm)
            return opened + sources.open_devices(first, self.config)
        self.step = "open the user namespace"
        ids = -1
        if self.config["linux"].get("uidMappings"):
            ids = os.open(f"/proc/{first.pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
        opened = sources.open_all(Own(), root, self.config, ids, self, shm)
        return opened + sources.make_devices(self.config, self)

    def _await_client(self) -> None:
        answer = decode(self.client.receive(sockets.SMALL_MESSAGE)[0])
        for done in answer.get("wired", ()):
            ledger.note("network", done)
        if not answer.get("go"):
            raise StartFailed("the client gave up before the container was started")

    def _withdraw(self, refusal: Refused) -> None:
        """Undo; what stays behind all the same is told with the refusal, never in its place."""
        try:
            self._undo()
        except (EngineError, OSError) as error:
            left = f"{failure('undo', error)['message']}: `tuidock system check` mends that later"
            hints = filter(None, (refusal.told["hint"], left))
            refusal.told["hint"] = "; ".join(hints)

    def _undo(self) -> None:
        if self.stub:
            with suppress(ProcessLookupError):
                p.send_signal(self.stub.pidfd, 9)
            select.select([self.stub.pidfd], [], [], _PATIENCE)  # our parent reaps it
        if self.cgroup:
            self.cgroup.remove()


def terminal_streams(master: int) -> tuple[dict[int, str], int]:
    """A terminal's end of ours as a container's outputs and input."""
    os.set_blocking(master, False)
    return {master: "stdout"}, master
