"""`debug`: tools in the namespaces of a container that has none, and nothing of the host's lent."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests import busybox, root_only
from tests.cli.conftest import Cli
from tests.waiting import until
from tuidock.engine.core import Core
from tuidock.engine.layout import Layout

NO_NETWORK = ("--network", "none")
IMAGE = ("--image", "busybox")


def bare_layer() -> bytes:
    """One static program and a file: no shell, no library, no directory to speak of."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.add(busybox.BUSYBOX, "sleep")
        secret = tarfile.TarInfo("settings")
        secret.size, secret.mode, secret.uid = 5, 0o600, 1234
        tar.addfile(secret, io.BytesIO(b"a=1\n\n"))
    return buffer.getvalue()


@pytest.fixture
def bare(tuidock: Cli, layout: Layout) -> str:
    """A running container of an image that has nothing, as a user who is not root."""
    core = Core(layout)
    core.images.add(busybox.config(), [bare_layer()], "bare")
    core.close()
    tuidock("run", "-d", *NO_NETWORK, "--name", "box", "-u", "1234", "bare", "/sleep", "600")
    return "box"


@pytest.mark.root(root_only.PROCESSES)
def test_a_container_without_a_shell_is_looked_into(tuidock: Cli, bare: str) -> None:
    """With the tools of this machine: its processes, its files, its environment, its network."""
    assert "executable file not found" in tuidock("exec", bare, "sh", code=127).stderr
    script = "id -u; pwd; cat settings; ls / | grep -c usr; cat /proc/1/cmdline | tr '\\0' ' '"
    done = tuidock("debug", "-c", script, bare)
    assert done.stdout == "0\n/container\na=1\n\n1\n/sleep 600 "
    assert tuidock("debug", bare, "sh", "-c", "exit 7", code=7).stdout == ""
    assert tuidock("ps", "-a", "--format", "{{.Names}}").stdout == "box\n"


@pytest.mark.root(root_only.PROCESSES)
def test_its_files_can_be_changed(tuidock: Cli) -> None:
    tuidock("run", "-d", *NO_NETWORK, "--name", "box", "busybox", "sleep", "600")
    tuidock("debug", *IMAGE, "-c", "echo mended > /container/etc/fault", "box")
    assert tuidock("exec", "box", "cat", "/etc/fault").stdout == "mended\n"
    assert " /etc/fault" in tuidock("diff", "box").stdout
    assert "No such container" in tuidock("debug", *IMAGE, "nobody", code=125).stderr


@contextmanager
def debugging(environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A debugger of `box` that does nothing for long; leaving the block ends its client."""
    command = [sys.executable, "-m", "tuidock", "debug", *IMAGE, "box", "sleep", "500"]
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL) as client:
        try:
            yield client
        finally:
            client.kill()


@pytest.mark.root(root_only.PROCESSES)
def test_it_ends_with_its_container(tuidock: Cli, environment: dict[str, str]) -> None:
    tuidock("run", "-d", *NO_NETWORK, "--name", "box", "busybox", "sleep", "600")
    with debugging(environment) as client:
        until(lambda: "sleep 500" in tuidock("exec", "box", "ps").stdout)
        tuidock("rm", "-f", "box")
        assert client.wait(60) == 137
    until(lambda: tuidock("ps", "-aq").stdout == "")


@pytest.mark.root(root_only.PROCESSES)
def test_it_ends_with_its_client(tuidock: Cli, environment: dict[str, str]) -> None:
    """Killed, not left: seen to fail without `Lines.deserted` in the monitor."""
    tuidock("run", "-d", *NO_NETWORK, "--name", "box", "busybox", "sleep", "600")
    with debugging(environment):
        until(lambda: "sleep 500" in tuidock("exec", "box", "ps").stdout)
    until(lambda: tuidock("ps", "-a", "--format", "{{.Names}}").stdout == "box\n")


@pytest.mark.root(root_only.PROCESSES)
def test_the_tools_are_copies_that_nobody_else_has(
    tuidock: Cli, environment: dict[str, str]
) -> None:
    """A container that may do everything writes over each program of the debugger that it finds.

    What it reaches is that debugger's own upper layer: the next one has its tools as they were.
    Seen to fail with a directory of programs bound into the debugger instead (`mounts`).
    """
    tuidock("run", "-d", *NO_NETWORK, "--privileged", "--name", "box", "busybox", "sleep", "600")
    attack = (
        "for root in /proc/[0-9]*/root; do [ -h $root/container ] || continue;"
        " for tool in $root/bin/[a-z]*; do rm -f $tool; echo evil > $tool; done;"
        " cat $root/bin/ls; done"
    )
    with debugging(environment):
        until(lambda: "evil" in tuidock("exec", "box", "sh", "-c", attack).stdout)
    done = tuidock("debug", *IMAGE, "-c", "ls -d /container/bin", "box")
    assert done.stdout == "/container/bin\n"
