"""Further commands in a running container, as its monitor sees them.

The client's own pipes, or the terminal's master, are the command's streams: no byte passes
through the monitor, but what a command writes to a terminal that its client does not want, which
is lost. Invariant: every joiner and every command is reaped here.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress

from tuidock.engine.linux import process as p
from tuidock.engine.linux import sockets
from tuidock.engine.runtime.joining import Joiner
from tuidock.engine.runtime.protocol import decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from tuidock.engine.layout import Layout
    from tuidock.engine.linux.sockets import Packets
    from tuidock.engine.runtime.ward import Ward

    class Client(Protocol):
        """Who asked for a command, and hears how it goes."""

        def send(self, message: bytes, descriptors: tuple[int, ...] = ()) -> None: ...

        def close(self) -> None: ...


_PIECE = 4096
"""Bytes: what a terminal holds."""


class Command:
    """One exec: first its joiner's line is watched (`fd`), then the command's pidfd."""

    def __init__(
        self,
        layout: Layout,
        container_id: str,
        ward: Ward,
        request: dict[str, Any],
        client: Client,
    ) -> None:
        self.client = client
        self.process = request["process"]
        self.code: int | None = None
        """How it ended; None while it runs, and when it never did."""
        self.pid = 0
        self.fd = -1
        self.failed = False
        self.started = False
        """The command was executed."""
        self.id = os.urandom(32).hex()
        """Its name in events."""
        self.noted = 0
        """Events of it that are in the journal."""
        self.terminal = -1
        """Of a command whose client gave it streams, and so is not to have its terminal."""
        self._detached = False
        self._layout = layout
        self._id = container_id
        self._ward = ward
        self._line: Packets | None = None
        self._joiner = 0
        self._children: list[int] = []
        """Processes that the joiner made for us."""
        self._started = False
        """As the client was told."""

    def begin(self, stdio: list[int]) -> None:
        """Fork the joiner; `stdio` are the client's descriptors, closed here."""
        self._detached = bool(stdio)
        self._line, theirs = sockets.pair()
        self._joiner = p.clone_child()
        if self._joiner == 0:
            joiner = Joiner(self._layout.container(self._id), self.process, theirs)
            joiner.live(self._ward.pidfd, self._ward.cgroup(), tuple(stdio))
        theirs.close()
        self.fd = self._line.fileno()
        for descriptor in stdio:
            os.close(descriptor)

    def give_up(self) -> None:
        """End the joiner, before there is a command; `advance` hears of it."""
        if self._line is not None:
            os.kill(self._joiner, signal.SIGKILL)

    def advance(self) -> bool:
        """Hear the joiner, or collect the end of the command; False when it is over."""
        if self._line is None:
            self._finish()
            return False
        message, descriptors = self._line.receive()
        if not message:
            return self._joined()
        answer = decode(message)
        self._children = answer.pop("children")
        if "pid" in answer:
            self.pid = answer["pid"]
        if "executed" in answer:  # the joiner takes another millisecond to go
            self._say_started()
        if "failed" in answer:
            self.failed = True
            self._tell(answer)
        for master in descriptors:
            self._pass_on(master)
        return True

    def _pass_on(self, master: int) -> None:
        """The terminal is the client's, or has no other end than ours."""
        if self._detached:
            os.set_blocking(master, False)
            self.terminal = master
            return
        self._tell({"terminal": True}, (master,))
        os.close(master)

    def drain(self) -> None:
        """Let a command go on that writes to a terminal which nobody reads."""
        try:
            more = os.read(self.terminal, _PIECE)
        except BlockingIOError:
            return
        except OSError:  # EIO: the last process of it closed it
            more = b""
        if not more:
            self._hang_up()

    def _hang_up(self) -> None:
        if self.terminal >= 0:
            os.close(self.terminal)
            self.terminal = -1

    def _joined(self) -> bool:
        """The line is closed: the command was executed, or nobody is left to be it."""
        assert self._line is not None
        self._line.close()
        self._line = None
        os.waitpid(self._joiner, 0)
        for child in self._children:
            if child != self.pid or self.failed:  # they die with the joiner
                os.waitpid(child, 0)
        if self.failed or not self.pid:
            if not self.failed:
                self._tell({"failed": _DIED})
            self._hang_up()
            self.client.close()
            return False
        self.started = True
        self.fd = os.pidfd_open(self.pid)
        self._say_started()
        return True

    def _say_started(self) -> None:
        if not self._started:
            self._started = True
            self._tell({"started": self.pid})

    def _finish(self) -> None:
        os.close(self.fd)
        _, status = os.waitpid(self.pid, 0)
        self.code = exit_code(status)
        self._hang_up()
        self._tell({"exit": self.code})
        self.client.close()

    def _tell(self, message: dict[str, Any], descriptors: tuple[int, ...] = ()) -> None:
        with suppress(OSError):  # it went; the command goes on
            self.client.send(encode(message), descriptors)


_DIED = {
    "kind": "StartFailed",
    "step": "join",
    "errno": 0,
    "message": "the container ended while the command was being started",
    "hint": "",
}


def exit_code(status: int) -> int:
    """The shell's convention for a wait status: 128 + n after signal n."""
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
