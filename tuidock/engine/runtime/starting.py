"""The starter: a short-lived process that brings one container to life and hands it over.

All the memory that a start needs goes away with it; the monitor, its parent, stays small.
It may be forked before anybody asks, because forking takes longer than the rest.
Invariant: the container is the monitor's child, and the run dir's lock passes from hand to hand.
"""

from __future__ import annotations

import errno
import fcntl
import marshal
import os
import time

from tuidock.engine.errors import RuntimeFailure
from tuidock.engine.linux import ledger, sockets
from tuidock.engine.linux import process as p
from tuidock.engine.linux.files import unlink
from tuidock.engine.linux.proc import boot_id, start_time
from tuidock.engine.runtime import birth, birthrecord, ending, foreign, health, probing
from tuidock.engine.runtime.birth import Birth, Born, Refused
from tuidock.engine.runtime.config import read_config
from tuidock.engine.runtime.execute import failure
from tuidock.engine.runtime.foreign import ForeignBirth
from tuidock.engine.runtime.protocol import decode, encode
from tuidock.engine.runtime.state import read_state, write_exit, write_state
from tuidock.engine.types import ExitRecord, Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tuidock.engine.layout import Layout
    from tuidock.engine.linux.sockets import Packets
    from tuidock.engine.linux.stub import Stub

_EXIT_CODES = {"CommandNotFound": 127, "CommandNotExecutable": 126}
_PIECE = 1 << 19
"""Bytes that are copied in less than half a millisecond."""
_ROOM = sockets.MAX_MESSAGE // 4
"""Characters of a probe's process that go along with the rest."""
_PATIENCE = 10.0
"""Seconds that the monitor of the last run gets to finish."""


def serve(layout: Layout, orders: Packets, handover: Packets) -> None:
    """Wait for the launcher's orders, start that container, hand it to the monitor."""
    ledger.begin()
    ahead = None
    if not sockets.readable(orders, 0):
        shared = p.shared_memory()
        ahead = birth.prepare()
        _own_in_peace(shared, orders)
    message, descriptors = orders.receive()
    if descriptors:  # else the launcher does not need us any more
        start(layout, decode(message), sockets.packets(descriptors[0]), handover, ahead)


def _own_in_peace(areas: list[tuple[int, int]], orders: Packets) -> None:
    """Own our memory piece by piece, until somebody asks for a start."""
    for start, end in areas:
        for piece in range(start, end, _PIECE):
            if sockets.readable(orders, 0):
                return
            p.own_memory([(piece, min(piece + _PIECE, end))])


def start(
    layout: Layout,
    request: dict[str, Any],
    client: Packets,
    handover: Packets,
    ahead: Stub | None,
) -> None:
    """One start, up to the answer to the client; `ahead` has namespaces for it."""
    container_id = request["id"]
    try:
        config = read_config(f"{layout.container(container_id)}/config.json")
        lock = take(layout, container_id)
    except (RuntimeFailure, OSError) as error:
        _tell(client, {"failed": failure("prepare", error)})
        return
    _forget_last_run(layout, container_id)
    kind = ForeignBirth if foreign.PROGRAM in config["annotations"] else Birth
    attempt = kind(layout, config, client, ahead)
    try:
        born = attempt.attempt(gate=bool(request.get("gate")))
    except Refused as refusal:
        birthrecord.fill(birthrecord.open_record(layout, container_id))
        _give_up(layout, container_id, client, refusal)
        return
    assert attempt.listener
    health.begin(layout, config["annotations"])
    write_state(layout, container_id, _state(born, request))
    if born.stdin >= 0:
        _have_held(layout, container_id, born.stdin)
    _tell(client, {"started": born.pid})
    record = birthrecord.open_record(layout, container_id)
    attached = (client.fileno(),) if request.get("attach") else ()
    hand_over(handover, config, born, (lock, attempt.listener.fileno(), *attached))
    birthrecord.fill(record)
    if kind is ForeignBirth:
        handover.receive()  # the end of it: the monitor inherits what we leave


def _have_held(layout: Layout, container_id: str, descriptor: int) -> None:
    """A copy for the launcher: a killed monitor shall not end the input or hang up a terminal."""
    try:
        line = sockets.connect(layout.launcher_socket)
        line.send(encode({"op": "hold", "id": container_id}), (descriptor,))
        line.close()
    except OSError:  # it was killed; the next one learns of this container when it ends
        return


