"""Health checks and other runtimes as a person asks for them and sees them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests import root_only
from tests.cli.conftest import Cli
from tests.waiting import until

CHECK = ("--health-cmd", "echo looked; test -e /tmp/fine", "--health-interval", "100ms")
QUIET = ("--network", "none")


def status(tuidock: Cli) -> str:
    return tuidock("ps", "--format", "{{.Status}}").stdout.strip()


def test_health_from_beginning_to_end(tuidock: Cli) -> None:
    tuidock("run", "-d", "--name", "box", *QUIET, *CHECK, "busybox", "sleep", "60")
    assert "(health: starting)" in status(tuidock) or "(unhealthy)" in status(tuidock)
    until(lambda: status(tuidock).endswith("(unhealthy)"))
    found = json.loads(tuidock("inspect", "box").stdout)[0]
    assert found["State"]["Health"]["FailingStreak"] >= 3
    last = found["State"]["Health"]["Log"][-1]
    assert (last["ExitCode"], last["Output"]) == (1, "looked\n")
    assert found["Config"]["Healthcheck"] == {
        "Test": ["CMD-SHELL", "echo looked; test -e /tmp/fine"],
        "Interval": 100_000_000,
    }
    tuidock("exec", "box", "touch", "/tmp/fine")
    until(lambda: status(tuidock).endswith("(healthy)"))
    for word, names in (("healthy", "box\n"), ("unhealthy", ""), ("none", "")):
        shown = tuidock("ps", "--filter", f"health={word}", "--format", "{{.Names}}").stdout
        assert shown == names
    told = tuidock("events", "--since", "1m", "--until", "0s", "--filter", "event=health_status")
    actions = [line.split(" container ")[1].split(" (")[0] for line in told.stdout.splitlines()]
    assert [each.rpartition(" ")[0] for each in actions] == [
        "health_status: unhealthy",
        "health_status: healthy",
    ]


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (("--health-interval", "5s"), "this image has no health check"),
        (("--health-on-failure", "kill"), "this image has no health check"),
        (("--no-healthcheck", "--health-cmd", "true"), "conflicts with --health-* options"),
        (("--no-healthcheck", "--health-retries", "2"), "conflicts with --health-* options"),
        (("--health-cmd", "true", "--health-interval", "10us"), "cannot be less than 1ms"),
        (("--health-cmd", "true", "--health-timeout", "0.1ms"), "cannot be less than 1ms"),
    ],
)
def test_what_makes_no_sense_is_one_line(tuidock: Cli, flags: tuple[str, ...], why: str) -> None:
    assert why in tuidock("run", *QUIET, *flags, "busybox", "true", code=125).stderr


@pytest.mark.root(root_only.RUNTIMES)
@pytest.mark.parametrize("program", ["crun", "runc"])
def test_another_runtime_on_the_bridge(tuidock: Cli, program: str) -> None:
    name = ("--name", "box")
    tuidock("run", "-d", *name, "--runtime", program, "-p", "127.0.0.1:18475:80", *CHECK, "busybox",
            "httpd", "-f", "-h", "/www")  # fmt: skip
    assert tuidock("exec", "box", "wget", "-qO-", "127.0.0.1").stdout == "hello\n"
    assert "127.0.0.1:18475->80/tcp" in tuidock("ps", "--format", "{{.Ports}}").stdout
    address = tuidock("inspect", "--format", "{{.NetworkSettings.IPAddress}}", "box").stdout
    assert f"inet {address.strip()}/" in tuidock("exec", "box", "ip", "address").stdout
    assert tuidock("inspect", "--format", "{{.HostConfig.Runtime}}", "box").stdout == f"{program}\n"
    tuidock("pause", "box")
    assert status(tuidock).endswith("(Paused)")
    tuidock("unpause", "box")
    tuidock("restart", "-t", "0", "box")
    assert tuidock("top", "box").stdout.count("httpd") == 1
    tuidock("stop", "-t", "0", "box")
    assert tuidock("wait", "box").stdout == "137\n"


@pytest.mark.root(root_only.RUNTIMES)
def test_a_runtime_that_is_not_there(tuidock: Cli, tmp_path: Path) -> None:
    refused = tuidock("run", "--runtime", "nosuch", *QUIET, "busybox", "true", code=125).stderr
    assert refused.startswith("tuidock: unknown or invalid runtime name: nosuch\n")
    program = tmp_path / "crun"
    os.symlink("/usr/bin/crun", program)
    tuidock("create", "--name", "box", "--runtime", str(program), *QUIET, "busybox", "true")
    program.unlink()
    refused = tuidock("start", "box", code=1).stderr
    assert refused.splitlines() == [
        f"tuidock: cannot run the runtime {program}: no such file or directory",
        "install it, or create the container without --runtime",
    ]


@pytest.mark.root(root_only.RUNTIMES)
def test_files_of_a_container_mounted(tuidock: Cli) -> None:
    tuidock("create", "--name", "box", *QUIET, "busybox", "true")
    root = tuidock("container", "mount", "box").stdout.strip()
    assert os.path.exists(f"{root}/bin/busybox")
    assert "are mounted at" in tuidock("start", "box", code=1).stderr
    assert tuidock("container", "unmount", "box").stdout == "box\n"
    tuidock("start", "box")


def test_a_probe_needs_no_more_than_the_image(tuidock: Cli) -> None:
    tuidock("run", "-d", "--name", "box", *QUIET, "--health-cmd", "nosuch", "--health-interval",
            "50ms", "--health-retries", "1", "busybox", "sleep", "60")  # fmt: skip
    until(lambda: status(tuidock).endswith("(unhealthy)"))
    found = json.loads(tuidock("inspect", "box").stdout)[0]
    assert "nosuch" in found["State"]["Health"]["Log"][-1]["Output"]
