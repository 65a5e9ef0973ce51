"""Everything that goes wrong for a person: one clear line, what to do, nothing left behind."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests import busybox, root_only
from tests.cli.conftest import Cli
from tests.registry_fixture import DebianRegistry, make_image
from tuidock.engine.core import Core
from tuidock.engine.layout import Layout

NO_NETWORK = ("--network", "none")
TUIDOCK = (sys.executable, "-m", "tuidock")


@pytest.fixture(scope="module")
def registry() -> Iterator[DebianRegistry]:
    with DebianRegistry() as registry:
        registry.push("tools/busybox", "1", make_image([busybox.layer()], busybox.config()))
        yield registry


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The lines of an error: what and why, then what to do."""
    lines = done.stderr.splitlines()
    assert lines[0].startswith("tuidock: "), lines
    assert len(lines) <= 2, lines
    return lines


def nothing_new(tuidock: Cli, place: Layout) -> None:
    """No container, no image but busybox, no unfinished file."""
    assert tuidock("ps", "-aq").stdout == ""
    assert tuidock("images", "--format", "{{.Repository}}").stdout == "busybox\n"
    assert os.listdir(f"{place.root}/containers") == []


@pytest.mark.registry
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("tools/nosuch:1", "manifest unknown"),
        ("tools/busybox:nosuch", "manifest unknown"),
        ("tools/busybox@sha256:" + "0" * 64, "manifest unknown"),
    ],
)
def test_what_a_registry_has_not(
    name: str, words: str, registry: DebianRegistry, tuidock: Cli, place: Layout
) -> None:
    lines = said(tuidock("pull", f"{registry.address}/{name}", code=1))
    assert words in lines[0]
    assert len(lines) == 2
    nothing_new(tuidock, place)


@pytest.mark.registry
def test_a_pulled_image_runs_by_digest(registry: DebianRegistry, tuidock: Cli) -> None:
    pulled = tuidock("pull", f"{registry.address}/tools/busybox:1").stdout
    digest = next(line for line in pulled.splitlines() if line.startswith("Digest: "))[8:]
    again = tuidock("pull", f"{registry.address}/tools/busybox@{digest}").stdout
    assert "Image is up to date" in again
    rows = tuidock("images", "--digests", "--format", "{{.Repository}} {{.Digest}}").stdout
    assert f"{registry.address}/tools/busybox {digest}" in rows
    assert tuidock("registry", "tags", f"{registry.address}/tools/busybox").stdout == "1\n"
    assert "tools/busybox\n" in tuidock("registry", "catalog", registry.address).stdout


def test_a_registry_that_is_down(tuidock: Cli, place: Layout) -> None:
    with socket.socket() as taken:  # bound and not listening: nobody else can answer there
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        lines = said(tuidock("pull", f"{address}/x:1", code=1))
    assert address in lines[0]
    assert len(lines) == 2
    nothing_new(tuidock, place)


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("pull", "Not A Reference"), 1, "invalid reference format"),
        (("pull", "x@sha256:../../etc"), 1, "invalid"),
        (("run", "--network", "nosuch", "busybox"), 125, "network nosuch not found"),
        (("run", "-m", "1k", "busybox"), 125, "6MB"),
        (("run", "--cpus", "10000", "busybox"), 125, "CPUs"),
        (("run", "--name", "../x", "busybox"), 125, "Invalid container name"),
        (("run", "-v", "/nosuch:/x", "busybox"), 125, "does not exist"),
        (("run", "-v", "named:/x", "busybox"), 125, "not supported yet"),
        (("run", "-v", "/etc:/x:r0", "busybox"), 125, "invalid mode: r0"),
        (("run", "-v", "/etc:/x:ro,rw", "busybox"), 125, "invalid mode: ro,rw"),
        (("run", "--userns", "nosuch", "busybox"), 125, "invalid USER mode: nosuch"),
        (("run", "-p", "99999:80", "busybox"), 125, "port"),
        (("run", "--network", "host", "-p", "80", "busybox"), 125, "ports cannot be published"),
        (("run", "--restart", "sometimes", "busybox"), 125, "invalid restart policy"),
        (("run", "--restart", "always:3", "busybox"), 125, "cannot be used with restart policy"),
        (("run", "--restart", "on-failure:x", "busybox"), 125, "maximum retry count must be"),
        (("run", "--restart", "on-failure:-1", "busybox"), 125, "maximum retry count must be"),
        (("run", "--cap-add", "NOSUCH", "busybox"), 125, "NOSUCH"),
        (("run", "--sysctl", "kernel.core_pattern=|/x", "busybox"), 125, "sysctl"),
        (("run", "--ulimit", "nosuch=1", "busybox"), 125, "ulimit"),
        (("run", "--ulimit", "nofile", "busybox"), 125, "invalid ulimit argument: nofile"),
        (("run", "--ulimit", "nofile=1:2:3", "busybox"), 125, "too many limit value arguments"),
        (("run", "--ulimit", "nofile=" + "9" * 5000, "busybox"), 125, "invalid number: '999"),
        (("run", "--device", "/dev/null:/dev/x:rr", "busybox"), 125, "bad mode specified: rr"),
        (("run", "--device", "/dev/null:/dev/x:w0", "busybox"), 125, "bad mode specified: w0"),
        (("run", "--oom-score-adj", "1001", "busybox"), 125, "[-1000, 1000]"),
        (("run", "--device-read-bps", "sda:1mb", "busybox"), 125, "bad format for path"),
        (("run", "--device-read-bps", "/dev/null:1mb", "busybox"), 125, "not a block device"),
        (("run", "--device-write-iops", "/dev/no:-1", "busybox"), 125, "invalid rate for device"),
        (("run", "--group-add", "a:b", "busybox"), 125, "invalid group"),
        (("run", "--hostname", "a\nb", "busybox"), 125, "invalid hostname"),
        (("run", "--hostname", "h" * 65, "busybox"), 125, "invalid hostname"),
        (("run", "--add-host", "x:nope", "busybox"), 125, "invalid IP address in add-host"),
        (("run", "--add-host", "x\ny:1.2.3.4", "busybox"), 125, "invalid IP address in add-host"),
        (("run", "--dns", "1.1.1.1\nsearch x", "busybox"), 125, "not correctly formatted"),
        (("run", "--cidfile", "/nosuch/x", "busybox"), 125, "failed to create the container ID"),
        (("run", "--stop-signal", "NOSUCH", "busybox"), 125, "Invalid signal: NOSUCH"),
        (("kill", "-s", "9" * 5000, "nosuch"), 1, "No such container: nosuch"),
        (("run", "-w", "relative", "busybox"), 125, "absolute path"),
        (("rmi", "nosuch"), 1, "No such image: nosuch"),
        (("tag", "nosuch", "x"), 1, "No such image: nosuch"),
        (("inspect", "nosuch"), 1, "No such object: nosuch"),
        (("logs", "nosuch"), 1, "No such container: nosuch"),
        (("logs", "--tail", "some", "nosuch"), 1, "invalid number"),
        (("stop", "nosuch"), 1, "No such container: nosuch"),
        (("ps", "--filter", "nosuch=1"), 1, "invalid filter"),
        (("images", "--format", "{{.Nosuch}}"), 1, "no field"),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, tuple) else None,
)
def test_mistakes(words: tuple[str, ...], code: int, why: str, tuidock: Cli, place: Layout) -> None:
    done = tuidock(*words, code=code)
    assert why in done.stderr
    assert done.stderr.startswith("tuidock: ")
    assert len(done.stderr.splitlines()) <= 2
    nothing_new(tuidock, place)


