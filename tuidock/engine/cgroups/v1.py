"""The v1 driver: one hierarchy for each controller or pair of them.

Quirks it knows: memory must never exceed memory+swap, not even for a moment; a limit below
what is in use is refused with EBUSY; a new cpuset is empty and takes no process until filled.
"""

from __future__ import annotations

import errno
import os
import time

from tuidock.engine.cgroups.devices import settle
from tuidock.engine.cgroups.files import Changes, counter, read, write
from tuidock.engine.cgroups.group import FREEZE_SECONDS, Group, throttles
from tuidock.engine.cgroups.limits import PERIOD
from tuidock.engine.errors import HostError, Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tuidock.engine.cgroups.group import Part

UNLIMITED = (1 << 63) - 1

_THROTTLES = {
    f"throttle{way}{unit}Device": f"blkio.throttle.{way.lower()}_{unit.lower()}_device"
    for way in ("Read", "Write")
    for unit in ("Bps", "IOPS")
}

LIMIT = "memory.limit_in_bytes"
LIMIT_WITH_SWAP = "memory.memsw.limit_in_bytes"


class V1(Group):
    """A container's directory in one v1 hierarchy."""

    DOOR = "tasks"

    def prepare_parent(self) -> None:
        super().prepare_parent()
        if "cpuset" in self.hierarchy.controllers:
            _inherit_cpuset(self.hierarchy.base, self.parent)

    def make(self) -> None:
        super().make()
        if "cpuset" in self.hierarchy.controllers:
            _inherit_cpuset(self.parent, self.directory)

    def enter(self) -> None:
        """Move the calling process, which must have a single thread. Raises OSError.

        `0` in `tasks` means the caller itself and needs no system-wide lock; a pid in
        `cgroup.procs` waits for an RCU grace period: 10 ms against 0.02 ms, measured.
        """
        write(self.file(self.DOOR), "0")

    def _set_cpu(self, changes: Changes, cpu: Part) -> None:
        changes.set(self.file("cpu.shares"), str(cpu.get("shares") or 1024))
        period, quota = cpu.get("period") or PERIOD, cpu.get("quota") or -1
        changes.set(self.file("cpu.cfs_period_us"), str(period))
        changes.set(self.file("cpu.cfs_quota_us"), str(quota if quota > 0 else -1))

    def _set_cpuset(self, changes: Changes, cpu: Part) -> None:
        for name, key in (("cpuset.cpus", "cpus"), ("cpuset.mems", "mems")):
            changes.set(self.file(name), cpu.get(key) or read(f"{self.parent}/{name}"))

    def _set_io(self, changes: Changes, io: Part) -> None:
        name = "blkio.weight" if self.has("blkio.weight") else "blkio.bfq.weight"
        if self.has(name):
            default = 500 if name == "blkio.weight" else 100
            changes.set(self.file(name), str(io.get("weight") or default))
        elif io.get("weight"):
            raise Unsupported("this kernel has no I/O weight (no BFQ)", "leave out --blkio-weight")
        for key, rates in throttles(io).items():
            path = self.file(_THROTTLES[key])
            if rates or os.path.exists(path):
                changes.set_lines(path, rates, "0")

    def _set_devices(self, changes: Changes, devices: Part) -> None:
        """Permit before refusing, so that what was permitted and still is always is."""
        everything, exceptions = settle(devices["rules"])
        allow, deny = self.file("devices.allow"), self.file("devices.deny")
        wanted = {str(numbers): access for numbers, access in exceptions.items()}
        here = dict(line.rsplit(" ", 1) for line in read(self.file("devices.list")).splitlines())
        if everything:
            changes.write(allow, "a", (allow, "a"))
            here, allow, deny = {}, deny, allow
        elif "a *:*" in here:
            changes.write(deny, "a", (allow, "a"))
            here = {}
        for name, access in wanted.items():
            if more := "".join(access - set(here.get(name, ""))):
                changes.write(allow, f"{name} {more}", (deny, f"{name} {more}"))
        for name, had in here.items():
            if less := "".join(set(had) - wanted.get(name, frozenset())):
                changes.write(deny, f"{name} {less}", (allow, f"{name} {less}"))

    def _set_memory(self, changes: Changes, memory: Part) -> None:
        if memory.get("high"):
            raise Unsupported(
                "memory.high is of cgroup v2, and this machine's memory controller is v1's",
                "leave out --memory-high, or boot with systemd.unified_cgroup_hierarchy=1",
            )
        limit = memory.get("limit") or -1
        swap = memory.get("swap") or -1
        self._set_limit_and_swap(changes, limit, swap)
        reservation = memory.get("reservation") or -1
        changes.set(self.file("memory.soft_limit_in_bytes"), str(reservation))

    def _set_limit_and_swap(self, changes: Changes, limit: int, swap: int) -> None:
        """Keep memory <= memory+swap at every step: what rises, rises from above."""
        if not self.has(LIMIT_WITH_SWAP):
            # Docker's default of twice the limit is a wish; another value is an order.
            if swap > 0 and swap != 2 * limit:
                raise Unsupported("this kernel does not limit swap", "boot it with swapaccount=1")
            self._lower(changes, LIMIT, limit)
            return
        rising = _bytes(swap) >= int(read(self.file(LIMIT_WITH_SWAP)))
        names = ((LIMIT_WITH_SWAP, swap), (LIMIT, limit))
        for name, value in names if rising else names[::-1]:
            self._lower(changes, name, value)

    def _lower(self, changes: Changes, name: str, value: int) -> None:
        """Set a memory limit; below what is in use, act as `memory.max` of v2 does."""
        try:
            changes.set(self.file(name), str(value))
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            from tuidock.engine.cgroups.squeeze import squeeze

            squeeze(self.directory, name, value, changes)

    # --- freezer ---------------------------------------------------------------------------

    def freeze(self) -> None:
        """Stop every process. Raises HostError when one cannot be stopped in time."""
        write(self.file("freezer.state"), "FROZEN")
        deadline = time.monotonic() + FREEZE_SECONDS
        while read(self.file("freezer.state")) != "FROZEN":
            if time.monotonic() > deadline:
                self.thaw()
                raise HostError("a process does not let itself be frozen", "try again")
            time.sleep(0.002)
            # Processes that forked meanwhile are only caught by asking again.
            write(self.file("freezer.state"), "FROZEN")

    def thaw(self) -> None:
        write(self.file("freezer.state"), "THAWED")

    def frozen(self) -> bool:
        return read(self.file("freezer.state")) != "THAWED"

    # --- counters ---------------------------------------------------------------------------

    def oom_kills(self) -> int:
        return counter(self.file("memory.oom_control"), "oom_kill")

    def oom_alarm(self) -> int:
        """An eventfd that becomes readable when memory runs out, before anybody is killed."""
        control = os.open(self.file("memory.oom_control"), os.O_RDONLY | os.O_CLOEXEC)
        alarm = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        try:
            write(self.file("cgroup.event_control"), f"{alarm} {control}")
        except OSError:
            os.close(alarm)
            raise
        finally:
            os.close(control)
        return alarm

    def peak_memory(self) -> int:
        return int(read(self.file("memory.max_usage_in_bytes")))


def _bytes(value: int) -> int:
    return value if value > 0 else UNLIMITED


def _inherit_cpuset(source: str, target: str) -> None:
    for name in ("cpuset.cpus", "cpuset.mems"):
        if os.path.isdir(target) and not read(f"{target}/{name}"):
            write(f"{target}/{name}", read(f"{source}/{name}"))
