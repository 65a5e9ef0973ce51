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
from contextlib import suppress

from tuidock.engine.cgroups.files import write
from tuidock.engine.layout import Layout
from tuidock.engine.linux import process as p
from tuidock.engine.linux import sockets
from tuidock.engine.runtime import uplink
from tuidock.engine.runtime.calling import launching
from tuidock.engine.runtime.protocol import decode, encode
from tuidock.engine.runtime.rehearsing import rehearse
from tuidock.engine.runtime.stem import Stem
from tuidock.engine.runtime.watching import adopt, attend

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from tuidock.engine.linux.sockets import Packets

PATIENCE = 5.0
"""Seconds without a monitor or a request after which the launcher leaves."""
SPARE_SECONDS = 30.0
"""How long after a start a spare monitor is kept, with a starter that has 8 MB."""
_MEMORY = 256
"""Orphans whose end is remembered."""
_LISTENER = 3


class Launcher:
    """Accepts connections, forks, reaps."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.listener = sockets.adopt(_LISTENER)
        self.waiting: dict[int, Packets] = {}
        """Connections that have not said what they want."""
        self.stem = Stem(f"tuidock-stem {layout.root}", self._become_monitor)
        self.monitors: set[int] = set()
        """And uplinks: whoever lives as long as a container."""
        self.spare: Packets | None = None
        """To a monitor that waits for a container; forking it took longer than using it."""
        self.spares: set[int] = set()
        self.starting: dict[int, Packets] = {}
        """To monitors that were given a container; the line closes when the start is over."""
        self.orphans: dict[int, int] = {}
        """Wait status, by pid, of containers whose monitor died."""
        self.watchers: dict[int, Packets] = {}
        """Adopted containers by pid, and the monitor that wants their wait status."""
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
        try:
            line = sockets.accept(self.listener)
        except BlockingIOError:
            return
        if line.peer()[1] not in (0, os.geteuid()):
            line.close()
            return
        self.waiting[line.fileno()] = line

    def _hear(self, line: Packets) -> None:
        """One request; the connection goes to the monitor that answers it."""
        try:
            request = decode(line.receive(sockets.SMALL_MESSAGE)[0])
        except OSError:
            request = {}
        match request.get("op"):
            case "start":
                self._start(line, request)
            case "adopt":
                self._adopt(line, request)
            case "uplink":
                self.monitors.add(self.stem.fork(encode(request), (line.fileno(),)))
            case "quit":
                line.send(encode({"quit": not self.monitors}))
                if not self.monitors:
                    self._retire()
        line.close()

    def _start(self, line: Packets, request: dict[str, Any]) -> None:
        """Give the request, with its connection, to the spare monitor or to a new one."""
        for _ in range(2):
            monitor = self.spare or self._breed()
            self.spare = None
            try:
                monitor.send(encode(request), (line.fileno(),))
                self.starting[monitor.fileno()] = monitor
                break
            except OSError:  # somebody killed the spare
                monitor.close()
        self.monitors |= self.spares
        self.spares = set()
        self.last_start = time.monotonic()

    def _prepare(self) -> None:
        """Have a spare for the next start, and our own memory ready for its request."""
        if self.spare is None:
            self.spare = self._breed()
            here, there = sockets.pair()
            here.send(encode({"op": "rehearse"}))
            self._hear(there)
            here.close()

    def _breed(self) -> Packets:
        """Fork a monitor without a container."""
        ours, theirs = sockets.pair()
        self.spares.add(self.stem.fork(b"attend", (theirs.fileno(),)))
        theirs.close()
        return ours

    def _drop_spare(self) -> None:
        if self.spare:
            self.spare.close()
            self.spare = None

    def _adopt(self, line: Packets, request: dict[str, Any]) -> None:
        ours, theirs = sockets.pair()
        lines = (line.fileno(), theirs.fileno())
        self.monitors.add(self.stem.fork(encode(request), lines))
        theirs.close()
        self.watchers[int(request["pid"])] = ours
        self._tell_watchers()

    def _become_monitor(self, message: bytes, descriptors: list[int]) -> None:
        """In a child of the stem."""
        lines = [sockets.packets(each) for each in descriptors]
        if message == b"attend":
            attend(self.layout, *lines)
            return
        request = decode(message)
        live = uplink.tend if request["op"] == "uplink" else adopt
        live(self.layout, request, *lines)

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
            if pid in self.monitors or pid in self.spares:
                self.monitors.discard(pid)
                self.spares.discard(pid)
                continue
            self.orphans[pid] = status
            self._tell_watchers()
            while len(self.orphans) > _MEMORY:
                self.orphans.pop(next(iter(self.orphans)))

    def _tell_watchers(self) -> None:
        for pid in self.orphans.keys() & self.watchers.keys():
            line = self.watchers.pop(pid)
            with suppress(OSError):  # that monitor is gone, too
                line.send(encode({"status": self.orphans[pid]}))
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
    rehearse()
    p.set_title(f"tuidock-launcher {root}")
    p.prctl(p.PR_SET_CHILD_SUBREAPER, 1)
    _resist_oom()
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    gc.freeze()  # forked monitors share what is never looked at again
    Launcher(Layout(root, runroot)).live()


def _resist_oom() -> None:
    """The kernel shall kill anything before a monitor; how low one may go is not ours to say."""
    for score in (-999, -500, 0):
        try:
            write("/proc/self/oom_score_adj", str(score))
            return
        except PermissionError:
            continue
