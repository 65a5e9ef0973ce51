"""The monitor's part in health checks: when to probe, what a probe says, and how it is ended.

A probe is a further command like any other, in the same cage. Invariant: there is one at a
time, it takes no more memory than what is kept of its output, and what it leaves undone at its
deadline is killed with its children.
"""

from __future__ import annotations

import os
import select
import time
from functools import partial

from tuidock.engine.linux.proc import start_time
from tuidock.engine.runtime import health, kinship
from tuidock.engine.runtime.config import read_config
from tuidock.engine.runtime.foreign_command import command_for
from tuidock.engine.runtime.health import LONGEST_OUTPUT, Health, Probe
from tuidock.engine.runtime.protocol import decode
from tuidock.engine.runtime.spec import exec_process
from tuidock.engine.runtime.state import frozen, read_run
from tuidock.engine.types import ExecSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tuidock.engine.layout import Layout
    from tuidock.engine.runtime.commands import Command
    from tuidock.engine.runtime.health import Check
    from tuidock.engine.runtime.timers import Timer, Timers
    from tuidock.engine.runtime.ward import Ward

_PIECE = 8192
"""Bytes: a pipe's whole content would be more memory than all else here."""
_LAST_READS = 16
"""Pieces that are read of a probe's pipe after its end, when a child of it may still write."""


_KILLED = 128 + 9
_DOUBT = 0.1
"""Seconds: a probe that was killed may be the first that is heard of its container's end."""


def process(config: dict[str, Any]) -> dict[str, Any]:
    """The OCI `process` of every probe, from the container's own; empty without a check."""
    check = health.check(config["annotations"])
    return exec_process(config, ExecSpec(check.command)) if check else {}


class Prober:
    """Probes one container for as long as it runs."""

    def __init__(
        self,
        layout: Layout,
        about: dict[str, str],
        ward: Ward,
        check: Check,
        timers: Timers,
        changed: Callable[[str], object],
        process: dict[str, Any],
    ) -> None:
        """`process`: as `process` of this module made it, or empty: it is made when needed.

        `changed` is called with the new status whenever it is another.
        """
        self.check = check
        self.health = Health()
        self._layout = layout
        self._id = about["tuidock.id"]
        self._ward = ward
        self._timers = timers
        self._changed = changed
        self._since = time.monotonic()
        """When the container was started."""
        self._process = process
        self._kind = command_for(about)
        self._freezer: dict[str, str] = {}
        self._now: _Running | None = None
        self._timer: Timer | None = None

    def begin(self) -> None:
        """The container was just started, and its file says so."""
        self._wait(self.check.pause(self.health, 0))

    def go_on(self, started: float) -> None:
        """Take over from a monitor that was killed; `started` in seconds since the epoch."""
        self._since -= max(0.0, time.time() - started)
        self.health = health.read(self._layout, self._id) or Health()
        if self.health.running:
            pid, born = self.health.running
            if start_time(pid) == born:
                kinship.kill(pid, self._ward.cgroup().pids)
            self._save(self.health._replace(running=None))
        pause = self.check.pause(self.health, self._age())
        last = self.health.log[-1].end if self.health.log else started
        self._wait(min(pause, max(0.0, last + pause - time.time())))

    def stop(self) -> None:
        """The container has ended: a running probe, killed with it, says nothing."""
        self._timers.cancel(self._timer)
        if self._now:
            self._now.abandon()
            self._now = None

    def interest(self) -> dict[int, tuple[int, Callable[[], object]]]:
        """Descriptors to watch, as the monitor's own."""
        if self._now is None:
            return {}
        found: dict[int, tuple[int, Callable[[], object]]] = {}
        found[self._now.command.fd] = (select.POLLIN, self._advance)
        if self._now.output >= 0:
            found[self._now.output] = (select.POLLIN, self._now.read)
        return found

    def _age(self) -> float:
        return time.monotonic() - self._since

    def _wait(self, seconds: float) -> None:
        self._timer = self._timers.after(seconds, self._probe)

    def _probe(self) -> None:
        if self._paused():  # the same pause again, as if it began when thawed
            self._wait(self.check.pause(self.health, self._age()))
            return
        self._now = _Running(self._kind, self._ward, self._prepared(), self._age())
        self._timer = self._timers.after(self.check.timeout, self._time_out)

    def _paused(self) -> bool:
        """By the one file that tells, which takes less memory than all of the cgroup."""
        if not self._freezer:
            self._freezer = {"freezer": read_run(self._layout, self._id)["freezer"]}
        return frozen(self._freezer)

    def _prepared(self) -> dict[str, Any]:
        if not self._process:
            config = read_config(f"{self._layout.container(self._id)}/config.json")
            self._process = process(config)
        return self._process

    def _advance(self) -> None:
        if self._now is None:  # its container ended in this very moment
            return
        known = self._now.command.pid
        if not self._now.command.advance():
            self._finish()
        elif not known and (pid := self._now.command.pid):
            self._save(self.health._replace(running=(pid, start_time(pid))))
            if self._now.late:  # it was let go on just before it was given up
                self._now.kill()

    def _time_out(self) -> None:
        assert self._now
        if self._paused():  # it cannot go on: it gets its time when it can
            self._timer = self._timers.after(self.check.timeout, self._time_out)
            return
        self._now.late = f"Health check exceeded timeout ({self.check.timeout:g}s)"
        self._now.kill()

    def _finish(self) -> None:
        assert self._now
        now, self._now = self._now, None
        self._timers.cancel(self._timer)
        probe = now.over()
        record = partial(self._record, probe, now.age)
        if probe.exit_code == _KILLED:
            self._timer = self._timers.after(_DOUBT, record)
        else:
            record()

    def _record(self, probe: Probe, age: float) -> None:
        before = self.health.status
        self._save(health.judge(self.check, self.health, probe, age))
        self._wait(self.check.pause(self.health, self._age()))
        if self.health.status != before:
            self._changed(self.health.status)

    def _save(self, found: Health) -> None:
        self.health = found
        health.write(health.path(self._layout, self._id), found)


