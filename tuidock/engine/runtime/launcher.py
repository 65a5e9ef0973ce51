"""The launcher: one small process for each root, forking a monitor for each container.

It is started warm by whichever client comes first and leaves when there is nothing to do.
Invariant: it holds no state that anything depends on; killing it harms nothing.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import sys
import time

from tuidock.engine.cgroups.files import write
from tuidock.engine.layout import Layout
from tuidock.engine.linux import process as p
from tuidock.engine.linux import sockets
from tuidock.engine.runtime.calling import launching
from tuidock.engine.runtime.protocol import decode, encode
from tuidock.engine.runtime.watching import adopt, watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from tuidock.engine.linux.sockets import Packets

PATIENCE = 5.0
"""Seconds without a monitor or a request after which the launcher leaves."""
_LISTENER = 3


class Launcher:
    """Accepts connections, forks, reaps."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.listener = sockets.adopt(_LISTENER)
        self.waiting: dict[int, Packets] = {}
        """Connections that have not said what they want."""
        self.monitors: dict[int, str] = {}
        self.orphans: dict[int, int] = {}
        """Exit codes of containers whose monitor died: wait status by pid."""
        self.watchers: dict[int, Packets] = {}
        """Adopted containers by pid, and the monitor that wants their wait status."""
        self.wakeup, wakeup = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.idle_since = time.monotonic()

    def live(self) -> NoReturn:
        """Serve until nobody needs us."""
        while True:
            self._serve(self._patience())
            if self._reap() or self.waiting:
                self.idle_since = time.monotonic()
            elif time.monotonic() - self.idle_since >= PATIENCE:
                self._retire()

    def _patience(self) -> float | None:
        """Milliseconds to sleep at most; None while a child's end will wake us."""
        if self.monitors:
            return None
        return max(0.0, PATIENCE - (time.monotonic() - self.idle_since)) * 1000

    def _serve(self, timeout: float | None) -> None:
        poll = select.poll()
        for descriptor in (self.listener.fileno(), self.wakeup, *self.waiting):
            poll.register(descriptor, select.POLLIN)
        for descriptor, _ in poll.poll(timeout):
            if descriptor == self.listener.fileno():
                self._accept()
            elif descriptor == self.wakeup:
                os.read(self.wakeup, 4096)
            elif line := self.waiting.pop(descriptor, None):
                self._hear(line)

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
            case "start" | "adopt":
                self._fork(line, request)
            case "quit":
                line.send(encode({"quit": not self.monitors}))
                if not self.monitors:
                    self._retire()
        line.close()

    def _fork(self, line: Packets, request: dict[str, Any]) -> None:
        pid = 0
        ours = theirs = None
        if request["op"] == "adopt":
            ours, theirs = sockets.pair()
            pid = int(request["pid"])
        child = os.fork()
        if child == 0:
            self._become_monitor(line, request, theirs)
        self.monitors[child] = request["id"]
        if ours and theirs:
            theirs.close()
            self.watchers[pid] = ours
            self._tell_watchers()

    def _become_monitor(
        self, line: Packets, request: dict[str, Any], watcher: Packets | None
    ) -> NoReturn:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self.listener.close()
        for held in (*self.waiting.values(), *self.watchers.values()):
            held.close()
        os.close(self.wakeup)
        try:
            if watcher:
                adopt(self.layout, request, line, watcher)
            else:
                watch(self.layout, request, line)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stderr.flush()
            os._exit(0)

    def _reap(self) -> bool:
        """Collect monitors, and containers whose monitor was killed; whether any child lives."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if self.monitors.pop(pid, None) is None:
                self.orphans[pid] = status
                self._tell_watchers()

    def _tell_watchers(self) -> None:
        for pid in self.orphans.keys() & self.watchers.keys():
            line = self.watchers.pop(pid)
            try:
                line.send(encode({"status": self.orphans[pid]}))
            except OSError:  # that monitor is gone, too
                pass
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
    p.set_title(f"tuidock-launcher {root}")
    p.prctl(p.PR_SET_CHILD_SUBREAPER, 1)
    _resist_oom()
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    gc.disable()
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
