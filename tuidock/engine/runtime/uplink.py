"""The uplink: one small process that ties a user-mode network program to one container.

Such a program (slirp4netns, pasta) carries the packets of a network namespace through ordinary
sockets of its user, so that no bridge and no root is needed. It cannot wait for the end of a
container itself, so this process does: forked from the launcher, beside the monitor, whose
death it outlives. Invariant: the program ends with the container or with its uplink, whichever
goes first; while both are there it is replaced when it dies.
"""

from __future__ import annotations

import _socket
import os
import select
import signal
import time
from contextlib import suppress

from tuidock.engine.linux import process as p
from tuidock.engine.linux import userns
from tuidock.engine.linux.files import unlink
from tuidock.engine.linux.proc import start_time
from tuidock.engine.runtime.protocol import decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from tuidock.engine.layout import Layout
    from tuidock.engine.linux.sockets import Packets

_PATIENCE = 10.0
"""Seconds that the program gets to set an interface up."""
_BREATH = 1.0
"""Seconds between the deaths of two programs below which no third one is started."""
_READY, _CONTROL = "ready", "control"
"""The fifo in which the program says that it is ready, also its descriptor 3, and its socket."""


class Unready(Exception):
    """The program could not do what was asked; its words are the message."""


class Program:
    """One run of the program."""

    def __init__(self, request: dict[str, Any], container: int) -> None:
        self.words: list[str] = request["words"]
        self.orders: list[dict[str, Any]] = request["orders"]
        self.said = b""
        os.mkfifo(_READY, 0o600)
        self.ready = os.open(_READY, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self.output, output = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.pid = os.fork()
        if self.pid == 0:
            _become(self.words, container if request["enter"] else -1, output)
        os.close(output)
        self.pidfd = os.pidfd_open(self.pid)

    def prepare(self, container: int) -> None:
        """Wait until the interface is there, then give the orders. Raises Unready, OSError."""
        deadline = time.monotonic() + _PATIENCE
        while not (heard := self._look([self.ready, container, self.pidfd], deadline)):
            pass
        if container in heard:
            raise Unready("the container ended")
        if self.pidfd in heard or not os.read(self.ready, 1):
            raise Unready(self._last_words())
        for order in self.orders:
            _obey(order)

    def _look(self, descriptors: list[int], deadline: float) -> list[int]:
        """Which can be read; what the program prints is taken meanwhile."""
        watched = [*descriptors, self.output]
        found, _, _ = select.select(watched, [], [], max(0.0, deadline - time.monotonic()))
        if not found:
            raise Unready(f"{os.path.basename(self.words[0])} does not get ready")
        if self.output in found:
            self.listen()
        return [each for each in found if each != self.output]

    def listen(self) -> bool:
        """Take what it prints, keeping the end; False when there is no more."""
        try:
            data = os.read(self.output, 4096)
        except BlockingIOError:  # a child of its own lives, and says no more
            return False
        self.said = (self.said + data)[-1000:]
        return bool(data)

    def _last_words(self) -> str:
        p.send_signal(self.pidfd, signal.SIGKILL)  # it may have closed `ready` and nothing else
        while self.listen():
            pass
        name = os.path.basename(self.words[0])
        lines = self.said.decode(errors="replace").strip().splitlines()
        return f"{name}: {lines[-1]}" if lines else f"{name} ended"

    def end(self) -> None:
        """Kill and reap it."""
        p.send_signal(self.pidfd, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        for descriptor in (self.pidfd, self.ready, self.output):
            os.close(descriptor)


def _become(words: list[str], container: int, output: int) -> NoReturn:
    """In the child: root of the container's user namespace, if it is to be, then the program."""
    parent = os.getppid()
    try:
        if container >= 0:
            p.setns(container, p.CLONE_NEWUSER)
            userns.become_root()
        os.umask(0)  # root there may not be the user, who has to reach its socket; nobody else can
        os.dup2(os.open("/dev/null", os.O_RDWR), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.dup2(os.open(_READY, os.O_WRONLY), 3)
        p.close_range(4, on_exec=True)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # which Python ignores, for us alone
        # Last, because a change of ids or capabilities would take it back.
        p.prctl(p.PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(127)
        os.execve(words[0], words, {"LC_ALL": "C.UTF-8", "PATH": os.defpath})
    except OSError as error:
        os.write(2, f"{error.strerror}\n".encode())
    finally:
        os._exit(127)


def _obey(order: dict[str, Any]) -> None:
    """One request of slirp4netns' protocol: a JSON object each way, a connection each.

    Raises Unready with the answer's `error.desc`.
    """
    line = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0)
    try:
        line.settimeout(_PATIENCE)
        line.connect(_CONTROL)
        line.sendall(encode(order))
        line.shutdown(_socket.SHUT_WR)
        answer = b""
        while piece := line.recv(4096):
            answer += piece
    finally:
        line.close()
    if "error" in (told := decode(answer)):
        raise Unready(str(told["error"].get("desc", told["error"])))


def tend(layout: Layout, request: dict[str, Any], client: Packets) -> None:
    """The life of an uplink. Tells the client `connected`, or `failed` with the reason."""
    p.set_title(f"tuidock-uplink {request['id'][:12]} {layout.root}")
    try:
        container = os.pidfd_open(request["pid"])
        program = _start(layout, request, container)
    except (Unready, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        client.send(encode({"unready": reason}))
        return
    client.send(encode({"connected": program.pid}))
    client.close()
    now: Program | None = program
    while now:
        now = _attend(layout, request, container, now)
    _forget(layout, request)


def _start(layout: Layout, request: dict[str, Any], container: int) -> Program:
    """A program that is ready, written down for whoever may have to end it in our place."""
    directory = layout.uplink(request["id"])
    os.makedirs(directory, 0o700, exist_ok=True)
    os.chdir(directory)
    program = Program(request, container)
    try:
        with open("program", "w", encoding="ascii") as file:
            file.write(f"{program.pid} {start_time(program.pid)}")
        program.prepare(container)
    except BaseException:
        program.end()
        _forget(layout, request)
        raise
    finally:
        for name in (_CONTROL, _READY):  # nobody else has orders
            unlink(name)
    return program


def _attend(
    layout: Layout, request: dict[str, Any], container: int, program: Program
) -> Program | None:
    """Until the container or the program ends: None, or the program's successor."""
    began = time.monotonic()
    watched = [container, program.pidfd, program.output]
    while True:
        found, _, _ = select.select(watched, [], [])
        if program.output in found and not program.listen():
            watched.remove(program.output)
        if container in found or program.pidfd in found:
            program.end()
        if container in found or (program.pidfd in found and time.monotonic() - began < _BREATH):
            return None
        if program.pidfd in found:
            return _again(layout, request, container)


def _again(layout: Layout, request: dict[str, Any], container: int) -> Program | None:
    try:
        return _start(layout, request, container)
    except (Unready, OSError):
        return None


def _forget(layout: Layout, request: dict[str, Any]) -> None:
    os.chdir("/")
    directory = layout.uplink(request["id"])
    for name in ("program", _CONTROL, _READY):
        unlink(f"{directory}/{name}")
    with suppress(FileNotFoundError):  # a client was faster
        os.rmdir(directory)
