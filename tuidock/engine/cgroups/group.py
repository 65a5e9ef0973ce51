"""One container's directory in one hierarchy: made, entered, listed and removed.

What is common to v1 and v2; the drivers of the two add files and formats.
"""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress

from tuidock.engine.cgroups.files import Changes, read, write
from tuidock.engine.errors import HostError
from tuidock.engine.linux import ledger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from tuidock.engine.cgroups.hierarchies import Hierarchy

    Part = Mapping[str, Any]
    """One controller's part of the OCI `linux.resources`."""

FREEZE_SECONDS = 5.0
RETRIES = 20
"""How often a parent may be removed under our hands by another client before we give up."""


class Group:
    """The directory `base/parent/name` of one hierarchy."""

    DOOR: str
    """The file that lets a process in that writes `0` to it."""

    def __init__(self, hierarchy: Hierarchy, parent: str, name: str) -> None:
        self.hierarchy = hierarchy
        self.parent = f"{hierarchy.base}/{parent}"
        self.directory = f"{self.parent}/{name}"

    def file(self, name: str) -> str:
        return f"{self.directory}/{name}"

    def has(self, name: str) -> bool:
        """Whether this kernel offers that file here."""
        return os.path.exists(self.file(name))

    def exists(self) -> bool:
        return os.path.isdir(self.directory)

    def prepare_parent(self) -> None:
        """Make the parent ready to have children; called before each attempt to make one."""
        if not os.path.isdir(self.parent):
            with suppress(FileExistsError):
                make_directory(self.parent)

    def make(self) -> None:
        """Make the directory, fresh: counters of an earlier life are not inherited.

        Raises HostError while processes live in one of that name, else OSError.
        """
        for attempt in range(RETRIES):
            try:
                self.prepare_parent()
                make_directory(self.directory)
                return
            except FileExistsError:
                self._clear()
            except OSError as error:
                # The last container of our root took the parent with it, between two lines.
                # ENOENT: gone; ENODEV: dying.
                vanished = error.errno in (errno.ENOENT, errno.ENODEV)
                if not vanished or attempt == RETRIES - 1:
                    self.remove_parent()
                    raise

    def _clear(self) -> None:
        try:
            remove_tree(self.directory)
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            raise HostError(
                f"cgroup {self.directory} is still in use by processes {self.pids()[:5]}",
                "`tuidock system check` ends what an earlier crash left",
            ) from error

    def enter(self) -> None:
        """Move the calling process. Raises OSError."""
        raise NotImplementedError

    def add(self, pid: int) -> None:
        """Move a whole process here. Raises OSError (ESRCH when it is gone)."""
        write(self.file("cgroup.procs"), str(pid))

    def pids(self) -> list[int]:
        """Processes here and below, as this pid namespace numbers them."""
        found: list[int] = []
        for directory in subtree(self.directory):
            try:
                found += [int(line) for line in read(f"{directory}/cgroup.procs").split()]
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ENODEV):
                    raise
        # 0 stands for a process that this pid namespace cannot see.
        return [pid for pid in found if pid]

    def remove(self, deadline: float) -> None:
        """Remove the directory, trying again until `deadline` (CLOCK_MONOTONIC seconds).

        Dead processes leave their cgroup a moment after they were reaped. Raises OSError.
        """
        pause = 0.0005
        while True:
            try:
                remove_tree(self.directory)
                return
            except OSError as error:
                if error.errno != errno.EBUSY or time.monotonic() > deadline:
                    raise
            time.sleep(pause)
            pause = min(pause * 2, 0.05)

    def remove_parent(self) -> None:
        """Remove the parent unless another container lives in it. Raises OSError."""
        try:
            os.rmdir(self.parent)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.EBUSY, errno.ENOTEMPTY):
                raise

    def set(self, controller: str, changes: Changes, part: Part) -> None:
        """Set the limits of a controller that lives here. Raises OSError, Unsupported."""
        setters: dict[str, Callable[[Changes, Part], None]] = {
            "cpu": self._set_cpu,
            "cpuset": self._set_cpuset,
            "devices": self._set_devices,
            "io": self._set_io,
            "memory": self._set_memory,
            "pids": self._set_pids,
        }
        setters[controller](changes, part)

    def _set_cpu(self, changes: Changes, cpu: Part) -> None:
        raise NotImplementedError

    def _set_cpuset(self, changes: Changes, cpu: Part) -> None:
        raise NotImplementedError

    def _set_devices(self, changes: Changes, devices: Part) -> None:
        raise NotImplementedError

    def _set_io(self, changes: Changes, io: Part) -> None:
        raise NotImplementedError

    def _set_memory(self, changes: Changes, memory: Part) -> None:
        raise NotImplementedError

    def _set_pids(self, changes: Changes, pids: Part) -> None:
        limit = pids.get("limit") or 0
        changes.set(self.file("pids.max"), str(limit) if limit > 0 else "max")


def throttles(io: Part) -> dict[str, dict[str, str]]:
    """Rates by device (`8:0`) for each of OCI's four lists in `blockIO`."""
    return {
        key: {f"{each['major']}:{each['minor']}": str(each["rate"]) for each in io.get(key) or ()}
        for key in (
            "throttleReadBpsDevice",
            "throttleWriteBpsDevice",
            "throttleReadIOPSDevice",
            "throttleWriteIOPSDevice",
        )
    }


def make_directory(path: str) -> None:
    """Make a cgroup that everybody may enter, whatever our umask. Raises OSError.

    The container's root must reach its cgroup to mount it as its own: Linux 6.1, other than
    6.18, asks of each directory on the way whether the user that it is outside may search it.
    """
    os.mkdir(path)
    os.chmod(path, 0o755)
    ledger.note("mkdir", path)


def subtree(directory: str) -> list[str]:
    """The directory and all below it, children after parents; empty when it is gone."""
    found = [directory] if os.path.isdir(directory) else []
    for path in found:
        try:
            with os.scandir(path) as entries:
                found += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        except FileNotFoundError:
            continue
    return found


def remove_tree(directory: str) -> None:
    """Remove a cgroup with those that a privileged container made in it. Raises OSError."""
    for path in reversed(subtree(directory)):
        try:
            os.rmdir(path)
        except FileNotFoundError:
            continue
