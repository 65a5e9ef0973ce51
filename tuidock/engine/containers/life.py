"""Verbs on a container that was started: stop, kill, pause, wait, remove."""

from __future__ import annotations

import errno
import os
import signal
import time

from tuidock.engine.containers import bundle, records
from tuidock.engine.containers.records import Record
from tuidock.engine.errors import (
    BadSpec,
    MonitorGone,
    NotFound,
    RuntimeFailure,
    Unsupported,
    WrongStatus,
)
from tuidock.engine.layout import Layout
from tuidock.engine.linux.files import remove_path
from tuidock.engine.runtime import restarting
from tuidock.engine.runtime.client import Monitor
from tuidock.engine.runtime.state import RunState, end_unseen, read_exit, read_state
from tuidock.engine.store import transaction
from tuidock.engine.types import UP, ExitRecord, Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Container

    from tuidock.engine.cgroups.cgroup import Cgroup

_ENDING = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
"""Signals by which a person means the end: no policy starts the container again."""

_CGROUP_GONE = (errno.ENOENT, errno.ENODEV)
"""Errors of a cgroup that its container has just left for good."""

_KILL_PATIENCE = 10.0
"""Seconds that the kernel gets to end a process that was sent SIGKILL."""


def signal_number(name: str) -> int:
    """`TERM`, `SIGTERM`, `15` or `RTMIN+3`. Raises BadSpec."""
    if name.isascii() and name.isdigit() and len(name) < 4 and 0 < int(name) < signal.NSIG:
        return int(name)
    base, plus, offset = name.upper().removeprefix("SIG").partition("+")
    number = getattr(signal, f"SIG{base}", None)
    if plus and number == signal.SIGRTMIN and offset.isascii() and offset.isdigit():
        number = signal.SIGRTMIN + int(offset)
        if number <= signal.SIGRTMAX:
            return number
    if plus or not isinstance(number, signal.Signals):
        raise BadSpec(f"Invalid signal: {name}", "a name such as TERM, or a number")
    return int(number)


def is_up(state: RunState) -> bool:
    return state.status in UP


def stop(
    layout: Layout,
    record: Record,
    stop_signal: str,
    timeout: float,
    by: str = restarting.PERSON,
) -> None:
    """Ask it to end, and kill it after `timeout` seconds, never when that is negative.

    No-op when it does not run. Raises BadSpec for a signal that there is not.
    """
    number = signal_number(stop_signal)
    restarting.remember_stop(layout, record.id, by)  # first: it may just wait to be restarted
    state = read_state(layout, record.id)
    if not is_up(state):
        return
    _send(layout, record, number)
    if state.status is Status.PAUSED:
        _thaw(layout, record)
    monitor = Monitor(layout, record.id)
    if monitor.wait(None if timeout < 0 else time.monotonic() + timeout) is None:
        _send(layout, record, signal.SIGKILL)
        if monitor.wait(time.monotonic() + _KILL_PATIENCE) is None:
            raise _immortal(f"Cannot stop container: {record.name}:")
    records.note(layout, record, "stop")


def _immortal(what: str) -> RuntimeFailure:
    """SIGKILL was sent, and the kernel does not end it: nothing here may wait for ever."""
    return RuntimeFailure(
        f"{what} tried to kill container, but did not receive an exit event",
        "a process of it sleeps in the kernel, perhaps on a file system that does not answer",
    )


def kill(layout: Layout, record: Record, name: str) -> None:
    """Send a signal. Raises WrongStatus when it does not run."""
    number = signal_number(name)
    state = read_state(layout, record.id)
    if not is_up(state):
        raise WrongStatus(
            f"Cannot kill container: {record.name}: Container {record.id} is not running"
        )
    if number in _ENDING:
        restarting.remember_stop(layout, record.id)
    _send(layout, record, number)
    if state.status is Status.PAUSED:  # else it would never take the signal
        _thaw(layout, record)


def signal_process(
    layout: Layout, record: Record, pid: int, number: int, members: Callable[[], Container[int]]
) -> None:
    """Send a signal to one process of it, and to nobody who was given its pid meanwhile.

    The pidfd is opened before the container is asked who is in it. Raises NotFound.
    """
    gone = NotFound(f"No such process in container {record.name}: {pid}", "it may have ended")
    try:
        pidfd = os.pidfd_open(pid)
    except (OSError, OverflowError) as error:
        raise gone from error
    try:
        if pid not in members():
            raise gone
        signal.pidfd_send_signal(pidfd, number)
    except ProcessLookupError:
        raise gone from None
    finally:
        os.close(pidfd)
    records.note(layout, record, "kill", {"signal": str(number), "pid": str(pid)})


def _send(layout: Layout, record: Record, number: int) -> None:
    try:
        Monitor(layout, record.id).signal(number)
    except MonitorGone:
        if is_up(read_state(layout, record.id)):
            raise
        return  # it has just ended by itself
    records.note(layout, record, "kill", {"signal": str(int(number))})


