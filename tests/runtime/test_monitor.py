"""Who survives whom: clients, launcher and monitor against SIGKILL, floods and slow readers."""

from __future__ import annotations

import glob
import json
import os
import re
import signal
import threading
from contextlib import suppress

import pytest

from tests import root_only
from tests.runtime.conftest import Box, collect, read_until
from tests.waiting import until
from tuidock.engine.cgroups.cgroup import open_cgroup
from tuidock.engine.errors import MonitorGone
from tuidock.engine.linux import sockets
from tuidock.engine.linux.proc import boot_id
from tuidock.engine.runtime import client
from tuidock.engine.runtime.protocol import encode
from tuidock.engine.types import LogLimits, Status


def memory_kb(pid: int, field: str) -> int:
    with open(f"/proc/{pid}/smaps_rollup") as file:
        found = re.search(rf"^{field}:\s+(\d+) kB", file.read(), re.MULTILINE)
    assert found
    return int(found[1])


def test_a_container_outlives_its_monitor_and_gets_another(box: Box) -> None:
    """Fails without the fifos that the container itself holds open (EPIPE), and without
    adoption (nobody would record the end).
    """
    script = "trap 'echo bye; exit 4' TERM; echo one; while :; do sleep 0.01; done"
    container = box.detached("sh", "-c", script)
    until(lambda: "one" in box.log(container))
    first = box.process(f"tuidock-monitor {container[:12]}")
    os.kill(first, signal.SIGKILL)
    until(lambda: not os.path.exists(f"/proc/{first}"))
    assert box.state(container).status is Status.RUNNING
    box.monitor(container).signal(signal.SIGTERM)
    ended = box.monitor(container).wait(None)
    assert ended
    assert ended.code == 4
    assert "bye" in box.log(container)
    assert collect(box.start(box.create("echo", "fine")))["stdout"] == b"fine\n"


def test_an_adopted_container_takes_commands(box: Box) -> None:
    container = box.detached("sleep", "1000")
    os.kill(box.process("tuidock-monitor"), signal.SIGKILL)
    line = box.exec(container, "echo", "in")
    assert collect(line)["stdout"] == b"in\n"
    assert line.exit_code == 0


def test_a_container_that_ended_unwatched_is_not_running(box: Box) -> None:
    """The launcher is its parent then, and tells the next monitor how it ended."""
    container = box.detached("sleep", "1000")
    os.kill(box.process("tuidock-monitor"), signal.SIGKILL)
    pid = box.state(container).pid
    os.kill(pid, signal.SIGKILL)
    until(lambda: (ended := box.state(container).exit) and ended.code == 137)
    assert box.state(container).status is Status.EXITED
    assert collect(box.start(box.create("true"))) == {"stdout": b"", "stderr": b""}


def test_containers_outlive_the_launcher(box: Box) -> None:
    container = box.detached(
        "sh", "-c", "trap 'exit 6' TERM; echo up; while :; do sleep 0.01; done"
    )
    until(lambda: "up" in box.log(container))
    os.kill(box.process("tuidock-launcher"), signal.SIGKILL)
    assert box.run("echo", "next") == (0, "next\n")
    box.monitor(container).signal(signal.SIGTERM)
    ended = box.monitor(container).wait(None)
    assert ended
    assert ended.code == 6


def test_launcher_and_monitor_both_killed(box: Box) -> None:
    """Nobody of ours is the parent: the end is still seen, and its code told by the zombie, or
    once that is reaped by the pidfd. Seen to fail without the former: pid 1 takes its time.
    """
    container = box.detached(
        "sh", "-c", "trap 'exit 6' TERM; echo up; while :; do sleep 0.01; done"
    )
    until(lambda: "up" in box.log(container))
    os.kill(box.process("tuidock-launcher"), signal.SIGKILL)
    os.kill(box.process("tuidock-monitor"), signal.SIGKILL)
    box.monitor(container).signal(signal.SIGTERM)
    ended = box.monitor(container).wait(None)
    assert ended
    assert ended.code == 6
    assert box.state(container).status is Status.EXITED


