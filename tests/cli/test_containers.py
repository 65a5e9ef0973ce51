"""Containers from the command line: real processes, exact output, exact exit codes."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import urllib.request

import pytest

from tests import busybox, root_only
from tests.cli.conftest import Cli
from tests.waiting import until
from tuidock.engine.core import Core
from tuidock.engine.layout import Layout

NO_NETWORK = ("--network", "none")


def test_run_gives_output_and_exit_code(tuidock: Cli) -> None:
    done = tuidock(
        "run", "--rm", *NO_NETWORK, "busybox", "sh", "-c", "echo out; echo err >&2; exit 7", code=7
    )
    assert (done.stdout, done.stderr) == ("out\n", "err\n")
    assert tuidock("ps", "-aq").stdout.strip() == ""


def test_run_passes_standard_input_and_its_end(tuidock: Cli) -> None:
    done = tuidock("run", "-i", "--rm", *NO_NETWORK, "busybox", "wc", "-c", stdin="x" * 200_000)
    assert done.stdout.strip() == "200000"


def test_large_output_arrives_whole(tuidock: Cli) -> None:
    done = tuidock("run", "--rm", *NO_NETWORK, "busybox", "seq", "1", "200000")
    assert done.stdout.split() == [str(n) for n in range(1, 200_001)]


def test_a_missing_command_is_127_and_one_not_executable_126(tuidock: Cli) -> None:
    missing = tuidock("run", "--rm", *NO_NETWORK, "busybox", "nosuch", code=127)
    assert "nosuch" in missing.stderr
    refused = tuidock("run", "--rm", *NO_NETWORK, "busybox", "/etc/passwd", code=126)
    assert "/etc/passwd" in refused.stderr
    assert tuidock("ps", "-aq").stdout.strip() == ""


def test_an_unknown_image_is_125_and_says_so(tuidock: Cli) -> None:
    done = tuidock("run", "--pull", "never", "nosuch", code=125)
    assert "No such image" in done.stderr


def test_a_detached_container_lives_until_it_is_stopped(tuidock: Cli) -> None:
    made = tuidock(
        "run", "-d", *NO_NETWORK, "--name", "web", "busybox", "sleep", "60"
    ).stdout.strip()
    assert len(made) == 64
    [row] = [json.loads(line) for line in tuidock("ps", "--format", "json").stdout.splitlines()]
    assert (row["Names"], row["State"], row["ID"]) == ("web", "running", made[:12])
    assert row["Status"].startswith("Up ")
    assert tuidock("stop", "-t", "0", "web").stdout == "web\n"
    assert tuidock("ps", "-q").stdout == ""
    assert tuidock("ps", "-a", "--format", "{{.Status}}").stdout.startswith("Exited (137)")
    assert tuidock("wait", "web").stdout == "137\n"
    assert tuidock("start", "web").stdout == "web\n"
    assert tuidock("inspect", "-f", "{{.State.Running}}", "web").stdout == "true\n"
    assert "cannot remove" in tuidock("rm", "web", code=1).stderr
    assert tuidock("rm", "-f", "web").stdout == "web\n"
    assert "No such container: web" in tuidock("rm", "web", code=1).stderr


def test_a_name_in_use_keeps_dockers_words(tuidock: Cli) -> None:
    first = tuidock("create", "--name", "web", "busybox").stdout.strip()
    done = tuidock("run", "--name", "web", "busybox", code=125)
    wanted = f'The container name "/web" is already in use by container "{first}"'
    assert wanted in done.stderr


def test_logs_tail_since_and_follow(tuidock: Cli) -> None:
    script = "echo one; echo two >&2; sleep 0.3; echo three"
    tuidock("run", "-d", *NO_NETWORK, "--name", "talk", "busybox", "sh", "-c", script)
    followed = tuidock("logs", "-f", "talk")
    assert (followed.stdout, followed.stderr) == ("one\nthree\n", "two\n")
    assert tuidock("logs", "--tail", "1", "talk").stdout == "three\n"
    stamped = tuidock("logs", "-t", "--tail", "1", "talk").stdout
    assert stamped.endswith("Z three\n")
    assert tuidock("logs", "--since", "1h", "talk").stdout == "one\nthree\n"
    assert tuidock("logs", "--until", "1h", "talk").stdout == ""


def test_users_and_environment_of_the_image(tuidock: Cli) -> None:
    tuidock("tag", "busybox", "mine")
    done = tuidock(
        "run",
        "--rm",
        *NO_NETWORK,
        "-u",
        "app",
        "-e",
        "X=y z",
        "-w",
        "/www",
        "mine",
        "sh",
        "-c",
        "id -u; id -g; id -G; echo $X; pwd; cat index.html; hostname",
    )
    uid, gid, groups, value, where, text, host = done.stdout.splitlines()
    assert (uid, gid, value, where, text) == ("1234", "1235", "y z", "/www", "hello")
    assert set(groups.split()) == {"1235", "29"}
    assert len(host) == 12


@pytest.mark.cgroup2
@pytest.mark.root(root_only.LIMITS)
def test_update_is_felt_and_outlives_a_restart(tuidock: Cli) -> None:
    tuidock("run", "-d", *NO_NETWORK, "-m", "64m", "--name", "box", "busybox", "sleep", "600")
    tuidock("update", "-m", "96m", "--cpus", "0.5", "--pids-limit", "30", "box")
    shape = "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}}"
    assert tuidock("inspect", "-f", shape, "box").stdout == f"{96 << 20} 500000000 30\n"
    tuidock("restart", "-t", "0", "box")
    [row] = tuidock("stats", "--no-stream", "--format", "json", "box").stdout.splitlines()
    assert json.loads(row)["MemUsage"].endswith("/ 96MiB")
    assert "6MB" in tuidock("update", "-m", "1m", "box", code=1).stderr


@pytest.mark.cgroup2
@pytest.mark.root(root_only.LIMITS)
def test_memory_over_the_limit_is_an_oom_kill(tuidock: Cli) -> None:
    hungry = "x=$(head -c 60m /dev/zero | tr '\\0' x); echo ${#x}"
    tuidock(
        "run",
        *NO_NETWORK,
        "-m",
        "16m",
        "--memory-swap",
        "16m",
        "--name",
        "hungry",
        "busybox",
        "sh",
        "-c",
        hungry,
        code=137,
    )
    shape = "{{.State.OOMKilled}} {{.State.ExitCode}}"
    assert tuidock("inspect", "-f", shape, "hungry").stdout == "true 137\n"


@pytest.mark.cgroup2
def test_a_killed_container_is_not_an_oom_kill(tuidock: Cli) -> None:
    tuidock("run", "-d", *NO_NETWORK, "--name", "box", "busybox", "sleep", "60")
    tuidock("kill", "-s", "TERM", "box")
    tuidock("kill", "box")
    assert tuidock("wait", "box").stdout == "137\n"
    assert tuidock("inspect", "-f", "{{.State.OOMKilled}}", "box").stdout == "false\n"


@pytest.mark.cgroup2
@pytest.mark.root(root_only.LIMITS)
def test_top_pause_and_events(tuidock: Cli) -> None:
    tuidock("run", "-d", *NO_NETWORK, "--name", "box", "busybox", "sleep", "60")
    assert "sleep 60" in tuidock("top", "box").stdout
    tuidock("pause", "box")
    assert "(Paused)" in tuidock("ps", "--format", "{{.Status}}").stdout
    tuidock("unpause", "box")
    tuidock("rm", "-f", "box")
    seen = [
        json.loads(line)["Action"]
        for line in tuidock(
            "events", "--since", "1h", "--until", "0s", "--format", "json"
        ).stdout.splitlines()
    ]
    life = [action for action in seen if action not in ("import", "tag", "exec_create")]
    assert life == ["create", "start", "pause", "unpause", "kill", "die", "destroy"]


def test_a_published_port_answers(tuidock: Cli) -> None:
    tuidock(
        "run", "-d", "-p", "127.0.0.1::80", "--name", "web", "busybox", "httpd", "-f", "-h", "/www"
    )
    shape = "{{json .NetworkSettings.Ports}}"
    [binding] = json.loads(tuidock("inspect", "-f", shape, "web").stdout)["80/tcp"]
    url = f"http://127.0.0.1:{binding['HostPort']}/index.html"
    until(lambda: _answers(url))
    shape = "{{range .NetworkSettings.Networks}}{{.IPPrefixLen}} {{.Gateway}}{{end}}"
    prefix, gateway = tuidock("inspect", "-f", shape, "web").stdout.split()
    assert f"default via {gateway} " in tuidock("exec", "web", "ip", "route").stdout
    assert f"/{prefix} " in tuidock("exec", "web", "ip", "address", "show", "eth0").stdout
    taken = tuidock(
        "run", "-d", "-p", f"127.0.0.1:{binding['HostPort']}:80", "busybox", "true", code=125
    )
    assert "port is already allocated" in taken.stderr


def test_published_ranges_of_ports(tuidock: Cli) -> None:
    """One to one, or any free one of a range for a single port."""
    words = ("busybox", "httpd", "-f", "-h", "/www")
    tuidock("run", "-d", "-p", "127.0.0.1:18601-18602:80-81", "--name", "both", *words)
    told = tuidock("port", "both").stdout
    assert told == "80/tcp -> 127.0.0.1:18601\n81/tcp -> 127.0.0.1:18602\n"
    until(lambda: _answers("http://127.0.0.1:18601/index.html"))
    anyone = ("-p", "127.0.0.1:18602-18604:80")
    for name, number in (("one", 18603), ("two", 18604)):
        tuidock("run", "-d", *anyone, "--name", name, *words)
        assert tuidock("port", name).stdout == f"80/tcp -> 127.0.0.1:{number}\n"
        until(lambda at=number: _answers(f"http://127.0.0.1:{at}/index.html"))
    taken = tuidock("run", "-d", *anyone, *words, code=125).stderr
    assert "Bind for 127.0.0.1:18604 failed: port is already allocated" in taken
    asked = tuidock("inspect", "-f", "{{json .HostConfig.PortBindings}}", "two").stdout
    assert json.loads(asked)["80/tcp"][0]["HostPort"] == "18602-18604"
    tuidock("rm", "-f", "both")
    tuidock("restart", "-t", "0", "two")
    assert tuidock("port", "two").stdout == "80/tcp -> 127.0.0.1:18602\n"
    uneven = tuidock("run", "-p", "18601-18603:80-81", *words, code=125).stderr
    assert "invalid ranges specified for container and host Ports" in uneven


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.read() == b"hello\n")
    except OSError:
        return False


def test_signals_reach_the_command(environment: dict[str, str], tuidock: Cli) -> None:
    script = "trap 'echo got TERM; exit 9' TERM; echo ready; while :; do sleep 0.05; done"
    words = [
        sys.executable,
        "-m",
        "tuidock",
        "run",
        "--rm",
        *NO_NETWORK,
        "busybox",
        "sh",
        "-c",
        script,
    ]
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == "got TERM\n"
    assert process.returncode == 9


def test_a_container_outlives_its_client(environment: dict[str, str], tuidock: Cli) -> None:
    words = [
        sys.executable,
        "-m",
        "tuidock",
        "run",
        *NO_NETWORK,
        "--name",
        "box",
        "busybox",
        "sh",
        "-c",
        "echo ready; sleep 60",
    ]
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.kill()
    assert tuidock("inspect", "-f", "{{.State.Running}}", "box").stdout == "true\n"
    assert tuidock("logs", "box").stdout == "ready\n"


def test_rm_is_kept_when_the_client_is_killed(environment: dict[str, str], tuidock: Cli) -> None:
    words = [
        sys.executable,
        "-m",
        "tuidock",
        "run",
        "--rm",
        *NO_NETWORK,
        "--name",
        "box",
        "busybox",
        "sh",
        "-c",
        "echo ready; sleep 60",
    ]
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout
        process.stdout.readline()
        process.kill()
    tuidock("kill", "box")
    until(lambda: tuidock("ps", "-aq").stdout == "")


def test_check_finds_nothing_to_mend_in_a_sound_store(tuidock: Cli) -> None:
    tuidock("run", "-d", *NO_NETWORK, "busybox", "sleep", "60")
    assert tuidock("system", "check").stdout == "Nothing to mend.\n"


def test_the_same_layout_serves_two_roots(tuidock: Cli, environment: dict[str, str]) -> None:
    tuidock("create", "--name", "web", "busybox")
    other = {
        **environment,
        "TUIDOCK_ROOT": environment["TUIDOCK_ROOT"] + "2",
        "TUIDOCK_RUNROOT": environment["TUIDOCK_RUNROOT"] + "2",
    }
    seen = subprocess.run(
        [sys.executable, "-m", "tuidock", "ps", "-aq"],
        env=other,
        capture_output=True,
        text=True,
        check=True,
    )
    assert seen.stdout == ""
    assert os.path.isdir(other["TUIDOCK_ROOT"])


def test_layers_go_with_the_last_container_of_a_removed_image(
    tuidock: Cli, environment: dict[str, str]
) -> None:
    tuidock("create", "--name", "box", "busybox")
    assert "is using its referenced image" in tuidock("rmi", "busybox", code=1).stderr
    tuidock("rmi", "-f", "busybox")
    layers = f"{environment['TUIDOCK_ROOT']}/layers"
    assert os.listdir(layers)
    tuidock("rm", "box")
    assert os.listdir(layers) == []


def test_the_root_directory_is_the_images_own(tuidock: Cli, place: Layout) -> None:
    """Without the copy it is what `mkdir` made. The container's root is 0 in both cases."""
    with tarfile.open(fileobj=(buffer := io.BytesIO()), mode="w") as tar:
        entry = tarfile.TarInfo(".")
        entry.type, entry.mode, entry.mtime, entry.uid = tarfile.DIRTYPE, 0o711, 1_600_000_000, 33
        tar.addfile(entry)
    core = Core(place)
    core.images.add(busybox.config(), [busybox.layer(), buffer.getvalue()], "own")
    core.close()
    done = tuidock("run", "--rm", *NO_NETWORK, "own", "stat", "-c", "%a %u %Y", "/")
    assert done.stdout == "711 33 1600000000\n"