@pytest.mark.parametrize("attempt", range(6))
def test_a_start_on_the_bridge_says_why_it_failed(attempt: int, tuidock: Cli) -> None:
    """It fails while its network is made. Fails in most attempts when `_birth` raises what the
    network said, or when `client._expect` gives up at the first error of its line.
    """
    done = tuidock("run", "--rm", "--tmpfs", "/x:size=much", "busybox", "true", code=125)
    assert "mount tmpfs on /x" in said(done)[0]


@pytest.mark.parametrize("user", ["\N{SUPERSCRIPT TWO}", "9" * 5000, "-1", "1:", "0x0", "70000"])
def test_a_user_that_cannot_be(user: str, tuidock: Cli, place: Layout) -> None:
    """14. Fails when a configuration is made of whatever Python takes for digits."""
    said(tuidock("run", "--rm", *NO_NETWORK, f"--user={user}", "busybox", "true", code=125))
    nothing_new(tuidock, place)


def test_an_unknown_user_is_told(tuidock: Cli, place: Layout) -> None:
    lines = said(tuidock("run", "--rm", *NO_NETWORK, "-u", "nosuch", "busybox", "true", code=125))
    assert "nosuch" in lines[0]
    nothing_new(tuidock, place)


@pytest.mark.root(root_only.MOUNTS)
def test_a_full_disk_is_told_and_a_pull_leaves_nothing(registry: DebianRegistry) -> None:
    """A store on 512 KiB of memory file system."""
    base = f"/tmp/tuidock-full-{os.getpid()}"
    os.mkdir(base)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", base], check=True)
    try:
        store = ["--root", f"{base}/root", "--runroot", f"{base}/run"]
        Core(Layout(f"{base}/root", f"{base}/run")).close()
        done = subprocess.run(
            [*TUIDOCK, *store, "pull", f"{registry.address}/tools/busybox:1"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 1
        assert "no space left" in said(done)[0].lower()
        assert os.listdir(f"{base}/root/layers") == []
    finally:
        subprocess.run(["umount", base], check=True)
        os.rmdir(base)


def test_somebody_elses_root_is_refused(tmp_path: str) -> None:
    """Mode and owner of the store matter: its layers hold real setuid files."""
    done = subprocess.run(
        [*TUIDOCK, "--root", "/proc/1", "--runroot", "/proc/1", "ps"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "cannot use" in said(done)[0]


@pytest.mark.parametrize("streams", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("verb", ["ps", "run --rm -i --network none busybox echo hi", "nosuch"])
def test_closed_streams_are_nobodys(
    streams: str, verb: str, tuidock: Cli, environment: dict[str, str]
) -> None:
    """Seen to fail without `_open_streams`: a traceback, and the database opened as stdout."""
    code = 1 if verb == "nosuch" else 0
    script = f"exec {shlex.join(TUIDOCK)} {verb} {streams}"
    done = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, check=False)
    assert b"Traceback" not in done.stderr
    assert done.returncode == code, done.stderr
    assert tuidock("ps", "-aq").stdout == ""


@pytest.mark.root(root_only.OTHERS)
def test_a_store_open_to_others_is_closed(layout: Layout) -> None:
    os.chmod(layout.root, 0o755)
    Core(layout).close()
    assert os.stat(layout.root).st_mode & 0o777 == 0o700
    os.chown(layout.root, 1, 1)
    done = subprocess.run(
        [*TUIDOCK, "--root", layout.root, "--runroot", layout.runroot, "ps"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    os.chown(layout.root, 0, 0)
    assert done.returncode == 1
    assert "belongs to another user" in said(done)[0]
