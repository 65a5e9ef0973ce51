"""What a container is doing, derived from what its monitor wrote and what the kernel says.

Invariant: a status is never stored and believed; a pid counts only together with its start
time and the id of the boot it was born in.
"""

from __future__ import annotations

import errno
import json
import os
import time

from tuidock.engine.linux.files import replace
from tuidock.engine.linux.proc import boot_id, kill_exactly, start_time
from tuidock.engine.named import NamedTuple
from tuidock.engine.types import UP, ExitRecord, Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tuidock.engine.layout import Layout


class RunState(NamedTuple):
    """The present of one container."""

    status: Status
    pid: int = 0
    started: float = 0.0
    exit: ExitRecord | None = None
    """How it ended, when it is not running."""
    restarts: int = 0
    pause: float = 0.0
    """Seconds that were waited before its policy started it the last time."""


_BOOT = boot_id()
_TICK = os.sysconf("SC_CLK_TCK")
_BEGUN = ("started", "boot_id", "restarts", "pid", "starttime")
_TOLERANCE = 5.0
"""Seconds between the birth of a process and the note of its start: the network takes some."""


def read_state(layout: Layout, container_id: str) -> RunState:
    """Cheap enough for every row of `ps`: two small files, no process asked.

    What seems to have ended is read again: between two runs one monitor hands over to the next.
    """
    path = f"{layout.run(container_id)}/state.json"
    state = _read(path)
    while True:
        judged = _judged(layout, container_id, state)
        if state is None or judged.status in UP or (now := _read(path)) == state:
            return judged
        state = now


def _judged(layout: Layout, container_id: str, state: dict[str, Any] | None) -> RunState:
    if state and _alive(state, state["pid"], state["starttime"]):
        return _present(state)
    watched = state is not None and _watched(state)
    found = _read(layout.exit_file(container_id))  # last: a monitor writes it before it goes
    if state and watched and state["status"] == Status.RESTARTING:
        return _between(state, found)
    if state and watched and not _same_run(state, found):
        return _present(state)
    run = found or state or _read(layout.begun_file(container_id))
    if run is None:
        return RunState(Status.CREATED)
    record = _record(found) if found else lost(run.get("boot_id", ""))
    return RunState(Status.EXITED, 0, run.get("started", 0.0), record, run.get("restarts", 0))


def _present(state: dict[str, Any]) -> RunState:
    status = Status.PAUSED if frozen(state) else Status(state["status"])
    restarts, pause = state.get("restarts", 0), state.get("pause", 0.0)
    return RunState(status, state["pid"], _started(state), None, restarts, pause)


def _between(state: dict[str, Any], found: dict[str, Any] | None) -> RunState:
    """Its policy will start it again; how it ended is written down a moment after that is."""
    ended = _record(found) if found and _same_run(state, found) else None
    restarts, pause = state["restarts"], state["pause"]
    return RunState(Status.RESTARTING, 0, state["started"], ended, restarts, pause)


def _started(state: dict[str, Any]) -> float:
    """When it was started, by the clock as it is now: somebody may have set it since.

    The kernel counts the age of a process in CLOCK_BOOTTIME, which nobody sets, and which
    goes on while the machine sleeps.
    """
    born: float = booted() + state["starttime"] / _TICK
    noted: float = state["started"]
    set_since = state["starttime"] and abs(born - noted) > _TOLERANCE
    return noted if not set_since else float(round(born))


