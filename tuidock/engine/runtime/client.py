"""The engine's side of launcher and monitors: blocking calls, errors as EngineErrors.

Invariant: nothing here has state of its own; any number of clients, in any processes, may
talk to the same monitor.
"""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress

from tuidock.engine.errors import (
    CommandNotExecutable,
    CommandNotFound,
    MonitorGone,
    NetworkError,
    RuntimeFailure,
    StartFailed,
)
from tuidock.engine.linux import sockets
from tuidock.engine.runtime import calling
from tuidock.engine.runtime.protocol import GATE, decode, encode
from tuidock.engine.runtime.session import ExecLine, Line
from tuidock.engine.runtime.state import LOST, RunState, read_exit, read_run, read_state
from tuidock.engine.types import UP, ExitRecord

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from tuidock.engine.layout import Layout
    from tuidock.engine.linux.sockets import Packets
    from tuidock.engine.network.laps import Lap

__all__ = [
    "ExecLine",
    "Line",
    "Monitor",
    "Starting",
    "adopt",
    "quit_launcher",
    "start",
    "start_uplink",
]


def start(
    layout: Layout, container_id: str, *, gate: bool, attach: bool, before: RunState | None = None
) -> Starting:
    """Have a container started; returns when its command was executed.

    With `gate` already once its first process exists; that then waits for `go`. `before` is the
    state that its policy starts it from. Raises RuntimeFailure.
    """
    request: dict[str, Any] = {"op": "start", "id": container_id, "gate": gate, "attach": attach}
    if before:
        request |= {"restarts": before.restarts + 1, "pause": before.pause}
    packets, answer = _ask_launcher(layout, request)
    try:  # a launcher from before an update tells of both, gate or not
        pid = int(answer["created"] if "created" in answer else _value(answer, "started"))
    except BaseException:
        packets.close()
        raise
    return Starting(packets, pid, started="started" in answer, attach=attach)


def _ask_launcher(layout: Layout, request: dict[str, Any]) -> tuple[Packets, dict[str, Any]]:
    """Send a request; the line, now the monitor's, and its first answer.

    A launcher that was killed before it read the request is replaced: the kernel says so by
    ECONNRESET. A starter that was killed with the request, too: then the line ends, and what
    it had begun died with it. Raises RuntimeFailure.
    """
    for _ in range(_TRIES):
        packets = calling.connect(layout)
        try:
            packets.send(encode(request))
            if answer := decode(packets.receive()[0]):
                return packets, answer
            packets.close()
        except (ConnectionResetError, BrokenPipeError):
            packets.close()
        except BaseException:
            packets.close()
            raise
    raise MonitorGone("the launcher does not answer", f"see {layout.runroot}/launcher.log")


_TRIES = 5
_PATIENCE = 60.0
"""Seconds in which a monitor must answer; only one that is stopped takes as long."""


class Starting:
    """A container between its birth and its command."""

    def __init__(self, packets: Packets, pid: int, *, started: bool, attach: bool) -> None:
        self.pid = pid
        """Of the first process, as the host sees it; its namespaces exist."""
        self.line: Line | None = None
        """The open line, with `attach`, once it was started."""
        self._packets = packets
        self._started = started
        self._attach = attach

    def go(self, wired: Sequence[Lap] = ()) -> None:
        """Open the gate; when nobody is behind it any more, `wait_started` says why.

        `wired` is what was done for its network meanwhile, and when, for the record of its birth.
        """
        with suppress(OSError):
            self._packets.send(encode({"go": True, "wired": wired}))

    def abandon(self) -> RuntimeFailure | None:
        """Give up before `go`: returns when the first process is dead and its cgroup gone.

        What the start had failed of by itself, if it had.
        """
        found = None
        with suppress(OSError):
            self._packets.finish()
            while message := self._packets.receive()[0]:
                if decode(message).get("failed", {"step": GATE})["step"] != GATE:
                    found = failed(decode(message))
        self._packets.close()
        return found

    def wait_started(self) -> None:
        """Return when the command was executed; mostly, without a gate, it is.

        Raises StartFailed, CommandNotFound, CommandNotExecutable, MonitorGone.
        """
        try:
            if not self._started:
                _expect(self._packets, "started")
        except BaseException:
            self._packets.close()
            raise
        if self._attach:
            self.line = Line(self._packets)
        else:
            self._packets.close()