class _Ear:
    """What the client of a further command would be told."""

    # Not part of the probe: nobody collects a cycle here, where the collector is off.

    def __init__(self) -> None:
        self.failed = ""

    def send(self, message: bytes, _descriptors: tuple[int, ...] = ()) -> None:
        """Only a failure is news: the end shows at the command itself."""
        told = decode(message)
        if "failed" in told:
            self.failed = told["failed"]["message"]

    def close(self) -> None:
        """The command tells no more."""


class _Running:
    """A probe that is not over, and what it said so far."""

    def __init__(
        self, kind: type[Command], ward: Ward, process: dict[str, Any], age: float
    ) -> None:
        self.age = age
        """Of the container, in seconds."""
        self.late = ""
        """Why it was killed."""
        self.start = time.time()
        self._ward = ward
        self._said = b""
        self._cut = False
        self._ear = _Ear()
        self.output, theirs = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self.output, False)
        null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        self.command = kind(ward.layout, ward.id, ward, {"process": process}, self._ear)
        self.command.begin([null, theirs, os.dup(theirs)])

    def read(self) -> bool:
        """Take a piece of output; False when there is none now."""
        if self.output < 0:
            return False
        try:
            data = os.read(self.output, _PIECE)
        except BlockingIOError:
            return False
        if not data:
            self._close_output()
            return False
        room = LONGEST_OUTPUT - len(self._said)
        self._said += data[:room]
        self._cut = self._cut or len(data) > room
        return True

    def kill(self) -> None:
        """End it, and whatever it has started."""
        leader = self.command.pid
        if leader:
            kinship.kill(leader, self._ward.cgroup().pids)
        else:
            self.command.give_up()  # it has not even joined

    def over(self) -> Probe:
        """What came of it."""
        for _ in range(_LAST_READS):
            if not self.read():
                break
        self._close_output()
        code = self.command.code if self.command.code is not None and not self.late else -1
        return Probe(self.start, time.time(), code, self._words())

    def _words(self) -> str:
        said = self._said.decode(errors="replace") + "..." * self._cut
        if self.late:
            return f"{self.late}: {said}" if said else self.late
        return self._ear.failed or said

    def abandon(self) -> None:
        """Its container has ended, and with it every process of it."""
        while self.command.advance():
            pass
        self._close_output()

    def _close_output(self) -> None:
        if self.output >= 0:
            os.close(self.output)
            self.output = -1
