"""How a monitor comes to its container: by starting it, or by adopting one left alone.

Invariant: one container has one monitor; the lock on its run dir says which.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time

from tuidock.engine.cgroups import open_cgroup
from tuidock.engine.errors import RuntimeFailure
from tuidock.engine.linux import process as p
from tuidock.engine.linux import sockets
from tuidock.engine.runtime import ending
from tuidock.engine.runtime.birth import Birth, Born, Refused
from tuidock.engine.runtime.execute import failure
from tuidock.engine.runtime.lines import Line
from tuidock.engine.runtime.monitor import Monitor
from tuidock.engine.runtime.protocol import encode
from tuidock.engine.runtime.state import read_run, read_state, write_exit
from tuidock.engine.types import ExitRecord, Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tuidock.engine.layout import Layout
    from tuidock.engine.linux.sockets import Packets

_EXIT_CODES = {"CommandNotFound": 127, "CommandNotExecutable": 126}
_PATIENCE = 10.0
"""Seconds that the monitor of the last run gets to finish."""


def watch(layout: Layout, request: dict[str, Any], client: Packets) -> None:
    """Start a container on behalf of `client` and stay with it until its end."""
    container_id = request["id"]
    p.set_title(f"tuidock-monitor {container_id[:12]} {layout.root}")
    try:
        config = read_config(layout, container_id)
        lock = _take(layout, container_id)
    except (RuntimeFailure, OSError) as error:
        client.send(encode({"failed": failure("prepare", error)}))
        return
    forget_last_run(layout, container_id)
    try:
        born = Birth(layout, config, client).attempt(gate=bool(request.get("gate")))
    except Refused as refusal:
        _give_up(layout, container_id, client, refusal)
        return
    monitor = Monitor(layout, config, born)
    monitor.note_start(int(request.get("restarts", 0)))
    client.send(encode({"started": born.pid}))
    if request.get("attach"):
        monitor.lines.add(Line(client, primary=True))
    else:
        client.close()
    monitor.live()
    os.close(lock)


def read_config(layout: Layout, container_id: str) -> dict[str, Any]:
    """The OCI configuration of the bundle. Raises OSError."""
    with open(f"{layout.container(container_id)}/config.json", "rb", buffering=0) as file:
        config: dict[str, Any] = json.loads(file.read())
    return config


def _take(layout: Layout, container_id: str) -> int:
    """Lock the run dir, made if missing. Raises RuntimeFailure when somebody is watching."""
    path = layout.run(container_id)
    deadline = time.monotonic() + _PATIENCE
    while True:
        if read_state(layout, container_id).status in (Status.RUNNING, Status.PAUSED):
            raise RuntimeFailure(f"container {container_id[:12]} is running already")
        os.makedirs(path, 0o700, exist_ok=True)
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        if _lock(lock) and os.path.exists(path) and os.path.samestat(os.stat(path), os.fstat(lock)):
            return lock
        os.close(lock)
        if time.monotonic() > deadline:
            raise RuntimeFailure(f"container {container_id[:12]} is still ending")
        time.sleep(0.002)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def forget_last_run(layout: Layout, container_id: str) -> None:
    """A new run begins without an end, and without what a crash may have left."""
    for path in (layout.exit_file(container_id), f"{layout.run(container_id)}/state.json"):
        try:
            os.unlink(path)
        except FileNotFoundError:
            continue


def _give_up(layout: Layout, container_id: str, client: Packets, refusal: Refused) -> None:
    code = _EXIT_CODES.get(refusal.told["kind"], 128)
    record = ExitRecord(code, 0, False, time.time(), refusal.told["message"])
    write_exit(layout, container_id, record, durable=True)
    ending.clean_run_dir(layout, container_id)
    try:
        client.send(encode({"failed": refusal.told}))
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.ECONNRESET):
            raise


def adopt(layout: Layout, request: dict[str, Any], client: Packets, watcher: Packets) -> None:
    """Watch a container whose monitor was killed.

    `watcher` is where the launcher tells the wait status: as subreaper it is the parent now.
    """
    container_id = request["id"]
    p.set_title(f"tuidock-monitor {container_id[:12]} {layout.root}")
    lock = os.open(layout.run(container_id), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    if not _lock_patiently(lock, f"{layout.run(container_id)}/monitor.sock"):
        client.send(encode({"adopted": True}))
        return
    config = read_config(layout, container_id)
    state = read_run(layout, container_id)
    born = _found(layout, config, state["pid"], watcher)
    monitor = Monitor(layout, config, born)
    client.send(encode({"adopted": True}))
    client.close()
    if p.start_time(born.pid) == state["starttime"]:
        monitor.live()
    else:
        monitor.end()
    os.close(lock)


def _lock_patiently(lock: int, socket: str) -> bool:
    """Take over from a monitor that is dying; False when a living one answers."""
    while not _lock(lock):
        try:
            sockets.connect(socket).close()
        except (FileNotFoundError, ConnectionRefusedError):
            time.sleep(0.002)
        else:
            return False
    return True


def _found(layout: Layout, config: dict[str, Any], pid: int, watcher: Packets) -> Born:
    """A running container as `Birth` would have returned it, without what is lost: its input,
    and the master of its terminal.
    """
    container_id = config["annotations"]["tuidock.id"]
    outputs = {}
    for name in ("stdout", "stderr"):
        try:
            flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
            outputs[os.open(f"{layout.run(container_id)}/{name}", flags)] = name
        except FileNotFoundError:
            continue
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        pidfd = -1
    cgroup = open_cgroup(layout.tag, container_id)
    return Born(pid, pidfd, cgroup, outputs, -1, watcher)