@pytest.mark.cgroup2
@pytest.mark.root(root_only.LIMITS)
def test_a_limit_taken_away_stays_away(tuidock: Cli) -> None:
    tuidock(
        "run",
        "-d",
        *NO_NETWORK,
        "-m",
        "64m",
        "--pids-limit",
        "9",
        "--name",
        "box",
        "busybox",
        "sleep",
        "60",
    )
    tuidock("update", "-m", "0", "--memory-swap", "0", "box")
    tuidock("restart", "-t", "0", "box")
    assert tuidock("inspect", "-f", "{{.HostConfig.Memory}}", "box").stdout == "0\n"
    row = json.loads(tuidock("stats", "--no-stream", "--format", "json", "box").stdout)
    assert not row["MemUsage"].endswith("/ 64MiB")


@pytest.mark.root(root_only.LIMITS)
def test_an_update_until_exit_is_gone_after_it(tuidock: Cli) -> None:
    tuidock(
        "run", "-d", *NO_NETWORK, "--pids-limit", "9", "--name", "box", "busybox", "sleep", "60"
    )
    tuidock("update", "--until-exit", "--pids-limit", "20", "box")
    assert tuidock("inspect", "-f", "{{.HostConfig.PidsLimit}}", "box").stdout == "9\n"
    both = tuidock("update", "--until-exit", "--restart", "always", "box", code=1).stderr
    assert "a restart policy cannot be set for one run only" in both
    tuidock("stop", "-t", "0", "box")
    stopped = tuidock("update", "--until-exit", "--pids-limit", "20", "box", code=1).stderr
    assert "is not running" in stopped