def hand_over(line: Packets, config: dict[str, Any], born: Born, first: tuple[int, ...]) -> None:
    """Send everything that a monitor needs; `take_over` in `watching` is its counterpart."""
    about = config["annotations"]
    known = {key: about[key] for key in about if key.startswith("tuidock.")}
    probe = probing.process(config)
    if len(str(probe)) >= _ROOM:
        probe = {}
    streams = tuple(born.outputs.values())
    alarm = born.cgroup.oom_alarm()
    given = (born.stdin >= 0, len(first) > 2, alarm >= 0)
    message = (known, probe, born.pid, streams, given, born.helpers)
    optional = [each for each in (born.stdin, alarm) if each >= 0]
    descriptors = (born.pidfd, *first, *optional, *born.outputs)
    line.send(marshal.dumps(message), descriptors)


def take(layout: Layout, container_id: str) -> int:
    """Lock the run dir, made if missing. Raises RuntimeFailure when somebody is watching."""
    path = layout.run(container_id)
    deadline = time.monotonic() + _PATIENCE
    while True:
        status = read_state(layout, container_id).status
        if status in (Status.RUNNING, Status.PAUSED):
            raise RuntimeFailure(f"container {container_id[:12]} is running already")
        if status is Status.RESTARTING:
            _ask_way(path)
        try:
            os.makedirs(path, 0o700, exist_ok=True)
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except (FileExistsError, FileNotFoundError):  # the monitor before us removed it meanwhile
            continue
        if try_lock(lock) and _is_still(lock, path):
            return lock
        os.close(lock)
        if time.monotonic() > deadline:
            raise RuntimeFailure(f"container {container_id[:12]} is still ending")
        time.sleep(0.002)


def _ask_way(run: str) -> None:
    """Have the monitor that waits between two runs leave, which has the lock.

    It writes down that ours is the next: at no moment does the container seem to be ended.
    """
    try:
        line = sockets.connect(f"{run}/monitor.sock")
        monitor = [os.getppid(), start_time(os.getppid())]
        line.send(encode({"op": "way", "monitor": monitor}))
        line.receive()
        line.close()
    except OSError:  # it is leaving already
        return


def try_lock(descriptor: int) -> bool:
    """Take the lock if it is free."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_still(descriptor: int, path: str) -> bool:
    """Not removed meanwhile by the monitor that had it before."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _forget_last_run(layout: Layout, container_id: str) -> None:
    """A new run begins without an end, and without what a crash may have left."""
    files = [layout.exit_file(container_id)]
    if read_state(layout, container_id).status is not Status.RESTARTING:
        files.append(f"{layout.run(container_id)}/state.json")
    for path in files:
        unlink(path)


def _give_up(layout: Layout, container_id: str, client: Packets, refusal: Refused) -> None:
    code = _EXIT_CODES.get(refusal.told["kind"], 128)
    record = ExitRecord(code, 0, False, time.time(), refusal.told["message"])
    write_exit(layout, container_id, record, durable=True)
    ending.clean_run_dir(layout, container_id)
    _tell(client, {"failed": refusal.told})


def _state(born: Born, request: dict[str, Any]) -> dict[str, Any]:
    return {
        "status": "running",
        "pid": born.pid,
        "starttime": start_time(born.pid),
        "started": time.time(),
        "boot_id": boot_id(),
        "restarts": request.get("restarts", 0),
        "pause": request.get("pause", 0.0),
        "monitor": [os.getppid(), start_time(os.getppid())],
        "freezer": _freezer_file(born),
    }


def _freezer_file(born: Born) -> str:
    """The file that tells whether the container is paused, v2's before v1's."""
    unified, freezer = born.cgroup.path("cgroup"), born.cgroup.path("freezer")
    if unified and os.path.exists(f"{unified}/cgroup.freeze"):
        return f"{unified}/cgroup.freeze"
    return f"{freezer}/freezer.state" if freezer else ""


def _tell(client: Packets, message: dict[str, Any]) -> None:
    try:
        client.send(encode(message))
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.ECONNRESET):
            raise
