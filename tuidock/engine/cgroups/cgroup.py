"""One container's cgroup, whichever hierarchies its controllers live in.

Invariant: after `create` or `apply` all limits asked for are in force, or none of the change is.
"""

from __future__ import annotations

import errno
import os
import signal
import time

from tuidock.engine.cgroups.devices import EVERYTHING, settle
from tuidock.engine.cgroups.files import Changes
from tuidock.engine.cgroups.hierarchies import delegated, find
from tuidock.engine.cgroups.parts import REFUSALS, lacking, parts, refused
from tuidock.engine.cgroups.v1 import V1
from tuidock.engine.cgroups.v2 import V2
from tuidock.engine.errors import BadSpec, HostError, Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from tuidock.engine.cgroups.group import Group, Part
    from tuidock.engine.cgroups.hierarchies import Hierarchy

    Resources = Mapping[str, Any]
    """OCI runtime-spec `linux.resources`."""

_NO_FREEZER = "no cgroup freezer may be used here"
KILL_SECONDS = 5.0
REMOVE_SECONDS = 5.0
_NOT_GUARDED = (errno.EPERM, errno.EACCES, errno.EINVAL, errno.ENOSYS)
"""Not allowed to us, or, EINVAL and ENOSYS, a kernel without such programs."""
NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


def open_cgroup(tag: str, container_id: str) -> Cgroup:
    """The cgroup `/tuidock-TAG/ID` on this host; nothing is made yet.

    Raises BadSpec for a name that could reach elsewhere, OSError without /proc.
    """
    _check(tag, container_id)
    return Cgroup(find(), f"tuidock-{tag}", container_id)


def reach_cgroup(tag: str, container_id: str) -> Cgroup:
    """The same cgroup for whoever only looks after it, also where we could not have made it.

    An ordinary user may have started the container from a delegated scope and ask from a login
    session: it is to be paused there too. Raises as `open_cgroup`.
    """
    _check(tag, container_id)
    path = f"tuidock-{tag}/{container_id}"
    there = [each for each in delegated() if os.path.isdir(f"{each.base}/{path}")]
    usable = [each for each in find() if not (there and each.unified)]
    return Cgroup([*usable, *there], f"tuidock-{tag}", container_id)


def _check(*names: str) -> None:
    for name in names:
        if not name or not NAME.issuperset(name):
            raise BadSpec(f"{name!r} cannot name a cgroup")


def names(tag: str) -> set[str]:
    """Ids of the containers that have a directory below `/tuidock-TAG` in some hierarchy."""
    found = set()
    for hierarchy in (*find(), *delegated()):
        try:
            with os.scandir(f"{hierarchy.base}/tuidock-{tag}") as entries:
                found |= {each.name for each in entries if each.is_dir(follow_symlinks=False)}
        except FileNotFoundError:
            continue
    return found


