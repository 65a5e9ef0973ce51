"""The launcher: one small process for each root, forking a monitor for each container.

It is started warm by whichever client comes first and leaves when there is nothing to do.
Invariant: it holds no state that anything depends on; killing it harms nothing.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import time

from tuidock.engine.cgroups.files import write
from tuidock.engine.layout import Layout
from tuidock.engine.linux import ground, sockets
from tuidock.engine.linux import process as p
from tuidock.engine.linux.proc import start_time
from tuidock.engine.named import NamedTuple
from tuidock.engine.runtime import uplink
from tuidock.engine.runtime.calling import launching
from tuidock.engine.runtime.protocol import decode, encode, tell
from tuidock.engine.runtime.rehearsing import fill_holes, rehearse
from tuidock.engine.runtime.state import read_run
from tuidock.engine.runtime.stem import Stem
from tuidock.engine.runtime.watching import adopt, attend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from tuidock.engine.linux.sockets import Packets

PATIENCE = 5.0
"""Seconds without a monitor or a request after which the launcher leaves."""
SPARE_SECONDS = 30.0
"""How long after a start a spare monitor is kept, with a starter that has 10 MB."""
_MEMORY = 256
"""Orphans whose end is remembered."""
_LISTENER = 3
_BREATH = 1.0
"""Seconds between two successors of the same container's monitor."""


class Spare(NamedTuple):
    """A monitor that waits for a container, and the line to its starter."""

    pid: int
    orders: Packets


