"""Several clients on one container, and the exit code of its command through each of them."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import NoReturn

import pytest

from tests.cli.conftest import Cli
from tests.waiting import until

NO_NETWORK = ("--network", "none")
TICKING = "(while :; do echo tick; sleep 0.05; done) & read word; kill $!; echo got $word; exit 5"
TRAPPING = "trap 'exit 9' INT; while :; do echo tick; sleep 0.05; done"

Client = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def client(environment: dict[str, str]) -> Iterator[Client]:
    """A client that goes on while others do something."""
    made: list[subprocess.Popen[bytes]] = []

    def start(*words: str) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        words = (sys.executable, "-m", "tuidock", *words)
        made.append(subprocess.Popen(words, env=environment, stdin=pipe, stdout=pipe, stderr=pipe))
        return made[-1]

    yield start
    for process in made:
        process.kill()
        process.communicate()


def ticked(process: subprocess.Popen[bytes]) -> None:
    """It is attached: it shows what the container writes."""
    assert process.stdout
    assert process.stdout.readline() == b"tick\n"


def test_several_see_the_same_and_one_may_type(tuidock: Cli, client: Client) -> None:
    tuidock("run", "-d", "-i", "--name", "box", *NO_NETWORK, "busybox", "sh", "-c", TICKING)
    watcher = client("attach", "--no-stdin", "box")
    typist = client("attach", "box")
    ticked(watcher)
    ticked(typist)
    assert watcher.stdin
    watcher.stdin.write(b"unheard\n")
    told, _ = typist.communicate(b"hello\n", timeout=60)
    seen, _ = watcher.communicate(timeout=60)
    assert told.endswith(b"got hello\n")
    assert seen.endswith(b"got hello\n")
    assert (watcher.returncode, typist.returncode) == (5, 5)
    assert tuidock("wait", "box").stdout == "5\n"


def test_signals_go_to_the_command_unless_told_otherwise(tuidock: Cli, client: Client) -> None:
    tuidock("run", "-d", "--name", "box", *NO_NETWORK, "busybox", "sh", "-c", TRAPPING)
    aside = client("attach", "--sig-proxy=false", "box")
    ticked(aside)
    aside.send_signal(signal.SIGINT)
    aside.communicate(timeout=60)
    assert aside.returncode == 130
    assert tuidock("ps", "--format", "{{.State}}").stdout == "running\n"
    near = client("attach", "box")
    ticked(near)
    near.send_signal(signal.SIGINT)
    near.communicate(timeout=60)
    assert near.returncode == 9


def test_the_signals_of_users_are_passed_on(tuidock: Cli, client: Client) -> None:
    """Seen to fail without them: the client was killed, and its container was alone."""
    script = "trap 'echo one' USR1; trap 'exit 8' USR2; while :; do echo tick; sleep 0.05; done"
    near = client("run", "--name", "box", *NO_NETWORK, "busybox", "sh", "-c", script)
    ticked(near)
    near.send_signal(signal.SIGUSR1)
    assert near.stdout
    until(lambda: near.stdout and near.stdout.readline() == b"one\n")
    near.send_signal(signal.SIGUSR2)
    near.communicate(timeout=60)
    assert near.returncode == 8


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_client_that_a_signal_ends_says_which(
    number: signal.Signals, tuidock: Cli, client: Client
) -> None:
    tuidock("run", "-d", "--name", "box", *NO_NETWORK, "busybox", "sleep", "600")
    near = client("exec", "box", "sh", "-c", "while :; do echo tick; sleep 0.05; done")
    ticked(near)
    near.send_signal(number)
    near.communicate(timeout=60)
    assert near.returncode == 128 + number


@pytest.mark.parametrize("keys", ["foo", "ctrl-", "ctrl-1", "a,,b", "ctrl-pp"])
def test_detach_keys_that_nobody_can_type(keys: str, tuidock: Cli) -> None:
    words = ("run", "-d", "--detach-keys", keys, "busybox", "true")
    lines = tuidock(*words, code=125).stderr.splitlines()
    assert lines[0] == f"tuidock: Invalid detach keys ({keys}) provided"
    assert tuidock("ps", "-aq").stdout == ""


def test_a_client_that_is_killed_disturbs_nobody(tuidock: Cli, client: Client) -> None:
    tuidock("run", "-d", "-i", "--name", "box", *NO_NETWORK, "busybox", "sh", "-c", TICKING)
    one, other = client("attach", "box"), client("attach", "box")
    ticked(one)
    ticked(other)
    one.kill()
    told, _ = other.communicate(b"on\n", timeout=60)
    assert told.endswith(b"got on\n")
    assert other.returncode == 5


@pytest.mark.parametrize("code", [0, 1, 125, 126, 127, 128, 137, 255])
def test_every_exit_code_comes_through_unchanged(tuidock: Cli, code: int) -> None:
    words = ("sh", "-c", f"exit {code}")
    tuidock("run", "--name", "box", *NO_NETWORK, "busybox", *words, code=code)
    tuidock("start", "-a", "box", code=code)
    assert tuidock("wait", "box").stdout == f"{code}\n"
    tuidock("run", "-d", "--name", "host", *NO_NETWORK, "busybox", "sleep", "600")
    tuidock("exec", "host", *words, code=code)


@pytest.mark.parametrize("number", [1, 6, 9, 15])
def test_a_signals_death_is_128_and_its_number(tuidock: Cli, number: int) -> None:
    tuidock("run", "-d", "--name", "box", *NO_NETWORK, "busybox", "sleep", "600")
    tuidock("exec", "box", "sh", "-c", f"kill -{number} $$", code=128 + number)
    outer = ("sh", "-c", f"sh -c 'kill -{number} $$'; exit $?")
    tuidock("run", "--rm", *NO_NETWORK, "busybox", *outer, code=128 + number)


def test_a_detached_command_outlives_its_client(tuidock: Cli) -> None:
    """Seen to fail with the client's own pipes given to it: the second `echo` is its death."""
    tuidock("run", "-d", "--name", "box", *NO_NETWORK, "busybox", "sleep", "600")
    script = "echo one; sleep 0.3; echo two; echo three >&2; touch /tmp/done"
    for flags in (("-d",), ("-dt",), ("-di",)):
        assert tuidock("exec", *flags, "box", "sh", "-c", script).stdout == ""
        until(lambda: "done" in tuidock("exec", "box", "ls", "/tmp").stdout)
        tuidock("exec", "box", "rm", "/tmp/done")
    tuidock("exec", "-d", "box", "nosuch", code=127)