def test_clients_that_come_at_once_start_one_launcher(box: Box) -> None:
    """Fails without the lock: each would bind the socket anew."""
    codes: list[int] = []
    containers = [box.create("sh", "-c", f"exit {number}") for number in range(6)]

    def run(container: str) -> None:
        line = box.start(container)
        collect(line)
        codes.append(line.exit_code or 0)

    threads = [threading.Thread(target=run, args=(container,)) for container in containers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == list(range(6))
    shown = [os.readlink(f"/proc/{pid}/exe") for pid in launchers(box)]
    assert len(shown) == 1, shown


def launchers(box: Box) -> list[int]:
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                title = file.read().rstrip(b"\0").decode()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if title == f"tuidock-launcher {box.layout.root}":
            found.append(int(entry))
    return found


def test_the_launcher_leaves_when_asked_and_comes_back(box: Box) -> None:
    box.run("true")
    until(lambda: client.quit_launcher(box.layout))
    until(lambda: not launchers(box))
    assert box.run("echo", "again") == (0, "again\n")


def test_a_client_that_says_nothing_holds_nobody_up(box: Box) -> None:
    box.run("true")
    silent = [sockets.connect(box.layout.launcher_socket) for _ in range(50)]
    assert box.run("echo", "on") == (0, "on\n")
    for line in silent:
        line.close()


def test_nonsense_ends_neither_launcher_nor_monitor(box: Box) -> None:
    """Fails when a request is believed."""
    container = box.detached("sleep", "1000")
    socket = f"{box.layout.run(container)}/monitor.sock"
    for path in (box.layout.launcher_socket, socket):
        for message in (
            b"",
            b"\xff\x00",
            b"[]",
            b'{"op":1}',
            encode({"op": "exec"}),
            b"x" * 100_000,
        ):
            line = sockets.connect(path)
            line.send(message, (0,))
            line.close()
    assert collect(box.exec(container, "echo", "alive"))["stdout"] == b"alive\n"
    assert box.run("echo", "alive") == (0, "alive\n")


def test_a_reader_that_stalls_is_dropped_and_costs_no_memory(box: Box) -> None:
    """Fails with a queue for each client: `yes` writes 100 MB a second."""
    container = box.detached(
        "sh", "-c", "yes | head -c 60000000; echo over", log=LogLimits(10**6, 2)
    )
    stalled = [box.monitor(container).attach() for _ in range(3)]
    pid = box.process(f"tuidock-monitor {container[:12]}")
    most = 0

    def over() -> bool:
        nonlocal most
        if os.path.exists(f"/proc/{pid}/smaps_rollup") and box.state(container).pid:
            most = max(most, memory_kb(pid, "Private_Dirty"))
        return box.state(container).status is Status.EXITED

    until(over, 60)
    assert 0 < most < 8_000, f"{most} kB"
    for line in stalled:
        line.close()


def test_the_foreground_client_loses_nothing_however_slow(box: Box) -> None:
    """Fails when it is dropped like an onlooker: its output is the command's output."""
    line = box.start(box.create("sh", "-c", "seq 1 400000; echo over"))
    threading.Event().wait(0.3)  # the reader sleeps while the container fills every buffer
    said = collect(line, 60)["stdout"]
    assert said == b"".join(b"%d\n" % n for n in range(1, 400001)) + b"over\n"


def test_descriptors_do_not_leak_with_clients(box: Box) -> None:
    container = box.detached("sleep", "1000")
    pid = box.process("tuidock-monitor")
    collect(box.exec(container, "true"))
    before = box.descriptors(pid, container)
    for _ in range(40):
        box.monitor(container).attach().close()
        collect(box.exec(container, "true"))
    until(lambda: len(os.listdir(f"/proc/{pid}/fd")) <= before)


def opened(pid: int) -> list[str]:
    """What the descriptors of a process are of."""
    found = []
    for each in glob.glob(f"/proc/{pid}/fd/*"):
        with suppress(FileNotFoundError):  # it has just been closed
            found.append(os.readlink(each))
    return found


def test_what_nobody_takes_is_closed(box: Box) -> None:
    """Descriptors that come with a request. Seen to fail without the `finally` in `Door`."""
    container = box.detached("sleep", "1000")
    pid = box.process("tuidock-monitor")
    given = os.open(__file__, os.O_RDONLY)
    for request in ({"op": "signal", "signal": 0}, {"op": "annotate", "annotations": {}}, {}):
        line = sockets.connect(f"{box.layout.run(container)}/monitor.sock")
        line.send(encode(request), (given, given, given))
        assert line.receive()[0]
        line.close()
    os.close(given)
    until(lambda: __file__ not in opened(pid))


def test_a_monitor_awake_is_small(box: Box) -> None:
    """What it has for the half second until it sleeps. With Python 3.11 that is 1.0 to 1.1 MB,
    and 1.15 MB where the launcher has to compile its modules first. Seen to fail without the
    rehearsal (1.25 MB), and with monitors forked by the launcher, not the stem (1.7 MB).
    """
    containers = [box.detached("sleep", "1000") for _ in range(4)]
    pids = [box.process(f"tuidock-monitor {each[:12]}") for each in containers]
    own = [memory_kb(pid, "Private_Dirty") + memory_kb(pid, "Private_Clean") for pid in pids]
    assert max(own) < 1200, own


@pytest.mark.root(root_only.LIMITS)
def test_frozen_shows_as_paused(box: Box) -> None:
    container = box.detached("sleep", "1000")
    cgroup = open_cgroup(box.layout.tag, container)
    cgroup.freeze()
    assert box.state(container).status is Status.PAUSED
    cgroup.thaw()
    assert box.state(container).status is Status.RUNNING


def test_a_pid_that_was_used_again_is_not_our_container(box: Box) -> None:
    """Fails when the pid alone is believed: here it lives on, as somebody else's."""
    container = box.create("true")
    collect(box.start(container))
    os.makedirs(box.layout.run(container))
    state = {
        "status": "running",
        "pid": os.getpid(),
        "starttime": 1,
        "started": 1.0,
        "boot_id": boot_id(),
        "freezer": "",
    }
    with open(f"{box.layout.run(container)}/state.json", "w") as file:
        json.dump(state, file)
    assert box.state(container).status is Status.EXITED
    state |= {"starttime": 0, "boot_id": "another"}
    with open(f"{box.layout.run(container)}/state.json", "w") as file:
        json.dump(state, file)
    assert box.state(container).status is Status.EXITED


def test_a_line_reports_output_before_the_end(box: Box) -> None:
    line = box.start(box.create("echo", "x"))
    assert read_until(line, b"x\n") == b"x\n"
    collect(line)
    assert line.exit_code == 0


def test_a_stopped_monitor_is_not_waited_for_without_end(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hung without the deadline."""
    container = box.detached("sleep", "100")
    monitor = box.process(f"tuidock-monitor {container[:12]}")
    monkeypatch.setattr(client, "_PATIENCE", 0.2)
    os.kill(monitor, signal.SIGSTOP)
    try:
        with pytest.raises(MonitorGone, match="does not answer"):
            box.monitor(container).signal(0)
    finally:
        os.kill(monitor, signal.SIGCONT)
    box.monitor(container).signal(9)
