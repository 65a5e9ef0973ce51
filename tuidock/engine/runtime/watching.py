"""How a monitor comes to its container: handed over by its starter, or adopted.

Invariant: one container has one monitor; the lock on its run dir says which.
"""

from __future__ import annotations

import marshal
import os
import sys
import time
from functools import partial

from tuidock.engine.blackbox.ring import BEGIN
from tuidock.engine.cgroups.cgroup import open_cgroup
from tuidock.engine.linux import process as p
from tuidock.engine.linux import sockets
from tuidock.engine.linux.proc import open_pidfd, start_time
from tuidock.engine.runtime import probing, starting
from tuidock.engine.runtime.backoff import BackOff
from tuidock.engine.runtime.config import read_config
from tuidock.engine.runtime.intake import open_intake, recover
from tuidock.engine.runtime.lines import Line
from tuidock.engine.runtime.monitor import Monitor
from tuidock.engine.runtime.protocol import encode, tell
from tuidock.engine.runtime.state import is_watched, read_run, write_state
from tuidock.engine.runtime.ward import Ward
from tuidock.engine.types import Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tuidock.engine.layout import Layout
    from tuidock.engine.linux.sockets import Packets


def attend(layout: Layout, orders: Packets) -> None:
    """The life of a monitor; what is to be started comes along `orders`, to its starter."""
    p.set_title(f"tuidock-spare {layout.root}")
    ours, theirs = sockets.pair()
    starter = p.clone_child()
    if starter == 0:
        ours.close()
        _start_and_exit(layout, orders, theirs)
    orders.close()
    theirs.close()
    message, descriptors = ours.receive()
    if not message:  # nothing was started; its first process, if there was one, is dead
        return
    told = marshal.loads(message)  # from a process forked from the same interpreter
    monitor = take_over(layout, told, descriptors)
    ours.close()
    if monitor.prober:
        monitor.prober.begin()
    monitor.timers.after(BEGIN, partial(monitor.record, new_run=True))
    for helper in (starter, *told[-1]):
        os.waitpid(helper, 0)
    monitor.live()
    _go_on(monitor)


def _go_on(monitor: Monitor) -> None:
    if monitor.again:
        BackOff(monitor.layout, monitor.about, monitor.listener).live()


def take_over(layout: Layout, told: tuple[Any, ...], descriptors: list[int]) -> Monitor:
    """What `starting.hand_over` has sent."""
    about, probe, pid, streams, (has_stdin, attached, has_alarm), _ = told
    container_id = about["tuidock.id"]
    p.set_title(f"tuidock-monitor {container_id[:12]} {layout.root}")
    pidfd, _lock, listening = descriptors[:3]
    rest = descriptors[3:]
    client = rest.pop(0) if attached else -1
    stdin = rest.pop(0) if has_stdin else -1
    alarm = rest.pop(0) if has_alarm else -1
    outputs = dict(zip(rest, streams, strict=True))
    if outputs and os.isatty(stdin):  # the terminal's master came twice: it is both
        os.close(stdin)
        stdin = next(iter(outputs))
    ward = Ward(layout, container_id, pid, pidfd, outputs, stdin, alarm)
    intake = open_intake(layout, container_id, about)
    monitor = Monitor(layout, about, ward, sockets.adopt(listening), intake, probe)
    if client >= 0:
        monitor.lines.add(Line(sockets.packets(client), primary=True))
    return monitor


def _start_and_exit(layout: Layout, orders: Packets, handover: Packets) -> None:
    try:
        starting.serve(layout, orders, handover)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
    finally:
        os._exit(0)


def adopt(layout: Layout, container_id: str, client: Packets, watcher: int) -> None:
    """Watch a container whose monitor was killed.

    `watcher` is where the launcher tells the wait status: as subreaper it is the parent now.
    """
    p.set_title(f"tuidock-monitor {container_id[:12]} {layout.root}")
    run = layout.run(container_id)
    lock = os.open(run, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    if not _lock_patiently(layout, container_id, lock):
        tell(client, {"adopted": True})
        return
    config = read_config(f"{layout.container(container_id)}/config.json")
    state = read_run(layout, container_id)
    listener = sockets.listen(f"{run}/monitor.sock")
    listener.setblocking(False)
    if state["status"] == Status.RESTARTING:
        _wait_on(layout, config["annotations"], state, listener, client)
        return
    ward = _found(layout, container_id, state["pid"], watcher)
    about = config["annotations"]
    recover(layout, container_id, ward.outputs)
    intake = open_intake(layout, container_id, about)
    monitor = Monitor(layout, about, ward, listener, intake, probing.process(config))
    del config
    write_state(layout, container_id, state | _ours())
    tell(client, {"adopted": True})
    client.close()
    if start_time(ward.pid) == state["starttime"]:
        monitor.alarm.begin_anew()
        monitor.stillness.look()
        if monitor.prober:
            monitor.prober.go_on(state["started"])
        monitor.record(new_run=False)
        monitor.live()
    else:
        monitor.end()
    _go_on(monitor)
    os.close(lock)


def _ours() -> dict[str, list[int]]:
    return {"monitor": [os.getpid(), start_time(os.getpid())]}


def _wait_on(
    layout: Layout,
    about: dict[str, str],
    state: dict[str, Any],
    listener: sockets.Listener,
    client: Packets,
) -> None:
    """The monitor was killed between two runs; the time that is left is waited."""
    write_state(layout, about["tuidock.id"], state | _ours())
    tell(client, {"adopted": True})
    client.close()
    BackOff(layout, about, listener).live()


def _lock_patiently(layout: Layout, container_id: str, lock: int) -> bool:
    """Take over from a monitor that is dying; False when a living one answers.

    Its starter may have the lock and the socket still, to hand them to a monitor that is dead.
    """
    while not starting.try_lock(lock):
        if is_watched(layout, container_id) and _answers(
            f"{layout.run(container_id)}/monitor.sock"
        ):
            return False
        time.sleep(0.002)
    return True


def _answers(path: str) -> bool:
    try:
        sockets.connect(path).close()
    except (FileNotFoundError, ConnectionRefusedError):
        return False
    return True


def _held(layout: Layout, container_id: str) -> int:
    """The launcher's copy of the container's terminal or input, -1 without.

    Its starter sent it before the lock could be taken, so it is heard before we are.
    """
    try:
        line = sockets.connect(layout.launcher_socket)
        line.send(encode({"op": "held", "id": container_id}))
        held = line.receive()[1]
        line.close()
    except OSError:  # it was killed, and its copy with it
        return -1
    return held[0] if held else -1


def _found(layout: Layout, container_id: str, pid: int, watcher: int) -> Ward:
    """A running container as a starter would have handed it over. Without a launcher that held
    them, its input and the master of its terminal are lost.
    """
    stdin = _held(layout, container_id)
    outputs = {stdin: "stdout"} if stdin >= 0 and os.isatty(stdin) else {}
    for name in ("stdout", "stderr"):
        try:
            flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
            outputs[os.open(f"{layout.run(container_id)}/{name}", flags)] = name
        except FileNotFoundError:
            continue
    try:
        pidfd = open_pidfd(pid)
    except ProcessLookupError:
        pidfd = -1
    alarm = open_cgroup(layout.tag, container_id).oom_alarm()
    return Ward(layout, container_id, pid, pidfd, outputs, stdin, alarm, sockets.packets(watcher))