def _cgroup(layout: Layout, record: Record) -> Cgroup:
    from tuidock.engine.cgroups.cgroup import reach_cgroup  # `run` does not need it

    return reach_cgroup(layout.tag, record.id)


def _thaw(layout: Layout, record: Record) -> None:
    try:
        _cgroup(layout, record).thaw()
    except Unsupported:  # so it seems where the directory has gone
        if is_up(read_state(layout, record.id)):
            raise
        return  # it ended; on v2 a frozen process dies of SIGKILL as it is
    except OSError as error:
        if error.errno not in _CGROUP_GONE:
            raise
        return
    records.note(layout, record, "unpause")


def pause(layout: Layout, record: Record) -> None:
    """Freeze it. Raises WrongStatus."""
    state = read_state(layout, record.id)
    if state.status is Status.PAUSED:
        raise WrongStatus(f"Container {record.name} is already paused")
    _need_running(record, state)
    try:
        _cgroup(layout, record).freeze()
    except OSError as error:
        if error.errno in _CGROUP_GONE:
            raise not_running(record) from error
        raise
    records.note(layout, record, "pause")


def unpause(layout: Layout, record: Record) -> None:
    """Let it go on. Raises WrongStatus."""
    if read_state(layout, record.id).status is not Status.PAUSED:
        raise WrongStatus(f"Container {record.name} is not paused")
    _thaw(layout, record)


def _need_running(record: Record, state: RunState) -> None:
    if state.status is not Status.RUNNING:
        raise not_running(record)


def not_running(record: Record) -> WrongStatus:
    """Why a verb cannot be obeyed."""
    return WrongStatus(
        f"Container {record.name} is not running",
        f"start it with `tuidock start {record.name}`",
    )


def wait(layout: Layout, record: Record) -> ExitRecord:
    """Block until it does not run. One that never ran counts as ended with code 0."""
    state = read_state(layout, record.id)
    if is_up(state) and (ended := Monitor(layout, record.id).wait(None)):
        return ended
    return state.exit or ExitRecord(0, 0, False, record.created)


def remove(
    layout: Layout,
    db: sqlite3.Connection,
    record: Record,
    disconnect: Callable[[str], object],
    *,
    force: bool,
) -> None:
    """Delete a container and all that is its own; `force` also ends it, and copies from and to it.

    Raises WrongStatus when it runs, unforced.
    """
    with bundle.locked(layout, record.id, _evictor(layout, record.id) if force else None):
        state = read_state(layout, record.id)
        if is_up(state):
            _end(layout, record, state, force=force)
        with transaction(db):
            records.mark_removing(db, record.id)
        from tuidock.engine.containers import remains

        remains.keep(layout, record)
        erase(layout, db, record.id, disconnect)
    records.note(layout, record, "destroy")


def _evictor(layout: Layout, container_id: str) -> Callable[[], object]:
    def turn_out() -> None:
        from tuidock.engine.containers.files import eviction  # hardly ever

        eviction.turn_out(layout, container_id)

    return turn_out


def _end(layout: Layout, record: Record, state: RunState, *, force: bool) -> None:
    if not force:
        raise WrongStatus(
            f'cannot remove container "{record.name}": container is {state.status}: '
            "stop the container before removing or force remove",
            f"`tuidock rm -f {record.name}` does both",
        )
    try:
        kill(layout, record, "KILL")
    except WrongStatus:  # it has just ended by itself
        return
    if Monitor(layout, record.id).wait(time.monotonic() + _KILL_PATIENCE) is None:
        raise _immortal(f"Could not kill running container {record.name}, cannot remove -")


def end_what_lives(layout: Layout, container_id: str) -> None:
    """Of a run whose end nobody saw; no-op when nothing does."""
    end_unseen(layout, container_id)
    remove_cgroup(layout, container_id)


def remove_cgroup(layout: Layout, container_id: str) -> None:
    """End what is in a container's cgroup, and remove it; no-op without one."""
    from tuidock.engine.cgroups.cgroup import reach_cgroup

    cgroup = reach_cgroup(layout.tag, container_id)
    if cgroup.exists():
        cgroup.kill()
        cgroup.remove()


def erase(
    layout: Layout, db: sqlite3.Connection, container_id: str, disconnect: Callable[[str], object]
) -> None:
    """The second half of a removal; may be done again after a crash at any point of it."""
    if records.has_endpoint(db, container_id):
        disconnect(container_id)
    if bundle.may_be_mounted(layout, container_id):
        from tuidock.engine.containers import mounting  # hardly ever

        mounting.unmount(layout, container_id)
    with bundle.unwatched(layout, container_id) as abandoned:
        if abandoned or read_exit(layout, container_id) is None:  # no monitor lived to clean up
            end_what_lives(layout, container_id)
        for path in (layout.run(container_id), layout.container(container_id)):
            remove_path(path)
    records.delete(db, container_id)
