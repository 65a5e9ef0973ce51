"""Every verb on containers: find the row, and hand it to the room that does the work."""

from __future__ import annotations

import os
from contextlib import suppress

from tuidock.engine.containers import bundle, life, records, view
from tuidock.engine.containers.create import STOP_SIGNAL, create, has_image
from tuidock.engine.containers.logverbs import LogVerbs
from tuidock.engine.containers.records import Record
from tuidock.engine.containers.start import start
from tuidock.engine.errors import ContainerNotFound, ImageNotFound, WrongStatus
from tuidock.engine.layout import Layout
from tuidock.engine.runtime import restarting
from tuidock.engine.runtime.client import Monitor
from tuidock.engine.runtime.state import read_state
from tuidock.engine.types import UP, Container, ContainerSpec, Limits, Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from typing import Any

    from tuidock.engine.anatomy import Anatomy, Living
    from tuidock.engine.debugging import Debug
    from tuidock.engine.filesystem import CommitSpec
    from tuidock.engine.images.service import Images
    from tuidock.engine.network.service import Network
    from tuidock.engine.network.usermode import UserNetwork
    from tuidock.engine.pruning import Pruned, PruneQuery
    from tuidock.engine.runtime.client import ExecLine, Line
    from tuidock.engine.types import (
        Bounds,
        ExecSpec,
        ExitRecord,
        History,
        Image,
        Process,
        RestartPolicy,
        Sample,
    )

_DEFAULT_STOP_SIGNAL = "SIGTERM"


