"""`exec` as a person types it, and what `events` tells of it."""

from __future__ import annotations

import json

from tests.cli.conftest import Cli
from tests.waiting import until

NO_NETWORK = ("--network", "none")


def test_exec_beside_a_running_container(tuidock: Cli) -> None:
    tuidock("run", "-d", *NO_NETWORK, "--name", "box", "-e", "A=1", "busybox", "sleep", "60")
    done = tuidock(
        "exec", "-e", "B=2", "-w", "/tmp", "box", "sh", "-c", "echo $A$B $PWD; exit 5", code=5
    )
    assert done.stdout == "12 /tmp\n"
    assert tuidock("exec", "-i", "box", "cat", stdin="through\n").stdout == "through\n"
    assert tuidock("exec", "-u", "app", "box", "id", "-u").stdout == "1234\n"
    assert "nosuch" in tuidock("exec", "box", "nosuch", code=127).stderr
    tuidock("kill", "box")
    tuidock("wait", "box")
    assert "is not running" in tuidock("exec", "box", "true", code=125).stderr


def test_events_of_commands_in_a_container(tuidock: Cli) -> None:
    """One that is not there was asked for, as docker tells it. A long one fits into a page."""
    tuidock("run", "-d", *NO_NETWORK, "--name", "box", "busybox", "sleep", "60")
    tuidock("exec", "box", "sh", "-c", "exit 5", code=5)
    tuidock("exec", "box", "nosuch", code=127)
    tuidock("exec", "box", "true", "\u20ac" * 9000)
    words = ("events", "--since", "1h", "--until", "0s", "-f", "container=box", "--format", "json")
    told = [json.loads(line) for line in tuidock(*words).stdout.splitlines()][2:]
    actions = [each["Action"] for each in told]
    assert actions[:3] == ["exec_create: sh -c exit 5", "exec_start: sh -c exit 5", "exec_die"]
    assert told[2]["Actor"]["Attributes"]["exitCode"] == "5"
    assert actions[3] == "exec_create: nosuch"
    assert actions[4].startswith("exec_create: true \u20ac\u20ac")
    assert (actions[6], len(actions)) == ("exec_die", 7)
    assert len(tuidock(*words, "-f", "event=exec_start").stdout.splitlines()) == 2


def test_a_detached_command_has_the_terminal_it_asked_for(tuidock: Cli) -> None:
    """It lives on, however much it writes there.

    Seen to fail where `-t` was ignored; and, at the second file, where nobody drained it.
    """
    tuidock("run", "-d", *NO_NETWORK, "--name", "box", "busybox", "sleep", "60")
    script = "tty > /tmp/tty; stty -a >> /tmp/tty; seq 100000; echo done > /tmp/end"
    tuidock("exec", "-d", "-t", "box", "sh", "-c", script)
    until(lambda: tuidock("exec", "box", "sh", "-c", "cat /tmp/end || :").stdout == "done\n")
    assert tuidock("exec", "box", "head", "-n", "1", "/tmp/tty").stdout.startswith("/dev/pts/")
    tuidock("exec", "-d", "box", "sh", "-c", "tty > /tmp/none; echo done > /tmp/end2")
    until(lambda: tuidock("exec", "box", "sh", "-c", "cat /tmp/end2 || :").stdout == "done\n")
    assert tuidock("exec", "box", "cat", "/tmp/none").stdout == "not a tty\n"
