"""`cp`, `diff`, `export` and `commit` as a person types them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.waiting import until


@pytest.fixture
def box(tuidock: Cli) -> str:
    script = "echo x > /new; truncate -s 9G /holes; cat /dev/urandom > /busy"
    tuidock("run", "-d", "--name", "box", "--network", "none", "busybox", "sh", "-c", script)
    tuidock("stop", "-t", "0", "box")
    return "box"


def test_there_and_back(tuidock: Cli, box: str, tmp_path: Path) -> None:
    assert tuidock("diff", box).stdout.splitlines() == ["A /busy", "A /holes", "A /new"]
    assert tuidock("cp", f"{box}:/new", f"{tmp_path}/new").stderr == ""
    assert (tmp_path / "new").read_text() == "x\n"
    (tmp_path / "a:b").write_text("colon")
    tuidock("cp", f"{tmp_path}/a:b", f"{box}:/tmp")
    stream = tuidock("cp", f"{box}:/tmp/.", "-").stdout
    assert "colon" in stream
    tuidock("cp", "-", f"{box}:/root", stdin=stream)
    tuidock("cp", "-q", f"{box}:/root/a:b", str(tmp_path / "again"))
    assert (tmp_path / "again").read_text() == "colon"
    tuidock("revert", box, "/root", "/new")
    told = tuidock("diff", box).stdout.splitlines()
    assert told == ["A /busy", "A /holes", "C /tmp", "A /tmp/a:b"]
    assert "/new is as the image has it" in tuidock("revert", box, "/new", code=1).stderr


def test_export_and_commit(tuidock: Cli, box: str, tmp_path: Path) -> None:
    tuidock("export", "--output", f"{tmp_path}/box.tar", box)
    with tarfile.open(tmp_path / "box.tar") as tar:
        assert {"new", "etc/passwd"} <= set(tar.getnames())
    tuidock("start", box)
    tuidock("exec", box, "rm", "/holes")
    tuidock("stop", "-t", "0", box)
    words = ["-a", "me", "-m", "why", "-c", "ENV A=b", "-c", "CMD cat /new", "--pause=false"]
    identifier = tuidock("commit", *words, box, "mine:1").stdout.strip()
    assert identifier.startswith("sha256:")
    assert tuidock("images", "-q", "--no-trunc", "mine").stdout.strip() == identifier
    assert tuidock("run", "--rm", "--network", "none", "mine:1").stdout == "x\n"


def test_an_export_replaces_files_only(tuidock: Cli, box: str, tmp_path: Path) -> None:
    """Seen to fail without the look at what is there: `-o /dev/null` took the device away."""
    os.mkfifo(tmp_path / "pipe")
    said = tuidock("export", "-o", f"{tmp_path}/pipe", box, code=1).stderr
    assert said == f'tuidock: invalid output path: "{tmp_path}/pipe" must be a regular file\n'
    assert (tmp_path / "pipe").is_fifo()
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    tuidock("export", "-o", f"{tmp_path}/link", box)
    assert (tmp_path / "link").is_symlink()
    assert tarfile.is_tarfile(tmp_path / "real")
    assert sorted(os.listdir(tmp_path)) == ["link", "pipe", "real"]


def test_mistakes_are_told_in_dockers_words(tuidock: Cli, box: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for words, said in (
        (("cp", f"{box}:/new", f"{box}:/other"), "copying between containers is not supported"),
        (("cp", str(file), str(tmp_path)), "must specify at least one container source"),
        (("cp", f"{box}:/nosuch", str(tmp_path)), "Could not find the file /nosuch in container"),
        (("cp", "-", f"{box}:/new"), f'destination "{box}:/new" must be a directory'),
        (("cp", "nosuch:/x", str(tmp_path)), "No such container: nosuch"),
        (("commit", "-c", "RUN x", box), "is not a valid change command"),
        (("commit", box, "UPPER"), "invalid reference format"),
        (("export", "-o", f"{tmp_path}/no/such", box), "no such directory"),
        (("diff", "nosuch"), "No such container: nosuch"),
    ):
        assert said in tuidock(*words, code=1).stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_export_that_is_stopped_leaves_no_part(
    box: str, environment: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    """Seen to fail when the file is written under its own name."""
    target = tmp_path / "out"
    target.mkdir()
    words = [sys.executable, "-m", "tuidock", "export", "-o", f"{target}/box.tar", box]
    client = subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True)
    until(lambda: os.listdir(target))
    client.send_signal(number)
    _, said = client.communicate(timeout=60)
    assert "Traceback" not in said
    assert client.returncode != 0
    assert os.listdir(target) == []


@pytest.mark.parametrize("running", [False, True], ids=["stopped", "running"])
@pytest.mark.parametrize(
    "ends",
    [("-", "box:/tmp"), ("box:/bin", "-")],
    ids=["nobody writes", "nobody reads"],
)
def test_a_removal_by_force_ends_a_copy_that_is_stuck(
    tuidock: Cli, box: str, environment: dict[str, str], ends: tuple[str, str], *, running: bool
) -> None:
    """One clear line for whoever copies. Seen to fail without `turn_out`: `rm` waits for ever;
    where the copier's client keeps the lock; and, in the first case, without `await_more`.
    """
    if running:
        tuidock("start", box)
    words = [sys.executable, "-m", "tuidock", "cp", *ends]
    ours, theirs = subprocess.PIPE, environment
    with subprocess.Popen(words, stdin=ours, stdout=ours, stderr=ours, env=theirs) as client:
        until(lambda: "to-dir" in (seen := _events(tuidock)) or "archive-path" in seen)
        assert tuidock("rm", "-f", box).stdout == f"{box}\n"
        if ends[0] == "-":
            assert client.wait(60) == 1  # its input is still open
        _, said = client.communicate(timeout=60)
    assert client.returncode == 1
    assert said.decode().splitlines() == [
        "tuidock: the container is being removed",
        "what was copied is not whole",
    ]
    assert tuidock("ps", "-aq").stdout == ""


def _events(tuidock: Cli) -> str:
    return tuidock("events", "--since", "1h", "--until", "0s", "--format", "{{.Action}}").stdout
