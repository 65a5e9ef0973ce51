"""How a monitor comes to its container: handed over by its starter, or adopted.

Invariant: one container has one monitor; the lock on its run dir says which.
"""

from __future__ import annotations

import os
import sys
import time

from tuidock.engine.cgroups.cgroup import open_cgroup
from tuidock.engine.linux import process as p
from tuidock.engine.linux import sockets
from tuidock.engine.linux.proc import start_time
from tuidock.engine.runtime import probing, starting
from tuidock.engine.runtime.birth import Born
from tuidock.engine.runtime.config import read_config
from tuidock.engine.runtime.lines import Line
from tuidock.engine.runtime.monitor import Monitor
from tuidock.engine.runtime.protocol import decode, encode
from tuidock.engine.runtime.state import read_run, write_state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tuidock.engine.layout import Layout
    from tuidock.engine.linux.sockets import Packets


def attend(layout: Layout, orders: Packets) -> None:
    """The life of a monitor; what is to be started comes along `orders`, to its starter."""
    p.set_title(f"tuidock-spare {layout.root}")
    ours, theirs = sockets.pair()
    starter = os.fork()
    if starter == 0:
        ours.close()
        _start_and_exit(layout, orders, theirs)
    orders.close()
    theirs.close()
    message, descriptors = ours.receive()
    ours.close()
    if not message:  # nothing was started; its first process, if there was one, is dead
        return
    told = decode(message)
    container_id = told["about"]["tuidock.id"]
    p.set_title(f"tuidock-monitor {container_id[:12]} {layout.root}")
    pidfd, _lock, listening = descriptors[:3]
    rest = descriptors[3:]
    client = rest.pop(0) if told["attached"] else -1
    stdin = rest.pop(0) if told["stdin"] else -1
    outputs = dict(zip(rest, told["streams"], strict=True))
    cgroup = open_cgroup(layout.tag, container_id)
    if os.isatty(stdin) and outputs:  # the terminal's master came twice: it is both
        os.close(stdin)
        stdin = next(iter(outputs))
    born = Born(told["pid"], pidfd, cgroup, outputs, stdin)
    monitor = Monitor(layout, told["about"], born, sockets.adopt(listening), told["probe"])
    if client >= 0:
        monitor.lines.add(Line(sockets.packets(client), primary=True))
    if monitor.prober:
        monitor.prober.begin()
    for helper in filter(None, (starter, told["between"])):
        os.waitpid(helper, 0)
    monitor.live()


def _start_and_exit(layout: Layout, orders: Packets, handover: Packets) -> None:
    try:
        starting.serve(layout, orders, handover)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
    finally:
        os._exit(0)


def adopt(layout: Layout, request: dict[str, Any], client: Packets, watcher: Packets) -> None:
    """Watch a container whose monitor was killed.

    `watcher` is where the launcher tells the wait status: as subreaper it is the parent now.
    """
    container_id = request["id"]
    p.set_title(f"tuidock-monitor {container_id[:12]} {layout.root}")
    run = layout.run(container_id)
    lock = os.open(run, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    if not _lock_patiently(lock, f"{run}/monitor.sock"):
        client.send(encode({"adopted": True}))
        return
    config = read_config(f"{layout.container(container_id)}/config.json")
    state = read_run(layout, container_id)
    born = _found(layout, container_id, state["pid"], watcher)
    listener = sockets.listen(f"{run}/monitor.sock")
    listener.setblocking(False)
    monitor = Monitor(layout, config["annotations"], born, listener, probing.process(config))
    del config
    write_state(layout, container_id, state | {"monitor": [os.getpid(), start_time(os.getpid())]})
    client.send(encode({"adopted": True}))
    client.close()
    if start_time(born.pid) == state["starttime"]:
        if monitor.prober:
            monitor.prober.go_on(state["started"])
        monitor.live()
    else:
        monitor.end()
    os.close(lock)


def _lock_patiently(lock: int, socket: str) -> bool:
    """Take over from a monitor that is dying; False when a living one answers."""
    while not starting.try_lock(lock):
        try:
            sockets.connect(socket).close()
        except (FileNotFoundError, ConnectionRefusedError):
            time.sleep(0.002)
        else:
            return False
    return True


def _found(layout: Layout, container_id: str, pid: int, watcher: Packets) -> Born:
    """A running container as a starter would have handed it over, without what is lost: its
    input, and the master of its terminal.
    """
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
    return Born(pid, pidfd, open_cgroup(layout.tag, container_id), outputs, -1, watcher)
