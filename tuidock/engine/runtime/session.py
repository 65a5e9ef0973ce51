"""A client's line into a container: an attach, or a further command.

Both offer the same: `fileno` to wait on, `read` that never blocks, `write`, `close_input`,
`resize`, and `exit_code` once it is known. Invariant: what was read before the end comes
before the end.
"""

from __future__ import annotations

import os
import select

from tuidock.engine.errors import MonitorGone
from tuidock.engine.named import NamedTuple
from tuidock.engine.runtime.protocol import CHUNK, STDERR, STDIN, STDOUT, decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tuidock.engine.linux.sockets import Packets

_STREAMS = {STDOUT: "stdout", STDERR: "stderr"}
_PIECES = 16
"""Messages that one `read` takes at most, so that a flood leaves room for others."""


class Frame(NamedTuple):
    """A piece of output."""

    stream: str
    """`stdout` or `stderr`; with a terminal all is stdout."""
    data: bytes


class Line:
    """Attached to a container's own streams."""

    def __init__(self, packets: Packets) -> None:
        self.exit_code: int | None = None
        """The container's, once it ended and all output was read."""
        self.ended = False
        """Nothing more will come."""
        self._packets = packets
        packets.set_blocking(blocking=False)

    def fileno(self) -> int:
        """Readable when `read` has something to say."""
        return self._packets.fileno()

    def read(self) -> list[Frame]:
        """What came meanwhile; empty when nothing did. Raises MonitorGone."""
        frames: list[Frame] = []
        while not self.ended and len(frames) < _PIECES:
            try:
                message, _ = self._packets.receive()
            except BlockingIOError:
                break
            except OSError as error:
                raise MonitorGone("the line to the container broke") from error
            self._sort(message, frames)
        return frames

    def _sort(self, message: bytes, frames: list[Frame]) -> None:
        if stream := _STREAMS.get(message[:1]):
            frames.append(Frame(stream, message[1:]))
            return
        self.exit_code = decode(message).get("exit")
        if self.exit_code is None:
            raise MonitorGone("the monitor hung up while the container ran")
        self.ended = True

    def wait_readable(self, timeout: float | None = None) -> bool:
        """Block until there is something to read; False after `timeout` seconds."""
        return bool(select.select([self.fileno()], [], [], timeout)[0])

    def write(self, data: bytes) -> int:
        """Send input; how many bytes were taken, 0 when there is no room now."""
        piece = data[:CHUNK]
        try:
            self._packets.send(STDIN + piece)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise MonitorGone("the line to the container broke") from error
        return len(piece)

    def close_input(self) -> bool:
        """Let the command see the end of its standard input; False when there is no room now."""
        try:
            self._packets.send(STDIN)
        except BlockingIOError:
            return False
        except OSError:  # nobody is there to read it
            return True
        return True

    def resize(self, columns: int, rows: int) -> None:
        """Tell the terminal its size; without a terminal this does nothing."""
        try:
            self._packets.send(encode({"resize": [columns, rows]}))
        except OSError:
            return

    def close(self) -> None:
        """Detach; the container goes on."""
        self._packets.close()


class ExecLine:
    """A further command, its streams directly in our hands."""

    def __init__(self, *, tty: bool) -> None:
        self.tty = tty
        self.pid = 0
        """Of the command, as the host sees it."""
        self.exit_code: int | None = None
        self.ended = False
        self.packets: Packets | None = None
        """The line to the monitor, once there is one."""
        self._input = -1
        self._outputs: dict[int, str] = {}
        self._code: int | None = None
        self._poll: select.epoll | None = None

    def make_pipes(self) -> tuple[int, int, int]:
        """Pipes for the command; its ends are returned, ours kept."""
        stdin, self._input = os.pipe2(os.O_CLOEXEC)
        out, stdout = os.pipe2(os.O_CLOEXEC)
        err, stderr = os.pipe2(os.O_CLOEXEC)
        self._outputs = {out: "stdout", err: "stderr"}
        return stdin, stdout, stderr

    def use_terminal(self, master: int) -> None:
        """The command's terminal, made in the container."""
        self._input = master
        self._outputs = {master: "stdout"}

    def begin(self, pid: int) -> None:
        """The command runs: from now on nothing here blocks."""
        assert self.packets
        self.pid = pid
        self.packets.set_blocking(blocking=False)
        self._poll = select.epoll()
        self._poll.register(self.packets.fileno(), select.EPOLLIN)
        for descriptor in self._outputs:
            os.set_blocking(descriptor, False)
            self._poll.register(descriptor, select.EPOLLIN)
        if self._input >= 0:
            os.set_blocking(self._input, False)

    def fileno(self) -> int:
        """Readable when `read` has something to say."""
        assert self._poll
        return self._poll.fileno()

    def wait_readable(self, timeout: float | None = None) -> bool:
        """Block until there is something to read; False after `timeout` seconds."""
        return bool(select.select([self.fileno()], [], [], timeout)[0])

    def read(self) -> list[Frame]:
        """What came meanwhile; empty when nothing did. Raises MonitorGone.

        The command's end is told once what it wrote was read; what a child of it writes
        later is not waited for.
        """
        assert self._poll
        assert self.packets
        ready = {descriptor for descriptor, _ in self._poll.poll(0)}
        outputs = sorted(ready & self._outputs.keys())
        pieces = [(self._outputs[each], self._read(each)) for each in outputs]
        frames = [Frame(stream, data) for stream, data in pieces if data]
        if self.packets.fileno() in ready and self._code is None:
            self._hear()
        if self._code is not None and not frames:
            self.exit_code = self._code
            self.ended = True
        return frames

    def _read(self, descriptor: int) -> bytes:
        assert self._poll
        try:
            data = os.read(descriptor, CHUNK)
        except BlockingIOError:
            return b""
        except OSError:  # EIO: the terminal's last process closed it
            data = b""
        if not data:
            self._poll.unregister(descriptor)
            self._outputs.pop(descriptor)
            if descriptor != self._input:
                os.close(descriptor)
        return data

    def _hear(self) -> None:
        assert self.packets
        try:
            message, _ = self.packets.receive()
        except BlockingIOError:
            return
        except OSError:
            message = b""
        code = decode(message).get("exit")
        if code is None:
            raise MonitorGone("the monitor went away while the command ran")
        self._code = int(code)

    def write(self, data: bytes) -> int:
        """Send input; how many bytes were taken, 0 when there is no room now."""
        if self._input < 0:
            return len(data)
        try:
            return os.write(self._input, data)
        except BlockingIOError:
            return 0
        except OSError:  # it closed its input: like a shell, let it be
            self.close_input()
            return len(data)

    def close_input(self) -> bool:
        """Let the command see the end of its standard input; a terminal stays open."""
        if self._input >= 0 and not self.tty:
            os.close(self._input)
            self._input = -1
        return True

    def resize(self, columns: int, rows: int) -> None:
        """Tell the terminal its size; without a terminal this does nothing."""
        if self.tty and self._input >= 0:
            # Only clients with a terminal need the module behind this.
            from tuidock.engine.runtime.terminal import set_size

            set_size(self._input, columns, rows)

    def close(self) -> None:
        """Let go; the command goes on, but loses its streams."""
        for descriptor in {*self._outputs, *([self._input] if self._input >= 0 else [])}:
            os.close(descriptor)
        self._outputs, self._input = {}, -1
        if self._poll:
            self._poll.close()
        if self.packets:
            self.packets.close()
