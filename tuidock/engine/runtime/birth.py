"""The monitor's side of a start: cgroup, clone, id maps, mounts handed in, gate, go.

Invariant: when a start fails, what was made for it is unmade and the client knows the step.
"""

from __future__ import annotations

import os
import resource
import select
from contextlib import suppress
from typing import NamedTuple

from tuidock.engine.cgroups.cgroup import open_cgroup
from tuidock.engine.cgroups.files import write
from tuidock.engine.errors import EngineError, StartFailed, Unsupported
from tuidock.engine.linux import process as p
from tuidock.engine.linux import sockets, userns
from tuidock.engine.runtime import neighbours, sources
from tuidock.engine.runtime.config import filter_program, flags, owns
from tuidock.engine.runtime.execute import failure
from tuidock.engine.runtime.init import Init
from tuidock.engine.runtime.plan import operations
from tuidock.engine.runtime.protocol import decode, encode

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
    between: int = 0
    """A process that made it in others' namespaces, to be reaped; 0 for none."""


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

    def __init__(self, layout: Layout, config: dict[str, Any], client: Packets) -> None:
        self.layout = layout
        self.config = config
        self.client = client
        self.step = "prepare"
        self.id: str = self.config["annotations"]["tuidock.id"]
        self.cgroup: Cgroup | None = None
        self.pid = 0
        self.pidfd = -1
        self.between = 0
        self.shared_memory = -1
        """Of the container whose ipc namespace is joined."""
        self.master = -1
        self.listener: sockets.Listener | None = None
        """Where the monitor will be reached."""

    def attempt(self, *, gate: bool) -> Born:
        """Start it. Raises Refused, with everything undone."""
        try:
            return self._start(gate=gate)
        except Refused:
            self._undo()
            raise
        except (EngineError, OSError) as error:
            self._undo()
            raise Refused(failure(self.step, error)) from error

    def _start(self, *, gate: bool) -> Born:
        linux = self.config["linux"]
        self.step = "make the cgroup"
        self.cgroup = open_cgroup(self.layout.tag, self.id)
        self.cgroup.create(linux.get("resources") or {})
        if not (self.cgroup.guards_devices or linux.get("uidMappings")):
            raise Unsupported(
                "nothing would keep this container from the devices of the host",
                "mount cgroup v1's devices, or allow BPF; or give it ids of its own",
            )
        self.step = "compile the seccomp filter"
        program = filter_program(linux.get("seccomp"))
        self.step = "open the output"
        stdio, outputs, stdin = self._open_stdio()
        line = self._clone(self.cgroup, stdio, program)
        for descriptor in set(stdio):
            os.close(descriptor)
        self._map_ids(self.pid)
        self._hand_in_mounts(line)
        if not gate:
            _send(line, _GO)
        self.client.send(encode({"created": self.pid}))
        # While the first process furnishes its root there is time for this.
        self.listener = sockets.listen(f"{self.layout.run(self.id)}/monitor.sock")
        self._await_ready(line)
        if gate:
            self._await_client()
            _send(line, _GO)
        self._await_exec(line)
        if self.master >= 0:
            os.set_blocking(self.master, False)
            outputs, stdin = {self.master: "stdout"}, self.master
        return Born(self.pid, self.pidfd, self.cgroup, outputs, stdin, between=self.between)

    def _clone(self, cgroup: Cgroup, stdio: tuple[int, int, int], program: bytes) -> Packets:
        """The first process, in its namespaces and cgroup; a child of our parent, the monitor."""
        self.step = "plan the mounts"  # here, where memory is our own already
        plan = operations(self.config)
        self.step = "make the namespaces"
        ours, theirs = sockets.pair()
        # The cgroup namespace comes later, when all of its cgroup is where its root shall be.
        wanted = flags(self.config["linux"]) & ~p.CLONE_NEWCGROUP | p.CLONE_PARENT
        unified = cgroup.fd_for_clone()
        if unified is not None:
            wanted |= p.CLONE_INTO_CGROUP
        self._fork(wanted, unified or 0)
        if self.pid == 0:
            init = Init(self.layout.root, self.config, plan, theirs, cgroup, program)
            init.shared_memory = self.shared_memory
            init.live(stdio, in_cgroup=unified is not None)
        theirs.close()
        if unified is not None:
            os.close(unified)
        return ours

    def _fork(self, wanted: int, cgroup: int) -> None:
        """Sets pid and pidfd, in the child to 0 and -1."""
        found = neighbours.find(self.layout, self.config)
        if not found:
            self.pid, self.pidfd = p.clone(wanted, cgroup)
            return
        self.step = "join the namespaces of another container"
        for each in found:
            wanted &= ~each.flags
        self.shared_memory = neighbours.shared_memory(found)
        self.pid, self.pidfd, self.between = neighbours.clone(found, wanted, cgroup)
        for each in found:
            os.close(each.pidfd)

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
        if os.geteuid():  # the command's user will own it; our group lets us open it anew
            os.chmod(path, 0o660)
        for ids in self.config["linux"].get("uidMappings", ())[:1]:
            if os.geteuid() == 0:
                os.chown(path, ids["hostID"], ids["hostID"])
        held = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        return held, os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    def _map_ids(self, pid: int) -> None:
        self.step = "map user ids"
        linux = self.config["linux"]
        if not owns(linux, "user"):
            pass  # the host's, or mapped by whose it is
        elif os.geteuid():
            userns.write(pid, _maps(linux))
        else:
            _write_maps(pid, linux)
        self.step = "set limits of the process"
        self._set_score(pid)
        for limit in self.config["process"].get("rlimits", ()):
            number = getattr(resource, limit["type"])
            soft, hard = (_rlimit(limit[kind]) for kind in ("soft", "hard"))
            resource.prlimit(pid, number, (soft, hard))

    def _set_score(self, pid: int) -> None:
        try:
            write(f"/proc/{pid}/oom_score_adj", str(self.config["process"].get("oomScoreAdj", 0)))
        except PermissionError:
            if os.geteuid() == 0:
                raise
            # A user may not go below what its session was given, and lives with that.

    def _hand_in_mounts(self, line: Packets) -> None:
        """Mounts that only the host's root can open."""
        if os.geteuid():  # it opens them itself
            _send(line, b"mounts")
            return
        self.step = "open the user namespace"
        ids = -1
        if self.config["linux"].get("uidMappings"):
            ids = os.open(f"/proc/{self.pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
        shm = self.shared_memory
        descriptors = sources.open_all(self.layout.root, self.config, ids, self, shm)
        descriptors += sources.make_devices(self.config, self)
        _send(line, b"mounts", tuple(descriptors))
        for descriptor in (*descriptors, *([ids] if ids >= 0 else [])):
            os.close(descriptor)

    def _await_ready(self, line: Packets) -> None:
        while True:
            message, descriptors = _receive(line)
            if descriptors:
                self.master = descriptors[0]
                continue
            answer = decode(message)
            if "failed" in answer:
                raise Refused(answer["failed"])
            if answer.get("ready"):
                return
            raise StartFailed("the first process died while it prepared the container")

    def _await_client(self) -> None:
        self.step = "wait for the network"
        if not decode(self.client.receive(sockets.SMALL_MESSAGE)[0]).get("go"):
            raise StartFailed("the client gave up before the container was started")

    def _await_exec(self, line: Packets) -> None:
        """The line closes when the command was executed."""
        self.step = "execute the command"
        answer = decode(_receive(line)[0])
        line.close()
        if "failed" in answer:
            raise Refused(answer["failed"])

    def _undo(self) -> None:
        if self.pidfd >= 0:
            with suppress(ProcessLookupError):
                p.send_signal(self.pidfd, 9)
            select.select([self.pidfd], [], [], _PATIENCE)  # our parent reaps it
        if self.cgroup:
            self.cgroup.remove()


_GO = encode({"go": True})


def _send(line: Packets, message: bytes, descriptors: tuple[int, ...] = ()) -> None:
    """To the first process. If it has died, what it said last is read next, and is the error."""
    with suppress(BrokenPipeError, ConnectionResetError):
        line.send(message, descriptors)


def _receive(line: Packets) -> tuple[bytes, list[int]]:
    """From the first process, also what it said before it died without having read everything."""
    try:
        return line.receive(sockets.SMALL_MESSAGE)
    except ConnectionResetError:  # told once; the messages are still there
        return line.receive(sockets.SMALL_MESSAGE)


def _write_maps(pid: int, linux: dict[str, Any]) -> None:
    for name, key in (("uid_map", "uidMappings"), ("gid_map", "gidMappings")):
        lines = [f"{i['containerID']} {i['hostID']} {i['size']}\n" for i in linux.get(key, ())]
        if lines:
            write(f"/proc/{pid}/{name}", "".join(lines))


def _maps(linux: dict[str, Any]) -> userns.Maps:
    """The same, for the programs that map an ordinary user's ids."""
    uids, gids = (
        tuple(
            userns.Range(each["containerID"], each["hostID"], each["size"]) for each in linux[key]
        )
        for key in ("uidMappings", "gidMappings")
    )
    return userns.Maps(uids, gids)


def _rlimit(value: int) -> int:
    return resource.RLIM_INFINITY if value >= 2**63 else value
