"""Several clients on one container: each sees what comes, any may type, none harms the others."""

from __future__ import annotations

import os
import re
import threading

from tests.runtime.conftest import Box, collect, read_until
from tests.waiting import until
from tuidock.engine.runtime.state import read_run

CLIENTS, ATTACHES = 8, 250
SPEAK = "trap 'echo asked' USR1; trap 'exit 3' TERM; echo up; while :; do sleep 0.01; done"


def test_all_see_what_comes_and_nothing_of_before(box: Box) -> None:
    """As with docker, an attach replays nothing; who went is not missed."""
    first = box.start(box.create("sh", "-c", SPEAK))
    container = box.only()
    read_until(first, b"up\n")
    second, third = (box.monitor(container).attach() for _ in range(2))
    third.close()
    box.monitor(container).signal(10)
    assert read_until(second, b"asked\n") == read_until(first, b"asked\n") == b"asked\n"
    box.monitor(container).signal(15)
    for line in (first, second):
        assert collect(line)["stdout"] == b""
        assert line.exit_code == 3


def test_any_of_them_may_type_and_say_how_large_the_terminal_is(box: Box) -> None:
    """The last word counts, whoever had it."""
    script = "stty -echo; echo up; while read it; do stty size; done"
    first = box.start(box.create("sh", "-c", script, tty=True, stdin=True))
    read_until(first, b"up")
    second = box.monitor(box.only()).attach()
    for line, size in ((first, (80, 24)), (second, (132, 50)), (first, (100, 30))):
        line.resize(*size)
        line.write(b"go\n")
        read_until(second, b"%d %d\r\n" % (size[1], size[0]))
    second.close()
    first.write(b"\x04")
    collect(first)
    assert first.exit_code == 0


def test_a_command_hears_the_end_of_its_input(box: Box) -> None:
    container = box.detached("sleep", "1000")
    line = box.exec(container, "wc", "-l")
    line.write(b"one\ntwo\n")
    line.close_input()
    assert collect(line)["stdout"].strip() == b"2"
    assert line.exit_code == 0


def test_a_crowd_that_comes_and_goes_leaves_nothing(box: Box) -> None:
    """2,000 attaches, some with words half said."""
    container = box.detached("cat", stdin=True)
    pid = int(read_run(box.layout, container)["monitor"][0])
    box.monitor(container).attach().close()
    before = box.descriptors(pid, container)

    def visit() -> None:
        for number in range(ATTACHES):
            line = box.monitor(container).attach()
            if number % 3 == 0:
                line.write(b"x" * 10)
            line.close()

    visitors = [threading.Thread(target=visit) for _ in range(CLIENTS)]
    for each in visitors:
        each.start()
    for each in visitors:
        each.join()
    until(lambda: len(os.listdir(f"/proc/{pid}/fd")) <= before)
    with open(f"/proc/{pid}/smaps_rollup") as file:
        own = re.findall(r"^Private_\w+:\s+(\d+) kB", file.read(), re.MULTILINE)
    assert sum(map(int, own)) < 3000, own
    assert collect(box.exec(container, "echo", "well"))["stdout"] == b"well\n"