class Launcher:
    """Accepts connections, forks, reaps."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.listener = sockets.adopt(_LISTENER)
        self.waiting: dict[int, Packets] = {}
        """Connections that have not said what they want."""
        self.stem = Stem(f"tuidock-stem {layout.root}", self._become_monitor)
        self.monitors: dict[int, str] = {}
        """By pid, with the id of the container. And uplinks, without: whoever lives as long."""
        self.held: dict[str, tuple[int, ...]] = {}
        """What would be lost with a monitor: our copy of a container's input or terminal."""
        self.adopted: dict[str, float] = {}
        """When we gave a container another monitor, unasked (CLOCK_MONOTONIC)."""
        self.spare: Spare | None = None
        """Forking it took longer than using it."""
        self.spares: set[int] = set()
        self.starting: dict[int, Packets] = {}
        """To monitors that were given a container; the line closes when the start is over."""
        self.orphans: dict[int, int] = {}
        """Wait status, by pid, of containers whose monitor died."""
        self.watchers: dict[int, list[Packets]] = {}
        """Adopted containers by pid, and the monitors that want their wait status."""
        self.wakeup, wakeup = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.last_start = self.idle_since = time.monotonic()

    def live(self) -> NoReturn:
        """Serve until nobody needs us."""
        while True:
            self._serve(self._patience())
            children = self._reap()
            now = time.monotonic()
            if self.spare and now - self.last_start >= SPARE_SECONDS:
                self._drop_spare()
            if self.monitors or self.waiting:
                self.idle_since = now
            elif now - self.idle_since >= PATIENCE:
                self._drop_spare()
                self.stem.fell()
                if not children:
                    self._retire()

    def _patience(self) -> float:
        """Milliseconds until something is due."""
        due = [self.last_start + SPARE_SECONDS] if self.spare else []
        if not self.monitors:
            due.append(max(self.idle_since + PATIENCE, time.monotonic() + 0.1))
        return max(0.0, min(due) - time.monotonic()) * 1000 if due else -1

    def _serve(self, timeout: float) -> None:
        poll = select.poll()
        for descriptor in (self.listener.fileno(), self.wakeup, *self.waiting, *self.starting):
            poll.register(descriptor, select.POLLIN)
        for descriptor, _ in poll.poll(timeout if timeout >= 0 else None):
            if descriptor == self.listener.fileno():
                self._accept()
            elif descriptor == self.wakeup:
                os.read(self.wakeup, 4096)
            elif line := self.waiting.pop(descriptor, None):
                self._hear(line)
            elif line := self.starting.pop(descriptor, None):
                line.close()
                self._prepare()

    def _accept(self) -> None:
        if line := sockets.accept_own(self.listener):
            self.waiting[line.fileno()] = line

    def _hear(self, line: Packets) -> None:
        """One request; the connection goes to the monitor that answers it."""
        descriptors: list[int] = []
        try:
            message, descriptors = line.receive(sockets.SMALL_MESSAGE)
            self._obey(decode(message), line, descriptors)
        except Exception as error:  # a broken client must not end us
            tell(line, {"error": f"{type(error).__name__}: {error}"})
        for descriptor in descriptors:
            os.close(descriptor)
        line.close()

    def _obey(self, request: dict[str, Any], line: Packets, descriptors: list[int]) -> None:
        match request.get("op"):
            case "start":
                self._start(line, request)
            case "adopt":
                self._adopt(line, request["id"], int(request["pid"]))
            case "hold":
                self._let_go(request["id"])
                self.held[request["id"]] = tuple(descriptors)
                descriptors.clear()
            case "held":
                line.send(b"{}", self.held.get(request["id"], ()))
            case "release":
                self._let_go(request["id"])
            case "uplink":
                self.monitors[self.stem.fork(encode(request), (line.fileno(),))] = ""
            case "quit":
                line.send(encode({"quit": not self.monitors}))
                if not self.monitors:
                    self._retire()

    def _start(self, line: Packets, request: dict[str, Any]) -> None:
        """Give the request, with its connection, to the spare monitor or to a new one."""
        for _ in range(2):
            spare = self.spare or self._breed()
            self.spare = None
            try:
                spare.orders.send(encode(request), (line.fileno(),))
            except OSError:  # somebody killed the spare
                spare.orders.close()
                continue
            self.starting[spare.orders.fileno()] = spare.orders
            self.spares.discard(spare.pid)
            self.monitors[spare.pid] = request["id"]
            break
        self.last_start = time.monotonic()

    def _prepare(self) -> None:
        """Have a spare for the next start, and our own memory ready for its request."""
        if self.spare is None:
            self.spare = self._breed()
            here, there = sockets.pair()
            here.send(encode({"op": "rehearse"}))
            self._hear(there)
            here.close()

    def _breed(self) -> Spare:
        """Fork a monitor without a container."""
        ours, theirs = sockets.pair()
        pid = self.stem.fork(b"attend", (theirs.fileno(),))
        theirs.close()
        self.spares.add(pid)
        return Spare(pid, ours)

    def _drop_spare(self) -> None:
        if self.spare:
            self.spare.orders.close()
            self.spare = None

    def _adopt(self, line: Packets, container: str, pid: int) -> None:
        """Give a container that lost its monitor another."""
        ours, theirs = sockets.pair()
        request = {"op": "adopt", "id": container}
        given = (line.fileno(), theirs.fileno())
        self.monitors[self.stem.fork(encode(request), given)] = container
        theirs.close()
        if start_time(pid):  # what is remembered of that number is another's
            self.orphans.pop(pid, None)
        if pid:  # none between two runs
            self.watchers.setdefault(pid, []).append(ours)
            self._tell_watchers()

    def _bury(self, monitor: int, container: str) -> None:
        """It ended, mostly after its container; else somebody killed it, and needs a successor.

        A monitor that does not live for a second is not replaced before somebody asks.
        """
        if not container:  # an uplink
            return
        try:
            state = read_run(self.layout, container)
        except FileNotFoundError:
            self._let_go(container)
            self.adopted.pop(container, None)
            return
        now = time.monotonic()
        is_its = state.get("monitor", (0,))[0] == monitor
        if is_its and now - self.adopted.get(container, 0.0) > _BREATH:
            self.adopted[container] = now
            nobody, line = sockets.pair()
            self._adopt(line, container, state["pid"])
            nobody.close()
            line.close()

    def _let_go(self, container: str) -> None:
        for descriptor in self.held.pop(container, ()):
            os.close(descriptor)

    def _become_monitor(self, message: bytes, descriptors: list[int]) -> None:
        """In a child of the stem."""
        line = sockets.packets(descriptors[0])
        request = {} if message == b"attend" else decode(message)
        match request.get("op"):
            case "adopt":
                adopt(self.layout, request["id"], line, descriptors[1])
            case "uplink":
                uplink.tend(self.layout, request, line)
            case _:
                attend(self.layout, line)

    def _reap(self) -> bool:
        """Collect monitors, and containers whose monitor was killed; whether any child lives."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.stem.pid:
                self.stem.fell()
                continue
            if pid in self.spares:
                self.spares.discard(pid)
                continue
            if pid in self.monitors:
                self._bury(pid, self.monitors.pop(pid))
                continue
            self.orphans[pid] = status
            self._tell_watchers()
            while len(self.orphans) > _MEMORY:
                self.orphans.pop(next(iter(self.orphans)))

    def _tell_watchers(self) -> None:
        for pid in self.orphans.keys() & self.watchers.keys():
            for line in self.watchers.pop(pid):
                tell(line, {"status": self.orphans[pid]})
                line.close()

    def _retire(self) -> None:
        """Leave, unless somebody has just come: who finds no socket starts a new launcher."""
        try:
            with launching(self.layout):
                if select.select([self.listener], [], [], 0)[0]:
                    return
                # Ours for sure: another is only made when nobody listens at this one.
                os.unlink(self.layout.launcher_socket)
        except FileNotFoundError:
            pass  # the whole run root is gone
        os._exit(0)


def main(root: str, runroot: str) -> NoReturn:
    """Entry of the launcher process; descriptor 3 is its listening socket."""
    os.umask(0o077)
    os.chdir("/")
    gc.disable()
    fill_holes()
    rehearse()
    p.set_title(f"tuidock-launcher {root}")
    p.prctl(p.PR_SET_CHILD_SUBREAPER, 1)
    _resist_oom()
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    gc.freeze()  # forked monitors share what is never looked at again
    ground.lay()
    Launcher(Layout(root, runroot)).live()


def _resist_oom() -> None:
    """The kernel shall kill anything before a monitor; how low one may go is not ours to say."""
    for score in (-999, -500, 0):
        try:
            write("/proc/self/oom_score_adj", str(score))
            return
        except PermissionError:
            continue
