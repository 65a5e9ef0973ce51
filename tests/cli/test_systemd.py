"""Units that systemd understands, and commands in them that do what they say."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.conftest import AS_ROOT
from tests.waiting import until
from tuidock.cli import systemd
from tuidock.engine.layout import Layout

NO_NETWORK = ("--network", "none")


def verify(directory: Path, name: str, text: str, *, user: bool = False) -> None:
    """`systemd-analyze verify` where it is installed; it runs the lines it does not like."""
    assert text.startswith("# ")
    (directory / f"{name}.service").write_text(text)
    if analyze := shutil.which("systemd-analyze"):
        flags = ["--user"] if user else []
        done = subprocess.run(
            [analyze, "verify", *flags, f"{directory}/{name}.service"],
            capture_output=True,
            text=True,
            env={**os.environ, "XDG_RUNTIME_DIR": str(directory)},
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")


def value(unit: str, key: str) -> str:
    [found] = [line.partition("=")[2] for line in unit.splitlines() if line.startswith(f"{key}=")]
    return found


def run(unit: str, key: str) -> subprocess.CompletedProcess[str]:
    """As systemd would: with the unit's variables and next to no others."""
    variables = [
        shlex.split(line.partition("=")[2])[0]
        for line in unit.splitlines()
        if line.startswith("Environment=")
    ]
    words = shlex.split(value(unit, key).replace("$$", "$").replace("%%", "%"))
    environment = dict(each.replace("%%", "%").split("=", 1) for each in variables)
    return subprocess.run(
        words, capture_output=True, text=True, env=environment, cwd="/", timeout=60, check=False
    )


def test_the_unit_for_all_starts_and_stops_what_has_a_policy(tuidock: Cli, tmp_path: Path) -> None:
    unit = tuidock("generate", "systemd").stdout
    verify(tmp_path, "tuidock", unit)
    for name, policy in (("web", "unless-stopped"), ("db", "always"), ("job", "no")):
        flags = ("--restart", policy, "--stop-timeout", "0")
        tuidock("run", "-d", "--name", name, *flags, *NO_NETWORK, "busybox", "sleep", "600")
    assert sorted(run(unit, "ExecStop").stdout.split()) == ["db", "web"]
    assert tuidock("ps", "--format", "{{.Names}}").stdout == "job\n"
    started = run(unit, "ExecStart")
    assert (started.returncode, started.stdout) == (0, "web\ndb\n")
    target = "multi-user" if AS_ROOT else "default"
    assert f"WantedBy={target}.target" in unit
    assert "KillMode=process" in unit


def test_a_unit_for_one_container_is_its_foreground(tuidock: Cli, tmp_path: Path) -> None:
    tuidock("create", "--name", "job", *NO_NETWORK, "busybox", "sh", "-c", "echo hi; exit 7")
    unit = tuidock("generate", "systemd", "--name", "job").stdout
    verify(tmp_path, "tuidock-job", unit)
    done = run(unit, "ExecStart")
    assert (done.returncode, done.stdout) == (7, "hi\n")
    assert value(unit, "Type") == "exec"
    assert value(unit, "TimeoutStopSec") == "40"


def test_a_container_with_a_policy_is_restarted_by_tuidock_alone(
    tuidock: Cli, tmp_path: Path
) -> None:
    flags = ("--name", "web", "--restart=always", "--stop-timeout", "-1", *NO_NETWORK)
    tuidock("create", *flags, "busybox", "sleep", "600")
    unit = tuidock("generate", "systemd", "web").stdout
    verify(tmp_path, "tuidock-web", unit)
    assert value(unit, "TimeoutStopSec") == "infinity"
    assert "Restart=" not in unit
    assert run(unit, "ExecStart").returncode == 0
    until(lambda: tuidock("ps", "--format", "{{.Names}}").stdout == "web\n")
    tuidock("update", "--restart", "no", "web")
    tuidock("kill", "web")


def test_a_users_unit_is_for_a_users_manager(tmp_path: Path) -> None:
    layout = Layout(f"{tmp_path}/a b%c", f'{tmp_path}/"run$HOME')
    unit = systemd.for_all(systemd.place(layout, user=True))
    verify(tmp_path, "tuidock-user", unit, user=True)
    assert "WantedBy=default.target" in unit
    assert "enable-linger" in unit
    assert "network-online" not in unit


def test_words_of_a_unit_survive_systemds_syntax() -> None:
    """Blanks, quotes, `%`, `$` and backslashes; see systemd.syntax(7)."""
    place = systemd.place(Layout("/r", "/s"), user=False)
    odd = place._replace(command=("/opt/a b/tuidock", 'x"y', "100%", "$HOME", "a\\b"))
    assert systemd._exec("ExecStart", odd, "start") == (
        'ExecStart="/opt/a b/tuidock" "x\\"y" 100%% $$HOME "a\\\\b" start'
    )


def test_the_program_is_this_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "tuidock"
    script.touch(0o755)
    monkeypatch.setattr(sys, "argv", [str(script), "generate", "systemd"])
    assert systemd.program() == ((str(script),), "")
    monkeypatch.setattr(sys, "argv", ["/somewhere/tuidock/__main__.py"])
    assert systemd.program()[0] == (sys.executable, "-m", "tuidock")
