"""Between two runs: a monitor whose container ended, and is to be started again in a while.

Starting takes the database and netlink, so a short process does it when the time has come, as
any client would; the lock goes from us to the next monitor. Invariant: whoever ends the waiting
for good, by a stop or another policy, hears of it when it is over.
"""

from __future__ import annotations

import os
import select
import time

from tuidock.engine.linux import dozing, sockets
from tuidock.engine.runtime import ending, restarting
from tuidock.engine.runtime.door import Door
from tuidock.engine.runtime.protocol import tell
from tuidock.engine.runtime.state import read_exit, read_run, write_state
from tuidock.engine.runtime.timers import Timers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tuidock.engine.layout import Layout
    from tuidock.engine.linux.sockets import Packets
    from tuidock.engine.runtime.monitor import Interest


class BackOff:
    """One container that waits to be started."""

    def __init__(self, layout: Layout, about: dict[str, str], listener: sockets.Listener) -> None:
        self.layout = layout
        self.about = about
        self.id = about["tuidock.id"]
        self.listener = listener
        self.timers = Timers()
        self.over = False
        self.door = Door(listener, self._obey)
        self.waiters: list[Packets] = []
        self.starter = -1
        """Pidfd of the process that starts it, once it is time."""

    def live(self) -> None:
        """Until it is started, or never will be."""
        due = read_run(self.layout, self.id)["due"] - time.time()
        self.timers.after(max(0.0, due), self._start)
        while not self.over:
            self._turn()

    def _turn(self) -> None:
        interest: Interest = self.door.interest()
        if self.starter >= 0:  # it ended, and nobody has asked for the way
            interest[self.starter] = (select.POLLIN, self.conclude)
        for descriptor, _ in dozing.wait(interest, self.timers.patience()):
            if not self.over:
                interest[descriptor][1]()
        if not self.over:
            self.timers.run()

    def _obey(self, request: dict[str, Any], line: Packets, _descriptors: list[int]) -> None:
        match request.get("op"):
            case "wait":
                self.waiters.append(line)
            case "signal" | "annotate":
                self.about |= request.get("annotations", {})
                policy = restarting.policy(self.about)
                if policy.name == "no" or restarting.was_stopped(self.layout, self.id):
                    self.conclude()
                tell(line, {"ok": True})
            case "way":
                self._make_way(request["monitor"])
                tell(line, {"ok": True})
            case _:
                refusal = f"Container {self.id} is restarting, wait until it is running"
                tell(line, {"error": refusal})

    def _make_way(self, monitor: list[int]) -> None:
        """The lock is free as soon as we are gone."""
        self.over = True
        run = read_run(self.layout, self.id)
        write_state(self.layout, self.id, run | {"monitor": monitor})

    def _start(self) -> None:
        if restarting.was_stopped(self.layout, self.id):
            self.conclude()
        else:
            self.starter = os.pidfd_open(ending.spawn(self.layout, self.id, "revive"))

    def conclude(self) -> None:
        """It stays as it is: how it ended last is how it ended."""
        self.over = True
        ending.clean_run_dir(self.layout, self.id)
        if ended := read_exit(self.layout, self.id):
            for line in self.waiters:
                tell(line, {"exit": ended.code, "record": ended})
        ending.start_aftermath(self.layout, self.about, attended=False)