class Containers(LogVerbs):
    """The containers of one root. A *key* is a name, an id or an unambiguous prefix of one."""

    def __init__(
        self,
        layout: Layout,
        db: sqlite3.Connection,
        images: Callable[[], Images],
        network: Callable[[], Network | UserNetwork],
    ) -> None:
        self.layout = layout
        self.db = db
        self._images = images
        self._network = network
        self._sampler: object = None

    def list(self) -> list[Container]:
        """All containers, newest first."""
        return view.containers(self.layout, self.db, records.everything(self.db))

    def get(self, key: str) -> Container:
        """One container. Raises ContainerNotFound."""
        return view.container(self.layout, self.db, self._find(key))

    def create(self, spec: ContainerSpec) -> Container:
        """Raises ImageNotFound, NameInUse, BadSpec."""
        record = create(self.layout, self.db, self._images().resolve(spec.image), spec)
        return view.container(self.layout, self.db, record)

    def start(self, key: str) -> None:
        """Raises RuntimeFailure, PortInUse, NetworkError."""
        start(self.layout, self._find(key), self._network, attach=False)

    def start_attached(self, key: str) -> Line:
        """Start, and be on the line from the first byte of output."""
        record = self._find(key)
        line = start(self.layout, record, self._network, attach=True)
        return line or Monitor(self.layout, record.id).attach()

    def stop(
        self,
        key: str,
        timeout: float | None = None,
        signal: str = "",
        by: str = restarting.PERSON,
    ) -> None:
        """`timeout` in seconds, negative for ever, None: the container's own; then its ports are
        free. Raises BadSpec."""
        record = self._find(key)
        patience = record.spec.stop_timeout if timeout is None else timeout
        life.stop(self.layout, record, signal or self._stop_signal(record), patience, by)
        with suppress(ContainerNotFound), bundle.locked(self.layout, record.id):  # `--rm`
            self._release(record)

    def _release(self, record: Record) -> None:
        """Free the endpoint of one that does not run; the caller holds the bundle's lock."""
        up = life.is_up(read_state(self.layout, record.id))
        if not up and records.has_endpoint(self.db, record.id):
            self._network().release(record.id)

    def restart(self, key: str, timeout: float | None = None, signal: str = "") -> None:
        """Stop, then start."""
        record = self._find(key)
        self.stop(record.id, timeout, signal, restarting.RESTART)
        try:
            self.start(record.id)
        except BaseException:
            restarting.forget_stop(self.layout, record.id)
            self.conclude(record.id)
            raise
        records.note(self.layout, record, "restart")

    def kill(self, key: str, signal: str = "KILL") -> None:
        """Raises WrongStatus, BadSpec."""
        life.kill(self.layout, self._find(key), signal)

    def pause(self, key: str) -> None:
        life.pause(self.layout, self._find(key))

    def unpause(self, key: str) -> None:
        life.unpause(self.layout, self._find(key))

    def wait(self, key: str) -> ExitRecord:
        """Blocks until it does not run."""
        return life.wait(self.layout, self._find(key))

    def update(
        self,
        key: str,
        changes: Limits,
        restart: RestartPolicy | None = None,
        *,
        keep: bool = True,
    ) -> Container:
        """Fields that are None stay; 0 takes a limit away. Raises BadSpec.

        Without `keep` until this run ends; raises WrongStatus when it does not run.
        """
        from tuidock.engine.containers.updating import update, update_for_now

        record = self._find(key)
        if keep:
            record = update(self.layout, self.db, record, changes, restart)
        else:
            update_for_now(self.layout, self.db, record, changes)
        return view.container(self.layout, self.db, record)

    def bounds(self, key: str) -> Bounds:
        """Which of its limits can be changed on this machine."""
        from tuidock.engine.cgroups.bounds import bounds
        from tuidock.engine.cgroups.cgroup import reach_cgroup

        return bounds(reach_cgroup(self.layout.tag, self._find(key).id))

    def remove(self, key: str, *, force: bool = False) -> None:
        """Raises WrongStatus when it runs and `force` is not given."""
        record = self._find(key)
        life.remove(self.layout, self.db, record, self._disconnect, force=force)
        if not has_image(self.db, record.image_id):  # it was removed by force, layers stayed
            self._images().collect()

    def rename(self, key: str, name: str) -> None:
        """Raises NameInUse, BadSpec."""
        from tuidock.engine.containers.renaming import rename

        rename(self.layout, self.db, self._find(key), name)

    def prune(self, query: PruneQuery) -> Pruned:
        """Remove those that do not run."""
        from tuidock.engine.containers.pruning import prune

        return prune(self.layout, self.list(), query, self.remove)

    def size(self, key: str) -> int:
        """Bytes of the files in its own layer."""
        from tuidock.engine.containers.pruning import disk_size

        return disk_size(self.layout, self._find(key).id)

    def conclude(self, key: str) -> None:
        """What is left to do when it has ended: free its endpoint, remove it if so promised.

        Harmless when done twice, by several, or on a container that was started again.
        """
        try:
            record = self._find(key)
            with bundle.locked(self.layout, record.id):
                if life.is_up(read_state(self.layout, record.id)):
                    return
                self._release(record)
            if record.spec.remove and not restarting.is_restart(self.layout, record.id):
                self.remove(record.id)
        except (ContainerNotFound, WrongStatus):  # somebody was faster
            return

    def revive(self, key: str) -> None:
        """Start one again that waits for it, as its policy says. Raises what `start` does."""
        try:
            record = self._find(key)
        except ContainerNotFound:  # removed meanwhile
            return
        before = read_state(self.layout, record.id)
        if before.status is not Status.RESTARTING:
            return
        start(self.layout, record, self._network, attach=False, before=before)
        if restarting.was_stopped(self.layout, record.id):  # meanwhile
            self.stop(record.id)

    def mount(self, key: str, directory: str = "") -> str:
        """Mount its root file system; where. See `mounting.mount`."""
        from tuidock.engine.containers import mounting

        return mounting.mount(self.layout, self._find(key), directory)

    def unmount(self, key: str) -> None:
        """Raises HostError while somebody uses it."""
        from tuidock.engine.containers import mounting

        mounting.unmount(self.layout, self._find(key).id)

    def attach(self, key: str) -> Line:
        """Raises WrongStatus when it does not run."""
        return Monitor(self.layout, self._running(key).id).attach()

    def debugger(self, key: str, asked: Debug) -> Container:
        """A container of tools in the namespaces of one that runs; created, not started.

        Raises WrongStatus, Unsupported, ImageNotFound.
        """
        from tuidock.engine.containers.annotations import annotate
        from tuidock.engine.debugging import debugger
        from tuidock.engine.linux.proc import pid_inside
        from tuidock.engine.runtime.lines import NEEDED

        it = self.get(self._running(key).id)
        image = asked.image or self._images().toolbox()
        made = self.create(debugger(it, asked._replace(image=image), pid_inside(it.pid)))
        with bundle.locked(self.layout, made.id):
            annotate(self.layout, made.id, {NEEDED: "yes"})
        return made

    def exec(self, key: str, spec: ExecSpec) -> ExecLine:
        """Run a further command. Raises RuntimeFailure, WrongStatus."""
        record, process = self._further(key, spec)
        line = Monitor(self.layout, record.id).exec(process)
        if not spec.stdin:
            line.close_input()
        return line

    def exec_detached(self, key: str, spec: ExecSpec) -> None:
        """As `exec`, for a command that nobody listens to: what it writes is lost."""
        record, process = self._further(key, spec._replace(stdin=False))
        nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        try:
            Monitor(self.layout, record.id).exec(process, (nothing,) * 3).close()
        finally:
            os.close(nothing)

    def _further(self, key: str, spec: ExecSpec) -> tuple[Record, dict[str, Any]]:
        from tuidock.engine.runtime.spec import exec_process

        record = self._running(key)
        return record, exec_process(bundle.read_config(self.layout, record.id), spec)

    def sample(self, keys: Sequence[str] = ()) -> Sequence[Sample]:
        """One sample of each running container asked for; of all without keys."""
        from tuidock.engine.metrics.sampler import Sampler

        if not isinstance(self._sampler, Sampler):
            self._sampler = Sampler(self.layout)
        wanted = [self._find(key).id for key in keys] if keys else records.ids(self.db)
        known = self._sampler.running()
        pids = [(each, known.get(each) or read_state(self.layout, each).pid) for each in wanted]
        return self._sampler.sample([(each, pid) for each, pid in pids if pid])

    def history(self, key: str, since: float = 0.0) -> History:
        """What it used, from its black box; running or not."""
        from tuidock.engine import journal
        from tuidock.engine.blackbox.reader import read

        container_id = self._find(key).id
        found = read(self.layout.samples(container_id), container_id, since)
        events = journal.of(self.layout, container_id, since)
        told = tuple(each for each in events if not each.action.startswith("exec_"))
        return found._replace(events=told)

    def top(self, key: str) -> Sequence[Process]:
        """Raises WrongStatus when it does not run."""
        from tuidock.engine.cgroups.cgroup import reach_cgroup
        from tuidock.engine.metrics.kin import Kin
        from tuidock.engine.metrics.processes import top

        record = self._up(key)
        cgroup = reach_cgroup(self.layout.tag, record.id)
        try:
            if cgroup.exists():
                return top(cgroup)
            return top(Kin(read_state(self.layout, record.id).pid))
        except (FileNotFoundError, ProcessLookupError) as error:  # it has just ended
            raise life.not_running(record) from error

    def signal(self, key: str, pid: int, name: str) -> None:
        """Send a signal to one process, by the pid of `top`. Raises NotFound, BadSpec."""
        number = life.signal_number(name)

        def members() -> set[int]:
            return {process.pid for process in self.top(key)}

        life.signal_process(self.layout, self._up(key), pid, number, members)

    def inspect(self, key: str) -> dict[str, object]:
        """Docker's inspect object."""
        from tuidock.engine.containers.inspection import inspect

        record = self._find(key)
        return inspect(
            self.layout,
            view.container(self.layout, self.db, record),
            bundle.read_config(self.layout, record.id),
            self._network().endpoint(record.id),
        )

    def anatomy(self, key: str) -> Anatomy:
        """How it was made, and of what."""
        from tuidock.engine.containers.anatomy import made

        record = self._find(key)
        try:
            layers = self._images().get(record.image_id).layers
        except ImageNotFound:  # removed by force
            layers = ()
        config = bundle.read_config(self.layout, record.id)
        histories = [layer.created_by for layer in layers]
        return made.anatomy(self.layout, self.db, record, config, histories)

    def living(self, key: str) -> Living:
        """What the kernel says of it now. Raises WrongStatus when it does not run."""
        from tuidock.engine.containers.anatomy.living import living

        record = self._up(key)
        pids = {
            each.name: read_state(self.layout, each.id).pid for each in records.everything(self.db)
        }
        pid = pids.pop(record.name)
        try:
            return living(self.layout, record.id, pid, {k: v for k, v in pids.items() if v})
        except ProcessLookupError as error:  # it has just ended
            raise life.not_running(record) from error

    def commit(self, key: str, asked: CommitSpec) -> Image:
        """Make an image of it. Raises BadSpec, BadReference, NotFound, StorageFull, HostError."""
        from tuidock.engine.containers.commit import commit

        return commit(self.layout, self._find(key), self._images(), asked)

    def alive(self) -> set[str]:
        """Ids of containers that run, or that somebody is just starting."""
        return {
            each.id
            for each in self.list()
            if each.status in UP or not bundle.is_free(self.layout.container(each.id))
        }

    def sweep(self) -> Sequence[str]:
        """Mend what a crash left half-made; what was done, a line each."""
        from tuidock.engine.containers.sweep import sweep

        return sweep(self.layout, self.db, self._disconnect)

    def _up(self, key: str) -> Record:
        """One that runs, paused or not."""
        record = self._find(key)
        if not life.is_up(read_state(self.layout, record.id)):
            raise life.not_running(record)
        return record

    def _running(self, key: str) -> Record:
        record = self._up(key)
        if read_state(self.layout, record.id).status is Status.PAUSED:
            raise WrongStatus(
                f"Container {record.name} is paused, unpause the container before exec",
                f"`tuidock unpause {record.name}`",
            )
        return record

    def _stop_signal(self, record: Record) -> str:
        annotations = bundle.read_config(self.layout, record.id).get("annotations") or {}
        assert isinstance(annotations, dict)
        of_image = annotations.get(STOP_SIGNAL)
        return record.spec.stop_signal or of_image or _DEFAULT_STOP_SIGNAL

    def _disconnect(self, container_id: str) -> None:
        self._network().disconnect(container_id)