def _expect(packets: Packets, word: str) -> Any:
    """The value of the next message, which must be `word`. Raises RuntimeFailure."""
    try:
        try:
            message, _ = packets.receive()
        except ConnectionResetError:  # it left what we sent unread; what it said comes after that
            message, _ = packets.receive()
    except OSError as error:
        raise MonitorGone("the monitor does not answer") from error
    return _value(decode(message), word)


def _value(answer: dict[str, Any], word: str) -> Any:
    if word in answer:
        return answer[word]
    raise failed(answer)


def failed(answer: dict[str, Any]) -> RuntimeFailure:
    """The error that a monitor told of."""
    if "error" in answer:
        return RuntimeFailure(str(answer["error"]))
    if "failed" not in answer:
        return MonitorGone("the monitor went away without an answer")
    told = answer["failed"]
    kinds = {kind.__name__: kind for kind in (CommandNotFound, CommandNotExecutable, StartFailed)}
    return kinds.get(told["kind"], StartFailed)(told["message"], told["hint"])


class Monitor:
    """The monitor of a running container; one that was killed is replaced at the first call."""

    def __init__(self, layout: Layout, container_id: str) -> None:
        self.layout = layout
        self.id = container_id

    def signal(self, number: int) -> None:
        """Send a signal to the container's first process. Raises MonitorGone."""
        packets, answer, _ = self._ask({"op": "signal", "signal": number})
        packets.close()
        _value(answer, "ok")

    def annotate(self, changed: dict[str, str]) -> None:
        """Tell it annotations of the configuration that have changed. Raises MonitorGone."""
        packets, answer, _ = self._ask({"op": "annotate", "annotations": changed})
        packets.close()
        _value(answer, "ok")

    def attach(self) -> Line:
        """A line into the running container: output from now on. Raises MonitorGone."""
        packets, answer, _ = self._ask({"op": "attach"})
        _value(answer, "attached")
        return Line(packets)

    def exec(self, process: dict[str, Any], stdio: tuple[int, int, int] | None = None) -> ExecLine:
        """Run a further command, an OCI `process`; returns once it was executed.

        `stdio` are given to it as they are; without, the line carries its streams. A process
        with `terminal` has its own, which the line carries too, unless there are `stdio`.
        Raises CommandNotFound, CommandNotExecutable, StartFailed.
        """
        line = ExecLine(tty=bool(process.get("terminal")))
        theirs = stdio or (() if line.tty else line.make_pipes())
        try:
            packets, answer, descriptors = self._ask({"op": "exec", "process": process}, theirs)
            line.packets = packets
            while "started" not in answer:
                if not descriptors:
                    raise failed(answer)
                line.use_terminal(descriptors[0])
                answer, descriptors = self._hear(packets)
        except BaseException:
            line.close()
            raise
        finally:
            for descriptor in () if stdio else theirs:
                os.close(descriptor)
        line.begin(int(answer["started"]))
        return line

    def _ask(
        self, request: dict[str, Any], descriptors: tuple[int, ...] = ()
    ) -> tuple[Packets, dict[str, Any], list[int]]:
        """Send a request; the line, the first answer, and descriptors that came with it.

        A monitor that is killed before it reads the request is replaced: the kernel says so
        by ECONNRESET. Raises MonitorGone, RuntimeFailure.
        """
        for _ in range(_TRIES):
            packets = self._connect()
            try:
                packets.send(encode(request), descriptors)
                self._await_answer(packets)
                message, received = packets.receive()
                return packets, decode(message), received
            except (ConnectionResetError, BrokenPipeError):
                packets.close()
            except OSError as error:
                packets.close()
                if error.errno != errno.EMSGSIZE:
                    raise self._gone() from error
                raise RuntimeFailure("the command line or environment is too long") from error
        raise self._gone()

    def _await_answer(self, packets: Packets) -> None:
        if not sockets.readable(packets, _PATIENCE):
            packets.close()
            raise MonitorGone(
                f"the monitor of container {self.id[:12]} does not answer",
                f"it may be stopped: `pgrep -f 'tuidock-monitor {self.id[:12]}'`; "
                "once it is killed, the next command replaces it",
            )

    def _hear(self, packets: Packets) -> tuple[dict[str, Any], list[int]]:
        try:
            message, received = packets.receive()
        except OSError as error:
            raise self._gone() from error
        return decode(message), received

    def wait(self, deadline: float | None = None) -> ExitRecord | None:
        """How it ended; None when it still runs at `deadline` (CLOCK_MONOTONIC)."""
        packets = self._connect_if_running()
        if packets is None:
            return self._ended()
        try:
            packets.send(encode({"op": "wait"}))
            timeout = -1.0 if deadline is None else max(0.0, deadline - time.monotonic())
            if not sockets.readable(packets, timeout):
                return None
            if told := decode(packets.receive()[0]):
                return ExitRecord(*told["record"])
        except OSError:
            pass  # it ended, or the monitor did; the state tells
        finally:
            packets.close()
        state = read_state(self.layout, self.id)
        if state.status in UP:  # the monitor was killed: ask the next one
            return self.wait(deadline)
        return self._ended()

    def _ended(self) -> ExitRecord:
        return read_exit(self.layout, self.id) or LOST

    def _connect_if_running(self) -> Packets | None:
        try:
            return self._connect()
        except MonitorGone:
            if read_state(self.layout, self.id).status in UP:
                raise
            return None

    def _connect(self) -> Packets:
        path = f"{self.layout.run(self.id)}/monitor.sock"
        for _ in range(_TRIES):
            try:
                return sockets.connect(path)
            except (FileNotFoundError, ConnectionRefusedError):
                self._replace_monitor()
        raise self._gone()

    def _replace_monitor(self) -> None:
        """Raises MonitorGone when the container does not run, maybe since a moment ago."""
        try:
            if read_state(self.layout, self.id).status in UP:
                adopt(self.layout, self.id)
                return
        except RuntimeFailure as error:
            if read_state(self.layout, self.id).status in UP:
                raise
            raise self._gone() from error
        raise self._gone()

    def _gone(self) -> MonitorGone:
        """Why nobody answers: mostly because the container has just ended."""
        if read_state(self.layout, self.id).status in UP:
            return MonitorGone("the monitor does not answer")
        return MonitorGone(f"container {self.id[:12]} is not running")


