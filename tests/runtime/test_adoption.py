"""Monitors, launchers and clients killed with SIGKILL, and what the container notices: nothing.

Nobody calls for the successor of a killed monitor here: the launcher sees to it.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading
from pathlib import Path

import pytest

from tests.runtime.conftest import Box, collect, read_until
from tests.waiting import until
from tuidock.engine.errors import MonitorGone
from tuidock.engine.layout import Layout
from tuidock.engine.linux.proc import start_time
from tuidock.engine.runtime import client
from tuidock.engine.runtime.intake import open_intake, recover
from tuidock.engine.runtime.protocol import STDIN
from tuidock.engine.runtime.state import read_run
from tuidock.engine.types import LogLimits, Status


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


def test_input_survives_a_monitor_that_is_killed_before_the_launcher_looks(box: Box) -> None:
    """Seen to fail when the launcher gives the successor what it holds, without being asked."""
    container = box.create("cat", stdin=True)
    starting = client.start(box.layout, container, gate=True, attach=False)
    launcher = box.process("tuidock-launcher")
    os.kill(launcher, signal.SIGSTOP)
    try:
        starting.go()
        starting.wait_started()
        pid = box.kill_only(container)
        until(lambda: not start_time(pid))
    finally:
        os.kill(launcher, signal.SIGCONT)
    until(lambda: read_run(box.layout, container)["monitor"][0] != pid)
    line = box.monitor(container).attach()
    line.write(b"heard\n")
    assert read_until(line, b"heard\n")
    line.close_input()
    collect(line)


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


def test_no_line_is_lost_or_doubled_when_monitors_are_killed_in_a_flood(box: Box) -> None:
    """Seen to fail with pieces that are taken from the fifo before they are in the log."""
    most = 600_000
    container = box.detached("seq", "1", str(most), log=LogLimits(10**9, 2))
    until(lambda: os.path.exists(box.layout.log(container)))
    for _ in range(6):
        with contextlib.suppress(FileNotFoundError):  # it has ended already
            pid = box.kill_only(container)
            until(lambda pid=pid: not start_time(pid))  # type: ignore[misc]
            box.monitor(container).annotate({})
    ended = box.monitor(container).wait(None)
    assert ended
    assert ended.code == 0
    lines = said(box.log(container)).split()
    assert len(lines) == most
    assert lines == [str(number) for number in range(1, most + 1)]


def said(log: str) -> str:
    """The text of all records."""
    records = [record.split(" ", 3) for record in log.splitlines()]
    return "".join(text + ("\n" if tag == "F" else "") for _, _, tag, text in records)


@pytest.mark.parametrize("written", ["nothing", "a part", "all", "all, and it was taken"])
def test_what_a_killed_monitor_left_half_done(tmp_path: Path, written: str) -> None:
    """Each moment at which it can be killed; the fifo and the log together say everything once."""
    layout = Layout(str(tmp_path), str(tmp_path))
    os.makedirs(layout.container("c"))
    fifo, writer = os.pipe2(os.O_NONBLOCK)
    intake = open_intake(layout, "c", {"tuidock.log": "100000:2"})
    os.write(writer, b"one\n")
    intake.take(fifo, "stdout")
    os.write(writer, b"two\nthree\r\nfo")
    if written != "nothing":
        intake._note(13, "stdout")
        intake.log.write("stdout", b"two\nthree\r\nfo"[: 7 if written == "a part" else None])
        intake.log.flush()
    if written.endswith("taken"):
        os.read(fifo, 13)
    os.write(writer, b"ur\n")
    recover(layout, "c", {fifo: "stdout"})
    successor = open_intake(layout, "c", {"tuidock.log": "100000:2"})
    successor.take(fifo, "stdout")
    successor.close()
    with open(layout.log("c"), newline="\n") as log:
        records = [record.split(" ", 3) for record in log.read().split("\n")[:-1]]
    text = "".join(text + ("\n" if tag == "F" else "") for _, _, tag, text in records)
    assert text == "one\ntwo\nthree\r\nfour\n"
    intake.close()
    os.close(fifo)
    os.close(writer)


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


@pytest.mark.parametrize(("tty", "code"), [(False, 4), (True, 5)])
def test_input_ends_and_a_terminal_hangs_up_with_both(box: Box, *, tty: bool, code: int) -> None:
    """As docs/hardening.md says: nobody is left who had them. The container hears it, and the
    next client hears of the container.
    """
    script = "trap 'exit 5' HUP; echo ready; cat; exit 4"
    line = box.start(container := box.create("sh", "-c", script, tty=tty, stdin=True))
    read_until(line, b"ready")
    os.kill(box.process("tuidock-launcher"), signal.SIGKILL)
    box.kill_only(container)
    ended = box.monitor(container).wait(None)
    assert ended
    assert ended.code in (code, 255)  # where Linux does not tell whose parent we are not
    line.close()


def test_the_launcher_keeps_no_descriptor_of_the_dead(box: Box) -> None:
    """Seen to fail without `_let_go`. A few are the spare's, which comes and goes."""
    box.detached("sleep", "1000")
    launcher = box.process("tuidock-launcher")
    before = len(os.listdir(f"/proc/{launcher}/fd"))
    assert before < 20
    for _ in range(10):
        line = box.start(box.create("sh", "-c", "exit 0", tty=True, stdin=True))
        collect(line)
        box.start(box.create("true", stdin=True)).close()
    until(lambda: len(os.listdir(f"/proc/{launcher}/fd")) <= before + 2)


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