def booted() -> float:
    """When this machine was booted, by the clock as it is now."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def lost(boot: str) -> ExitRecord:
    """The record of a run that began in that boot and that nobody saw the end of.

    If the machine went down under it, it ended at the latest when this boot began.
    """
    return LOST if boot in ("", _BOOT) else LOST._replace(at=booted())


LOST = ExitRecord(255, 0, False, 0.0, "the container ended unseen")
"""A container that ended when nobody watched: its monitor was killed, or the power went."""


def _record(found: dict[str, Any]) -> ExitRecord:
    return ExitRecord(**{field: found[field] for field in ExitRecord._fields})


def frozen(state: dict[str, Any]) -> bool:
    """`freezer` is the file of its cgroup that tells, v1's or v2's."""
    try:
        with open(state["freezer"], "rb", buffering=0) as file:
            return file.read(16) in (b"1\n", b"FROZEN\n", b"FREEZING\n")
    except OSError:
        return False


def _alive(state: dict[str, Any], pid: int, born: int) -> bool:
    """`born` is 0 for one that had ended before its start could be noted."""
    return 0 < born == start_time(pid) and state["boot_id"] == _BOOT


def _watched(state: dict[str, Any]) -> bool:
    """Whether the monitor that wrote the state is there."""
    pid, born = state.get("monitor", (0, 0))
    return _alive(state, pid, born)


def is_watched(layout: Layout, container_id: str) -> bool:
    """Whether its monitor is there."""
    state = _read(f"{layout.run(container_id)}/state.json")
    return state is not None and _watched(state)


def is_forsaken(layout: Layout, container_id: str) -> bool:
    """Whether it runs, or waits to, and its monitor is gone."""
    state = _read(f"{layout.run(container_id)}/state.json")
    if not state or _watched(state):
        return False
    between = state["status"] == Status.RESTARTING and state["boot_id"] == _BOOT
    return between or _alive(state, state["pid"], state["starttime"])


def _same_run(state: dict[str, Any], found: dict[str, Any] | None) -> bool:
    """Whether the record is of this run; until it is, the monitor still writes it down."""
    return found is not None and found.get("started") == state["started"]


def read_run(layout: Layout, container_id: str) -> dict[str, Any]:
    """`state.json` as it was written. Raises FileNotFoundError."""
    state = _read(f"{layout.run(container_id)}/state.json")
    if state is None:
        raise FileNotFoundError(errno.ENOENT, "no run state", container_id)
    return state


def read_exit(layout: Layout, container_id: str) -> ExitRecord | None:
    """How it ended the last time; None while it never did."""
    found = _read(layout.exit_file(container_id))
    return _record(found) if found else None


def _read(path: str) -> dict[str, Any] | None:
    """A JSON object; files are replaced by rename, so it is whole."""
    try:
        with open(path, "rb", buffering=0) as file:
            found: dict[str, Any] = json.loads(file.read(65536))
    except FileNotFoundError:
        return None
    return found


def write_state(layout: Layout, container_id: str, state: dict[str, Any]) -> None:
    """Replace the state; not synced, because it means nothing after a reboot.

    What is left then is that it was started: a file of the bundle tells, not synced either, so
    a power cut may take the news of a start of the last seconds.
    """
    path = f"{layout.run(container_id)}/state.json"
    _write(path, state)
    begun = {key: state.get(key) for key in _BEGUN}
    _write(layout.begun_file(container_id), begun)


def end_unseen(layout: Layout, container_id: str) -> None:
    """Kill the first process of a run whose run directory has gone, and with it all others.

    A logout takes the directory and may leave the processes; a cgroup could end them too, but
    not everybody has one. No-op when it does not live.
    """
    begun = _read(layout.begun_file(container_id))
    if begun and begun["pid"] and begun["boot_id"] == _BOOT:  # 0: between two runs
        kill_exactly(begun["pid"], begun["starttime"])


def announce_restart(layout: Layout, container_id: str, pause: float) -> None:
    """From now on the container is `restarting`, and is due in `pause` seconds."""
    run = read_run(layout, container_id)
    due = {"status": "restarting", "pid": 0, "due": time.time() + pause, "pause": pause}
    write_state(layout, container_id, run | due)


def write_exit(layout: Layout, container_id: str, record: ExitRecord, *, durable: bool) -> None:
    """Record the end, with what is known of the run; `durable` also against a power cut.

    Raises OSError.
    """
    state = _read(f"{layout.run(container_id)}/state.json")
    state = state or _read(layout.begun_file(container_id)) or {}
    run = {key: state[key] for key in ("started", "restarts") if key in state}
    _write(layout.exit_file(container_id), record._asdict() | run, sync=durable)


def _write(path: str, content: dict[str, Any], *, sync: bool = False) -> None:
    replace(path, json.dumps(content).encode(), sync=sync)