def start_uplink(layout: Layout, container_id: str, pid: int, program: dict[str, Any]) -> None:
    """Have a user-mode network program carry the packets of a container that is just starting.

    Its `words` run it, in the container's user namespace if it is to `enter`; its `orders` are
    sent to it when its interface is there. Returns then. Raises NetworkError with its words
    when it fails, RuntimeFailure.
    """
    request = {"op": "uplink", "id": container_id, "pid": pid, **program}
    packets, answer = _ask_launcher(layout, request)
    packets.close()
    if "connected" not in answer:
        raise NetworkError(f"network: {answer.get('unready', 'the uplink died')}")


def adopt(layout: Layout, container_id: str) -> None:
    """Give a container whose monitor was killed a new one; no-op when it has one.

    Raises RuntimeFailure.
    """
    pid = read_run(layout, container_id)["pid"]
    request = {"op": "adopt", "id": container_id, "pid": pid}
    packets, answer = _ask_launcher(layout, request)
    packets.close()
    _value(answer, "adopted")


def quit_launcher(layout: Layout) -> bool:
    """End the launcher if no container runs; False when it stays. No-op without one."""
    try:
        packets = sockets.connect(layout.launcher_socket)
    except (FileNotFoundError, ConnectionRefusedError):
        return True
    try:
        packets.send(encode({"op": "quit"}))
        done = bool(decode(packets.receive()[0]).get("quit"))
        while done and packets.receive()[0]:
            pass
    finally:
        packets.close()
    return done
