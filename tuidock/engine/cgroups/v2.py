"""The v2 driver: all controllers in one tree.

Quirks it knows: a controller exists in a cgroup only after every ancestor has passed it down,
and an ancestor (but the real root) that passes one down may not hold processes itself.
"""

from __future__ import annotations

import errno
import os
import time

from tuidock.engine.cgroups.devices import program as device_program
from tuidock.engine.cgroups.devices import settle
from tuidock.engine.cgroups.files import Changes, counter, read, write
from tuidock.engine.cgroups.group import FREEZE_SECONDS, Group, throttles
from tuidock.engine.cgroups.hierarchies import is_real_root
from tuidock.engine.cgroups.limits import PERIOD
from tuidock.engine.errors import HostError, Unsupported
from tuidock.engine.linux import ledger
from tuidock.engine.linux.bpf import attach_device_program, load_device_program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from tuidock.engine.cgroups.group import Part

LEAF = "tuidock-clients"
"""Where processes of a delegated cgroup go, so that it may pass its controllers down."""
_NOT_PASSED_DOWN = (errno.EBUSY, errno.EINVAL, errno.ENOENT, errno.EACCES, errno.EOPNOTSUPP)
"""EINVAL: real-time processes (cpu); ENOENT, EACCES: we have it not; EOPNOTSUPP: threads only."""