class Cgroup:
    """Limits, members and counters of one container.

    On a host where no cgroup may be made at all, containers run without: nothing is created,
    counters are 0, and whatever needs a cgroup raises Unsupported.
    """

    def __init__(self, hierarchies: Sequence[Hierarchy], parent: str, name: str) -> None:
        self._v1 = [V1(each, parent, name) for each in hierarchies if not each.unified]
        self._v2 = [V2(each, parent, name) for each in hierarchies if each.unified]
        self._groups: list[Group] = [*self._v1, *self._v2]
        self._homes = {
            controller: group
            for group in self._groups
            for controller in group.hierarchy.controllers
        }
        for unified in self._v2:  # a program, no controller: it needs nothing passed down
            self._homes.setdefault("devices", unified)
        self.guards_devices = False
        """Whether the last `create` or `apply` could enforce the rules about devices."""

    # --- birth and death ---------------------------------------------------------------------

    def create(self, resources: Resources) -> None:
        """Make the cgroup and set its limits, before any process is in it.

        Raises BadSpec and Unsupported as `apply`, HostError when a cgroup cannot be made;
        nothing is left behind then.
        """
        made: list[Group] = []
        try:
            for group in self._groups:
                group.make()
                made.append(group)
            self.apply(resources)
        except OSError as error:
            _discard(made)
            where = f"{error.filename}: {error.strerror}"
            raise HostError(f"cannot make the cgroup: {where}") from error
        except BaseException:
            _discard(made)
            raise

    def remove(self) -> None:
        """Remove the cgroup, which must be empty of processes or become so soon, and empty parents.

        Raises OSError EBUSY after five seconds.
        """
        _remove(self._groups)

    def exists(self) -> bool:
        """Whether any directory of it is there."""
        return any(group.exists() for group in self._groups)

    # --- limits ------------------------------------------------------------------------------

    def apply(self, resources: Resources) -> None:
        """Put exactly these limits in force, at once: what `resources` leaves out is unlimited.

        A memory limit below what is in use takes effect as `memory.max` does on v2, on v1 too:
        the kernel reclaims, and kills by OOM what does not fit. A container that ends by that is
        no error. Rules about devices are the exception: left out, they stay as they are, and
        `guards_devices` tells whether they could be enforced. Raises BadSpec with the reason when
        the kernel refuses a value, Unsupported when a limit needs a controller that we do not
        have; the old limits are then back.
        """
        changes = Changes()
        try:
            for controller, part in parts(resources):
                self._set(changes, controller, part)
            if "devices" in resources:
                self._guard_devices(resources["devices"])
        except BaseException as error:
            if isinstance(error, OSError) and _gone(error) and not self._populated():
                return
            changes.undo()
            raise

    def _set(self, changes: Changes, controller: str, part: Part) -> None:
        group = self._homes.get(controller)
        if group is None:
            if any(value and value != -1 for value in part.values()):
                raise lacking(controller)
            return
        try:
            group.set(controller, changes, part)
        except OSError as error:
            if error.errno == errno.ENOENT and group.exists():
                # v2: the directory is there, the controller was not passed down to it.
                if any(value and value != -1 for value in part.values()):
                    raise lacking(controller) from error
            elif error.errno in REFUSALS or (error.errno == errno.ENODEV and group.exists()):
                raise refused(error, part) from error
            else:
                raise

    def _guard_devices(self, rules: Sequence[Part]) -> None:
        """Last of all, as it cannot be undone together with the rest.

        Where this user may not, or the kernel cannot, the rules are not enforced and whoever
        needs them must look at `guards_devices`: an own user namespace makes up for them.
        """
        group = self._homes.get("devices")
        if group is None:
            return
        changes = Changes()
        try:
            group.set("devices", changes, {"rules": rules})
            self.guards_devices = True
        except OSError as error:
            changes.undo()
            if error.errno not in _NOT_GUARDED:
                raise
            self.guards_devices = settle(rules) == EVERYTHING

    def _populated(self) -> bool:
        return self.exists() and bool(self.pids())

    # --- members -----------------------------------------------------------------------------

    def add(self, pid: int) -> None:
        """Move a process here, all threads of it. Raises OSError (ESRCH when it is gone).

        Costs up to 10 ms, because the kernel stops every fork on the machine for it; a process
        that can should come by itself, see `enter`.
        """
        for group in self._groups:
            group.add(pid)

    def enter(self) -> None:
        """Move the calling process, which must have only one thread, in well under 1 ms.

        Raises OSError.
        """
        for group in self._groups:
            group.enter()

    def doors(self, *, cloned: bool) -> list[str]:
        """Files by which a process with one thread enters, writing `0` to each.

        `cloned`: clone3 with `fd_for_clone()` has put it into the v2 part already.
        """
        groups = self._v1 if cloned else self._groups
        return [group.file(group.DOOR) for group in groups]

    def fd_for_clone(self) -> int | None:
        """A new descriptor for clone3's CLONE_INTO_CGROUP, the caller's to close; None without v2.

        Raises OSError.
        """
        if not self._v2:
            return None
        return os.open(self._v2[0].directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def pids(self) -> list[int]:
        """Every process in it, in no order; empty when it is gone."""
        return self._members().pids() if self._groups else []

    def _members(self) -> Group:
        """The hierarchy that is asked who is in: v2, else the one that can also freeze."""
        best = [*self._v2, self._homes.get("freezer"), *self._groups]
        # After a crash in the middle of `create` or `remove`, some may be missing.
        return next((each for each in best if each and each.exists()), self._groups[0])

    # --- freezing and killing ------------------------------------------------------------------

    def freeze(self) -> None:
        """Stop every process where it is. Raises HostError, Unsupported, OSError when gone."""
        self._freezer().freeze()

    def thaw(self) -> None:
        """Let them go on. Raises Unsupported, OSError when the cgroup is gone."""
        self._freezer().thaw()

    def frozen(self) -> bool:
        """Whether `freeze` is in force; False without a freezer or when the cgroup is gone."""
        try:
            return self._freezer().frozen()
        except (Unsupported, FileNotFoundError):
            return False

    def _freezer(self) -> V1 | V2:
        """Raises Unsupported where there is none; v2's is missing before Linux 5.2."""
        v1 = [each for each in self._v1 if "freezer" in each.hierarchy.controllers]
        freezers: list[V1 | V2] = [*self._v2, *v1]
        for each in freezers:
            if each.has("cgroup.freeze") or each.has("freezer.state"):
                return each
        if freezers and not self.exists():
            return freezers[0]
        raise Unsupported(_NO_FREEZER, "pausing needs one, v2's or v1's: see `tuidock doctor`")

    def kill(self, seconds: float = KILL_SECONDS) -> list[int]:
        """SIGKILL every process, forks in flight too, and wait for the end of them.

        Returns who is still there after `seconds` (a process in uninterruptible sleep).
        """
        deadline = time.monotonic() + seconds
        pause = 0.0005
        while self._populated():
            self._kill_once()
            if not (left := self.pids()) or time.monotonic() > deadline:
                return left
            time.sleep(pause)
            pause = min(pause * 2, 0.02)
        return []

    def _kill_once(self) -> None:
        try:
            if self._v2 and self._v2[0].has("cgroup.kill"):
                self._v2[0].kill()
            else:
                self._kill_frozen()
        except FileNotFoundError:
            # Removed by another client meanwhile: nobody was left in it.
            return

    def _kill_frozen(self) -> None:
        """Frozen, nobody forks past the list, and no pid in it is used anew."""
        try:
            self.freeze()
        except (Unsupported, HostError):
            # Without a freezer the caller's loop has to outrun them.
            _kill_all(self.pids())
            return
        try:
            _kill_all(self.pids())
        finally:
            self.thaw()

    # --- counters and files --------------------------------------------------------------------

    def oom_kills(self) -> int:
        """Processes that the kernel killed because of the memory limit; 0 when gone."""
        group = self._homes.get("memory")
        return _or_zero(group.oom_kills) if isinstance(group, (V1, V2)) else 0

    def oom_alarm(self) -> int:
        """A new descriptor that polls when memory runs out: a file of v2's by POLLPRI, an eventfd
        by POLLIN. -1 where nobody tells.
        """
        group = self._homes.get("memory")
        if not isinstance(group, (V1, V2)):
            return -1
        try:
            return group.oom_alarm()
        except OSError as error:
            if _gone(error) or error.errno in (errno.EACCES, errno.EINVAL, errno.EPERM):
                return -1
            raise

    def peak_memory(self) -> int:
        """Most memory ever in use, bytes, with cache; 0 when gone or not told."""
        group = self._homes.get("memory")
        return _or_zero(group.peak_memory) if isinstance(group, (V1, V2)) else 0

    def path(self, controller: str) -> str | None:
        """Directory in the hierarchy of a controller, named as v2 does (`io`); None without it.

        `cgroup` asks for the v2 directory, also where it has no controllers.
        """
        if controller == "cgroup":
            return self._v2[0].directory if self._v2 else None
        group = self._homes.get(controller)
        return group.directory if group else None

    def directories(self) -> list[tuple[str, int]]:
        """(directory, version of cgroups) in each hierarchy, as far as it is there."""
        return [
            (group.directory, 2 if group.hierarchy.unified else 1)
            for group in self._groups
            if group.exists()
        ]

    def version(self, controller: str) -> int:
        """1 or 2, or 0 where the controller is missing."""
        group = self._homes.get(controller)
        return 0 if group is None else 2 if group.hierarchy.unified else 1


def _gone(error: OSError) -> bool:
    return error.errno in (errno.ENOENT, errno.ENODEV)


def _remove(groups: Sequence[Group]) -> None:
    """All that can be; what keeps one keeps no other. Raises the first OSError."""
    deadline = time.monotonic() + REMOVE_SECONDS
    failed: OSError | None = None
    for group in groups:
        try:
            group.remove(deadline)
            group.remove_parent()
        except OSError as error:
            failed = failed or error
    if failed:
        raise failed


def _discard(groups: Sequence[Group]) -> None:
    """Remove what was made in vain; the error that brought us here is the one to report."""
    try:
        _remove(groups)
    except OSError:
        return


def _or_zero(count: Any) -> int:
    try:
        return int(count())
    except OSError as error:
        if not _gone(error):
            raise
        return 0


def _kill_all(pids: list[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
