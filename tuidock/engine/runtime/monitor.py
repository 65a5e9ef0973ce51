"""The monitor: one small synchronous process for each running container.

It starts the container, pumps its output to the log and to whoever is attached, serves the
socket in the run dir, and records the end. It is forked from the launcher, so it imports
nothing of its own. Invariant: no client, however slow or hostile, can make it grow or keep the
end of a container from being recorded.
"""

from __future__ import annotations

import errno
import os
import select
from functools import partial

from tuidock.engine.blackbox.recorder import Recorder
from tuidock.engine.linux import dozing, sockets
from tuidock.engine.linux import process as p
from tuidock.engine.runtime import ending, foreign, health, strays, terminal
from tuidock.engine.runtime.alarm import Alarm
from tuidock.engine.runtime.door import Door
from tuidock.engine.runtime.foreign_command import command_for
from tuidock.engine.runtime.lines import NEEDED, Line, Lines
from tuidock.engine.runtime.probing import Prober
from tuidock.engine.runtime.protocol import STDERR, STDIN, STDOUT, decode, encode, tell
from tuidock.engine.runtime.stillness import Stillness
from tuidock.engine.runtime.timers import Timers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tuidock.engine.layout import Layout
    from tuidock.engine.linux.sockets import Packets
    from tuidock.engine.runtime.commands import Command
    from tuidock.engine.runtime.intake import Intake
    from tuidock.engine.runtime.ward import Ward

    Interest = dict[int, tuple[int, Callable[[], object]]]
    """Descriptor to the events waited for, and what to do then."""

_MARK = {"stdout": STDOUT, "stderr": STDERR}
_TICK = 1000
"""Milliseconds between looks at clients that stall."""


