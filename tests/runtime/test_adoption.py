"""Monitors, launchers and clients killed with SIGKILL, and what the container notices: nothing.

Nobody calls for the successor of a killed monitor here: the launcher sees to it.
"""

from __future__ import annotations

import os
import re
import signal
import threading

import pytest

from tests.runtime.conftest import Box, collect, read_until, until
from tuidock.engine.errors import MonitorGone
from tuidock.engine.runtime.protocol import STDIN
from tuidock.engine.types import Status

pytestmark = pytest.mark.root


def until_term(code: int) -> str:
    """A script that says `up`, and ends when it is told to."""
    return f"trap 'exit {code}' TERM; echo up; while :; do sleep 0.01; done"


def test_input_survives_the_monitor(box: Box) -> None:
    """Seen to fail without the launcher's copy of the pipe: `cat` sees the end of its input."""
    line = box.start(box.create("sh", "-c", "cat; exit 5", stdin=True))
    container = box.only()
    line.write(b"before\n")
    assert read_until(line, b"before\n")
    box.kill_monitor(container)
    with pytest.raises(MonitorGone):
        collect(line)
    line = box.monitor(container).attach()
    line.write(b"after\n")
    assert read_until(line, b"after\n")
    line.close_input()
    collect(line)
    assert line.exit_code == 5
    assert box.log(container).count(" before") == box.log(container).count(" after") == 1


def test_the_end_of_the_input_is_passed_on_though_the_launcher_has_a_copy(box: Box) -> None:
    """Seen to fail without `release`: `cat` waits for ever."""
    line = box.start(box.create("cat", stdin=True))
    line.write(b"all\n")
    line.close_input()
    assert collect(line)["stdout"] == b"all\n"
    assert line.exit_code == 0


def test_a_terminal_survives_the_monitor(box: Box) -> None:
    """Seen to fail without the launcher's copy of the master: SIGHUP ends the shell."""
    script = "stty -echo; echo ready; read line; echo got $line; stty size; exit 6"
    line = box.start(box.create("sh", "-c", script, tty=True, stdin=True))
    container = box.only()
    read_until(line, b"ready")
    box.kill_monitor(container)
    assert box.state(container).status is Status.RUNNING
    line = box.monitor(container).attach()
    line.resize(91, 32)
    line.write(b"it\n")
    said = collect(line)["stdout"]
    assert b"got it\r\n32 91" in said
    assert line.exit_code == 6


def test_a_monitor_killed_again_and_again(box: Box) -> None:
    """The second time nobody replaces it at once, lest a fault be repeated for ever."""
    container = box.detached("sh", "-c", until_term(7))
    until(lambda: "up" in box.log(container))
    for _ in range(4):
        pid = box.kill_only(container)
        until(lambda pid=pid: not os.path.exists(f"/proc/{pid}"))  # type: ignore[misc]
        assert box.state(container).status is Status.RUNNING
        collect(box.exec(container, "true"))
    box.monitor(container).signal(signal.SIGTERM)
    ended = box.monitor(container).wait(None)
    assert ended
    assert ended.code == 7


def test_whoever_waits_hears_the_true_end(box: Box) -> None:
    """Fails if `wait` takes the closed line for the end of the container."""
    container = box.detached("sh", "-c", until_term(8))
    until(lambda: "up" in box.log(container))
    codes: list[int] = []

    def wait() -> None:
        ended = box.monitor(container).wait(None)
        codes.append(ended.code if ended else -1)

    threads = [threading.Thread(target=wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    box.kill_monitor(container)
    box.monitor(container).signal(signal.SIGTERM)
    for thread in threads:
        thread.join(20)
    assert codes == [8, 8, 8]


def test_the_client_of_a_command_hears_that_its_monitor_died(box: Box) -> None:
    """It does not hang, and does not make up an exit code. The command itself goes on."""
    container = box.detached("sleep", "1000")
    line = box.exec(container, "sh", "-c", "echo on; sleep 1000")
    read_until(line, b"on\n")
    box.kill_monitor(container)
    with pytest.raises(MonitorGone, match="while the command ran"):
        collect(line)
    line.close()
    shown = collect(box.exec(container, "ps"))["stdout"].decode()
    assert len(re.findall("sleep 1000", shown)) == 2


def test_launcher_killed_while_a_terminal_is_open(box: Box) -> None:
    """Its monitor is enough to keep a container."""
    line = box.start(box.create("sh", "-c", "read line; echo $line; exit 9", tty=True, stdin=True))
    os.kill(box.process("tuidock-launcher"), signal.SIGKILL)
    line.write(b"still here\n")
    assert b"still here" in collect(line)["stdout"]
    assert line.exit_code == 9


def test_the_launcher_keeps_no_descriptor_of_the_dead(box: Box) -> None:
    """Seen to fail without `_let_go`."""
    box.run("true")
    launcher = box.process("tuidock-launcher")
    before = len(os.listdir(f"/proc/{launcher}/fd"))
    for _ in range(10):
        line = box.start(box.create("sh", "-c", "exit 0", tty=True, stdin=True))
        collect(line)
        box.start(box.create("true", stdin=True)).close()
    until(lambda: len(os.listdir(f"/proc/{launcher}/fd")) <= before)


def test_a_message_cut_off_by_its_sender_is_no_input(box: Box) -> None:
    """A client killed while it sends leaves whole messages or none."""
    line = box.start(box.create("sh", "-c", "cat; exit 3", stdin=True))
    container = box.only()
    other = box.monitor(container).attach()
    child = os.fork()
    if child == 0:
        while True:
            other._packets.send(STDIN + b"x" * 1000 + b"\n")
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    other.close()
    line.close_input()
    said = collect(line, 60)["stdout"]
    assert all(len(each) in (0, 1000) for each in said.split(b"\n"))
    assert line.exit_code == 3