class V2(Group):
    """A container's directory in the v2 tree."""

    DOOR = "cgroup.procs"

    def prepare_parent(self) -> None:
        super().prepare_parent()
        self._pass_down(self.hierarchy.base)
        self._pass_down(self.parent)

    def _pass_down(self, directory: str) -> None:
        """Enable our controllers for the children of `directory`, as far as it lets us.

        What it does not, the container lacks; a limit that needs it is refused by name.
        """
        enabled = read(f"{directory}/cgroup.subtree_control").split()
        missing = [name for name in self.hierarchy.controllers if name not in enabled]
        if missing and not is_real_root(directory):
            # Before the first one: `cpu` would come down beside processes, but make a thread
            # root of it, which then passes down no `memory` and lets no process into children.
            self._vacate(directory)
        for name in missing:
            if not self._enable(directory, name):
                self._vacate(directory)
                self._enable(directory, name)

    def _enable(self, directory: str, controller: str) -> bool:
        """False when processes are in the way."""
        try:
            write(f"{directory}/cgroup.subtree_control", f"+{controller}")
        except OSError as error:
            if error.errno == errno.EBUSY and not is_real_root(directory):
                return False
            if error.errno not in _NOT_PASSED_DOWN:
                raise
        return True

    def _vacate(self, directory: str) -> None:
        """Move the processes of a delegated cgroup into a leaf of it."""
        leaf = f"{directory}/{LEAF}"
        for pid in read(f"{directory}/cgroup.procs").split():
            os.makedirs(leaf, exist_ok=True)
            try:
                write(f"{leaf}/cgroup.procs", pid)
            except ProcessLookupError:
                continue

    def enter(self) -> None:
        """Move the calling process. Raises OSError."""
        write(self.file(self.DOOR), "0")

    def _set_cpu(self, changes: Changes, cpu: Part) -> None:
        period, quota = cpu.get("period") or PERIOD, cpu.get("quota") or -1
        changes.set(self.file("cpu.max"), f"{quota if quota > 0 else 'max'} {period}")
        changes.set(self.file("cpu.weight"), str(cpu_weight(cpu.get("shares") or 1024)))

    def _set_cpuset(self, changes: Changes, cpu: Part) -> None:
        changes.set(self.file("cpuset.cpus"), cpu.get("cpus") or "")
        changes.set(self.file("cpuset.mems"), cpu.get("mems") or "")

    def _set_devices(self, changes: Changes, devices: Part) -> None:
        """The program that was attached before, if any, is exchanged in one step."""
        permitted = settle(devices["rules"])
        program = load_device_program(device_program(permitted))
        directory = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            attach_device_program(directory, program)
            ledger.note("bpf", self.directory)
        finally:
            os.close(directory)
            os.close(program)

    def _set_io(self, changes: Changes, io: Part) -> None:
        weight = io.get("weight")
        if self.has("io.bfq.weight"):
            changes.set(self.file("io.bfq.weight"), f"default {weight or 100}")
        elif self.has("io.weight"):
            changes.set(self.file("io.weight"), f"default {io_weight(weight) if weight else 100}")
        elif weight:
            raise Unsupported("this kernel has no I/O weight", "leave out --blkio-weight")
        wanted: dict[str, dict[str, str]] = {}
        for key, rates in throttles(io).items():
            for device, rate in rates.items():
                wanted.setdefault(device, {})[_THROTTLES[key]] = rate
        if wanted or self.has("io.max"):
            lines = {device: _io_max(rates) for device, rates in wanted.items()}
            changes.set_lines(self.file("io.max"), lines, _io_max({}))

    def _set_memory(self, changes: Changes, memory: Part) -> None:
        """Swap before memory, so that a container over its new limit is killed, not swapped out."""
        limit, swap = memory.get("limit") or -1, memory.get("swap") or -1
        if self.has("memory.swap.max"):
            value = str(max(swap - max(limit, 0), 0)) if swap > 0 else "max"
            changes.set(self.file("memory.swap.max"), value)
        elif swap > 0 and swap != 2 * limit:
            raise Unsupported("this kernel does not limit swap", "boot it with swapaccount=1")
        reservation = memory.get("reservation") or 0
        changes.set(self.file("memory.low"), str(max(reservation, 0)))
        changes.set(self.file("memory.high"), memory.get("high") or "max")
        changes.set(self.file("memory.max"), str(limit) if limit > 0 else "max")

    # --- freezing and killing -----------------------------------------------------------------

    def freeze(self) -> None:
        """Stop every process. Raises HostError when one cannot be stopped in time."""
        write(self.file("cgroup.freeze"), "1")
        deadline = time.monotonic() + FREEZE_SECONDS
        while not counter(self.file("cgroup.events"), "frozen"):
            if time.monotonic() > deadline:
                self.thaw()
                raise HostError("a process does not let itself be frozen", "try again")
            time.sleep(0.002)

    def thaw(self) -> None:
        write(self.file("cgroup.freeze"), "0")

    def frozen(self) -> bool:
        return read(self.file("cgroup.freeze")) == "1"

    def kill(self) -> None:
        """SIGKILL every process at once, also those that are being forked (Linux 5.14)."""
        write(self.file("cgroup.kill"), "1")

    # --- counters -------------------------------------------------------------------------------

    def oom_kills(self) -> int:
        return counter(self.file("memory.events"), "oom_kill")

    def oom_alarm(self) -> int:
        """A file that polls POLLPRI when somebody was killed, among other things."""
        return os.open(self.file("memory.events"), os.O_RDONLY | os.O_CLOEXEC)

    def peak_memory(self) -> int:
        """Bytes; 0 before Linux 5.19, which first told."""
        return int(read(self.file("memory.peak"))) if self.has("memory.peak") else 0


_THROTTLES = {
    "throttleReadBpsDevice": "rbps",
    "throttleWriteBpsDevice": "wbps",
    "throttleReadIOPSDevice": "riops",
    "throttleWriteIOPSDevice": "wiops",
}


def _io_max(rates: Mapping[str, str]) -> str:
    """A device's line in io.max, in the kernel's own order."""
    return " ".join(f"{name}={rates.get(name, 'max')}" for name in _THROTTLES.values())


def cpu_weight(shares: int) -> int:
    """cpu.weight for v1 shares: 2 -> 1, 1024 -> 100, 262144 -> 10000.

    A parabola through the three points on a logarithmic scale, so that the default of one
    stays the default of the other; the OCI runtimes settled on the same one in 2025.
    """
    if shares <= 2:
        return 1
    if shares >= 262144:
        return 10000
    from math import ceil, log2

    power = log2(shares)
    return ceil(10 ** ((power * power + 125 * power) / 612 - 7 / 34))


def io_weight(weight: int) -> int:
    """io.weight (1 to 10000) for a blkio weight (10 to 1000), linearly, as OCI says."""
    return 1 + (weight - 10) * 9999 // 990
