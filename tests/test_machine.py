"""The suite's own eyes: a leak of each kind is seen and named, and a skip as root is a failure."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import machine, root_only

HOUSE = Path(__file__).parent.parent


@contextmanager
def undone(make: list[str], undo: list[str]) -> Iterator[None]:
    subprocess.run(make, check=True)
    try:
        yield
    finally:
        subprocess.run(undo, check=True)


def test_a_process_is_seen(tmp_path: Path) -> None:
    program = shutil.copy(str(shutil.which("sleep")), tmp_path / "tuidock-sleep")
    before = machine.look()
    process = subprocess.Popen([program, "60"])
    try:
        assert f"process: {process.pid} tuidock-sleep" in "\n".join(machine.since(before))
    finally:
        process.kill()
        process.wait()
    assert f"process: {process.pid} " not in "\n".join(machine.since(before))


def test_a_directory_is_seen() -> None:
    before = machine.look()
    path = f"{machine.TEMPORARY}seen-{os.getpid()}"
    with undone(["mkdir", path], ["rmdir", path]):
        assert f"directory: {path}" in machine.since(before)


@pytest.mark.root(root_only.BRIDGE)
def test_kernel_objects_are_seen(tmp_path: Path) -> None:
    """Mounts, cgroups, interfaces, tables and named network namespaces."""
    name = f"tuidock-t{os.getpid()}"
    cgroup = next(
        path
        for path in (f"/sys/fs/cgroup/pids/{name}", f"/sys/fs/cgroup/{name}")
        if os.path.isdir(os.path.dirname(path))
    )
    before = machine.look()
    with (
        undone(["mount", "-t", "tmpfs", "none", str(tmp_path)], ["umount", str(tmp_path)]),
        undone(["mkdir", cgroup], ["rmdir", cgroup]),
        undone(
            ["ip", "link", "add", name[-8:], "type", "bridge"], ["ip", "link", "del", name[-8:]]
        ),
        undone(["nft", "add", "table", "ip", name], ["nft", "delete", "table", "ip", name]),
        undone(["ip", "netns", "add", name], ["ip", "netns", "del", name]),
    ):
        seen = "\n".join(machine.since(before, [name, name[-8:], str(tmp_path)]))
    for kind in ("mount", "cgroup", "interface", "nft table", "network namespace"):
        assert f"{kind}: " in seen
    assert not machine.since(before, [name, name[-8:], str(tmp_path)])


SKIPPING = """
import pytest
@pytest.mark.skip(reason="felt like it")
def test_one(): pass
def test_two(): pytest.skip("not today")
"""
LEAKING = """
import os
def test_one(): os.mkdir(os.environ["LEAK"])
"""


def suite(directory: Path, content: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A suite of its own, under our conftest."""
    (directory / "test_it.py").write_text(content)
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider"]
    command += ["--rootdir", str(directory), str(directory)]
    variables = {**os.environ, "PYTHONPATH": str(HOUSE), "TUIDOCK_REQUIRE": "1", **env}
    return subprocess.run(command, capture_output=True, text=True, cwd=directory, env=variables)


def test_a_skip_is_a_failure_where_nothing_may_be_missing(tmp_path: Path) -> None:
    """Fails when the report hook of tests/conftest.py goes: pytest is content with skips."""
    done = suite(tmp_path, SKIPPING)
    assert done.returncode == 1
    assert "1 failed, 1 error" in done.stdout  # pytest calls the failure of a mark an error
    assert "nothing may be here: Skipped: felt like it" in done.stdout


def test_a_leak_fails_the_run_and_is_named(tmp_path: Path) -> None:
    """Fails when the session fixture of tests/conftest.py goes."""
    path = f"{machine.TEMPORARY}leak-{os.getpid()}"
    try:
        done = suite(tmp_path, LEAKING, LEAK=path, TUIDOCK_ALONE="1")
    finally:
        os.rmdir(path)
    assert done.returncode == 1
    assert f"directory: {path}" in done.stdout
    assert "1 passed, 1 error" in done.stdout  # the closing line says so too


def test_a_dead_child_that_was_not_reaped_is_nothing_left() -> None:
    """Fails when zombies count: the last launcher of a run is one until the run ends."""
    words = ["sh", "-c", "echo tuidock-launcher > /proc/$$/comm"]
    pid = os.posix_spawn("/bin/sh", words, dict(os.environ))
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    try:
        assert machine.describe(pid).startswith(f"{pid} tuidock-launche")
        assert not [line for line in machine.look()["process"] if line.startswith(f"{pid} ")]
    finally:
        os.waitpid(pid, 0)