class Monitor:
    """One running container and everybody who wants something of it."""

    def __init__(
        self,
        layout: Layout,
        about: dict[str, str],
        ward: Ward,
        listener: sockets.Listener,
        intake: Intake,
        probe: dict[str, Any],
    ) -> None:
        self.layout = layout
        self.about = about
        """The annotations of the container's configuration."""
        self.ward = ward
        self.id = about["tuidock.id"]
        self.intake = intake
        self.listener = listener
        self.stdin = ward.stdin
        self.lines = Lines()
        self.input = b""
        """Taken from a client, not yet by the container; one message at most."""
        self.door = Door(listener, self._obey)
        self.waiters: list[Packets] = []
        self.commands: list[Command] = []
        self.timers = Timers()
        check = health.check(about)
        self.prober = check and Prober(layout, about, ward, check, self.timers, self._judged, probe)
        self.wakeup = strays.watch(ward.pid) if foreign.PROGRAM in about else -1
        self.alarm = Alarm(ward, self.timers, self._out_of_memory)
        self.stillness = Stillness(ward)
        self.recorder = Recorder(layout.samples(self.id))
        self.killed = False
        """Somebody asked for SIGKILL: it is not the kernel's, whatever the kernel killed before."""
        self.ended = False
        self.again = False
        """It ended, and its policy starts it again."""

    def live(self) -> None:
        """Serve until the container's first process, and with it all others, has ended."""
        while not self.ended:
            self.turn()

    def turn(self) -> None:
        """Wait until something happens, and do what is to be done then."""
        interest = self._interest()
        wait = dozing.wait if self.wakeup < 0 else dozing.awake
        for descriptor, _ in wait(interest, self._patience(), self.recorder.beat):
            interest[descriptor][1]()
        if not self.ended:
            self.timers.run()
            if self.lines.deserted() and NEEDED in self.about:
                self._signal(9)
        self.intake.log.flush()

    def record(self, *, new_run: bool) -> None:
        """Fill its black box from now on."""
        self.recorder.begin(self.ward.cgroup, self.ward.pid, new_run=new_run)

    def _patience(self) -> int | None:
        """Milliseconds that may pass if nothing happens."""
        due = self.timers.patience()
        if not self.lines.stalling():
            return due
        return _TICK if due is None else min(due, _TICK)

    def _interest(self) -> Interest:
        read, write = select.POLLIN, select.POLLOUT
        interest: Interest = {
            self.ward.pidfd: (read, self.end),
            **self.door.interest(),
        }
        for command in self.commands:
            interest[command.fd] = (read, partial(self._advance, command))
            if command.terminal >= 0:
                interest[command.terminal] = (read, command.drain)
        if self.wakeup >= 0:
            interest[self.wakeup] = (read, partial(strays.hear, self.wakeup))
        if self.prober:
            interest |= self.prober.interest()
        interest |= self.alarm.interest()
        interest |= self.stillness.interest()
        full = self.lines.full()
        for output in () if full else self.ward.outputs:
            interest[output] = (read, partial(self._pump, output))
        if self.input:
            interest[self.stdin] = (write, self._feed)
            return interest
        for descriptor, attached in self.lines.all.items():
            events = write | read if attached in full else read
            interest[descriptor] = (events, partial(self._take, attached))
        return interest

    # --- output ------------------------------------------------------------------------------

    def _pump(self, output: int) -> bool:
        """Move one piece from the container to the log and to who is attached."""
        stream = self.ward.outputs.get(output)
        if stream is None:
            return False
        try:
            data = self.intake.take(output, stream)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno != errno.EIO:  # the last process of a terminal closed it
                raise
            data = b""
        if not data:
            del self.ward.outputs[output]
            return False
        self.lines.broadcast(_MARK[stream] + data)
        return True

    def _drain(self) -> None:
        """Nobody writes any more; what is in the pipes is the last."""
        for output in list(self.ward.outputs):
            while self._pump(output):
                pass

    # --- input -------------------------------------------------------------------------------

    def _take(self, line: Line) -> None:
        """A message of an attached client."""
        if line.fileno() not in self.lines.all:
            return
        try:
            message, descriptors = line.packets.receive()
        except BlockingIOError:
            return
        except OSError:
            message, descriptors = b"", []
        for descriptor in descriptors:
            os.close(descriptor)
        if not message:
            self.lines.drop(line)
        elif message[:1] == STDIN:
            self._input(message[1:])
        elif size := decode(message).get("resize"):
            self._resize(*map(int, size))

    def _input(self, data: bytes) -> None:
        if self.stdin < 0:
            return
        if data:
            self.input = data
            self._feed()
        elif self.stdin not in self.ward.outputs:  # a terminal's end is typed, not closed
            self._close_input()

    def _feed(self) -> None:
        try:
            self.input = self.input[os.write(self.stdin, self.input) :]
        except BlockingIOError:
            return
        except OSError:  # the container closed it
            self._close_input()

    def _close_input(self) -> None:
        self.input = b""
        if self.stdin not in self.ward.outputs:
            os.close(self.stdin)
            self._release_input()
        self.stdin = -1

    def _release_input(self) -> None:
        """The launcher has a copy, which would keep the input from ending."""
        try:
            line = sockets.connect(self.layout.launcher_socket)
            line.send(encode({"op": "release", "id": self.id}))
            line.close()
        except OSError:  # it was killed, and its copy with it
            return

    def _resize(self, columns: int, rows: int) -> None:
        for output in self.ward.outputs:
            if output == self.stdin:
                terminal.set_size(output, columns & 0xFFFF, rows & 0xFFFF)

    # --- requests ----------------------------------------------------------------------------

    def _obey(self, request: dict[str, Any], line: Packets, descriptors: list[int]) -> None:
        match request.get("op"):
            case "attach":
                tell(line, {"attached": self.ward.pid, "tty": self.stdin in self.ward.outputs})
                self.lines.add(Line(line, primary=False))
            case "wait":
                self.waiters.append(line)
            case "exec":
                command = command_for(self.about)(self.layout, self.id, self.ward, request, line)
                command.begin(descriptors)
                descriptors.clear()
                self.commands.append(command)
            case "signal":
                self._signal(int(request["signal"]))
                tell(line, {"ok": True})
                line.close()
            case "still":
                self.stillness.look()
                tell(line, {"ok": True})
                line.close()
            case "annotate":
                self.about |= request["annotations"]
                tell(line, {"ok": True})
                line.close()
            case _:
                tell(line, {"error": f"unknown request {request.get('op')!r}"})
                line.close()

    def _signal(self, number: int) -> None:
        self.killed = self.killed or number == 9
        try:
            p.send_signal(self.ward.pidfd, number)
        except ProcessLookupError:  # it has just ended
            return

    def _advance(self, command: Command) -> None:
        goes_on = command.advance()
        if not goes_on:
            self.commands.remove(command)
        if command.started or not goes_on:
            ending.note_command(self.layout, self.about, command)

    def _judged(self, status: str) -> None:
        """The container's health is another now."""
        ending.note(self.layout, self.about, f"health_status: {status}", {})
        if self.prober and status == health.UNHEALTHY:
            self._give_up_on_it(self.prober.check.on_failure)

    def _give_up_on_it(self, action: str) -> None:
        """It is unhealthy. To be killed is an end like any, which its restart policy judges; to be
        stopped or restarted is what a person would have done, and is done in the same way.
        """
        if action == "kill":
            self._signal(9)
        elif action in ("stop", "restart"):
            ending.spawn(self.layout, self.id, action)

    def _out_of_memory(self) -> None:
        ending.note(self.layout, self.about, "oom", {})

    # --- the end -----------------------------------------------------------------------------

    def end(self) -> None:
        """The first process is dead: drain, record, clean up, tell."""
        self.ended = True
        self.recorder.close()
        status = ending.reap(self.ward)
        cgroup = self.ward.cgroup()
        cgroup.kill()  # whoever did not end with the first of its pid namespace
        self._drain()
        self.intake.close()
        if self.prober:
            self.prober.stop()
        for command in list(self.commands):  # killed with the first process
            while command.advance():
                pass
            ending.note_command(self.layout, self.about, command)
        self.alarm.look()
        by_kernel = self.alarm.kills > 0 and not self.killed
        record = ending.record(cgroup, status, by_kernel=by_kernel)
        self.again = ending.conclude(self.layout, self.about, cgroup, record)
        attended = self.lines.attended()
        self.lines.finish(record.code)
        for line in self.waiters:
            tell(line, {"exit": record.code, "record": record})
        if not self.again:
            ending.start_aftermath(self.layout, self.about, attended=attended)