def test_the_id_file_is_written_once(tuidock: Cli, tmp_path: object) -> None:
    file = f"{tmp_path}/cid"
    words = ("--cidfile", file, *NO_NETWORK, "busybox", "true")
    made = tuidock("create", *words).stdout.strip()
    with open(file) as text:
        assert text.read() == made
    refused = tuidock("run", *words, code=125).stderr
    assert refused == (
        "tuidock: container ID file found, make sure the other container isn't running or "
        f"delete {file}\n"
    )
    assert tuidock("ps", "-aq", "--no-trunc").stdout == f"{made}\n"
    os.unlink(file)
    tuidock("run", "--pull", "never", "--cidfile", file, "nosuch", code=125)
    assert not os.path.exists(file), "fails when no container came of it, but a file stays"


def test_detached_and_removed_at_its_end(tuidock: Cli) -> None:
    tuidock("run", "-d", "--rm", *NO_NETWORK, "busybox", "true")
    until(lambda: tuidock("ps", "-aq").stdout == "")


def _background(environment: dict[str, str]) -> NoReturn:
    """In a session of its own: a job that is stopped for touching the terminal, then ended."""
    code = 99
    try:
        words = ("run", "--rm", "-it", *NO_NETWORK, "busybox", "sh", "-c", TRAPPING)
        words = (sys.executable, "-m", "tuidock", *words)
        job = subprocess.Popen(words, env=environment, process_group=0)
        os.waitpid(job.pid, os.WUNTRACED)
        deadline = time.monotonic() + 60
        while job.poll() is None and time.monotonic() < deadline:
            os.killpg(job.pid, signal.SIGINT)
            os.killpg(job.pid, signal.SIGCONT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                job.wait(0.1)
        code = job.returncode
    finally:
        os._exit(code)


def test_a_client_in_the_background_may_be_ended(tuidock: Cli, environment: dict[str, str]) -> None:
    """Fails when `_Terminal` does not expect that a signal interrupts its wait for raw mode."""
    leader, master = pty.fork()
    if leader == 0:
        _background(environment)
    said = b""
    with contextlib.suppress(OSError):  # EIO: nobody has the terminal any more
        while data := os.read(master, 4096):
            said += data
    os.close(master)
    assert os.waitstatus_to_exitcode(os.waitpid(leader, 0)[1]) == 9, said
    assert b"Traceback" not in said
