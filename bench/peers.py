"""The other engines: which are here, and how to make them run without leaving settings behind.

Invariant: everything they write lies in the bench's own directory; what they start is ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from bench.measure import Failed, command, say
from bench.ui.processes import naming

PODMAN_CONF = """
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


class Podman:
    """podman with a store of its own, and limits that a root without all powers may set."""

    name = "podman"

    def __init__(self, directory: Path, registry: str) -> None:
        self.directory = directory / "podman"
        self.directory.mkdir()
        conf, registries = self.directory / "containers.conf", self.directory / "registries.conf"
        conf.write_text(PODMAN_CONF)
        registries.write_text(f'[[registry]]\nlocation = "{registry}"\ninsecure = true\n')
        policy = self.directory / "policy.json"
        policy.write_text('{"default":[{"type":"insecureAcceptAnything"}]}')
        self.policy = str(policy)
        self.env = {
            **os.environ,
            "CONTAINERS_CONF": str(conf),
            "CONTAINERS_REGISTRIES_CONF": str(registries),
        }
        self.base = ["podman", "--root", f"{self.directory}/root"]
        self.base += ["--runroot", f"{self.directory}/run", "--storage-driver", "overlay"]

    def __call__(self, *words: str) -> str:
        return command(*self.base, *words, env=self.env)

    def pull(self, reference: str) -> None:
        self("pull", "-q", "--tls-verify=false", "--signature-policy", self.policy, reference)

    def forget(self) -> None:
        self("rmi", "--all", "--force")

    def close(self) -> None:
        with contextlib.suppress(Failed):
            self("system", "reset", "--force")


class Docker:
    """docker with a daemon of its own."""

    name = "docker"

    def __init__(self, directory: Path, registry: str) -> None:
        self.directory = directory / "docker"
        self.directory.mkdir()
        socket = f"unix://{self.directory}/docker.sock"
        settings = {
            "data-root": f"{self.directory}/data",
            "exec-root": f"{self.directory}/exec",
            "pidfile": f"{self.directory}/pid",
            "hosts": [socket],
            "storage-driver": "overlay2",
            "insecure-registries": [registry],
        }
        (self.directory / "daemon.json").write_text(json.dumps(settings))
        log = (self.directory / "log").open("w")
        self.daemon = subprocess.Popen(
            ["dockerd", "--config-file", f"{self.directory}/daemon.json"],
            stdout=log,
            stderr=log,
            start_new_session=True,  # an interrupt is for the bench, which cleans up with its help
        )
        # The client that came with this daemon: another may be too new to talk to it.
        client = Path(str(shutil.which("dockerd"))).parent.parent / "bin/docker"
        self.base = [str(client) if client.exists() else "docker", "--host", socket]
        try:
            self._wait()
        except BaseException:
            self.close()
            raise

    def _wait(self, patience: float = 30) -> None:
        deadline = time.monotonic() + patience
        while True:
            try:
                command(*self.base, "version")
                return
            except Failed:
                if time.monotonic() > deadline or self.daemon.poll() is not None:
                    raise
                time.sleep(0.2)

    def __call__(self, *words: str) -> str:
        return command(*self.base, *words)

    def pull(self, reference: str) -> None:
        self("pull", "-q", reference)

    def forget(self) -> None:
        self("system", "prune", "--all", "--force")

    def forget_image(self, reference: str) -> None:
        """One image, if it is there."""
        with contextlib.suppress(Failed):
            self("rmi", "--force", reference)

    def close(self) -> None:
        self.daemon.terminate()
        self.daemon.wait(30)
        for pid in naming(str(self.directory)):  # a shim outlives its daemon
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(Failed):
            command("ip", "link", "delete", "docker0")


Engine = Podman | Docker
AT_ONCE = {"podman": ("-t", "0")}
"""For `rm --force`: without it podman gives each ten seconds to obey a SIGTERM unheard."""


HYBRID = Path("/sys/fs/cgroup/unified/cgroup.controllers")
HUGETLB = Path("/sys/fs/cgroup/hugetlb")


@contextlib.contextmanager
def as_found() -> Iterator[None]:
    """Take away what the engines leave in the kernel: firewall tables and empty cgroups."""
    tables, groups = _tables(), _groups()
    try:
        yield
    finally:
        for table in _tables() - tables:
            command("nft", "delete", *table.split())
        for group in sorted(_groups() - groups, reverse=True):
            with contextlib.suppress(OSError):  # somebody else's, and in use
                os.rmdir(group)


def _tables() -> set[str]:
    return set(command("nft", "list", "tables").splitlines()) if shutil.which("nft") else set()


def _groups() -> set[str]:
    paths = (path for path, _, _ in os.walk("/sys/fs/cgroup"))
    return {path for path in paths if {"docker", "libpod_parent"} & set(path.split("/"))}


@contextlib.contextmanager
def contented() -> Iterator[None]:
    """crun 1.8 refuses a hybrid host with a controller on the v2 side, as hugetlb may be one.

    A v1 hierarchy takes hugetlb away from there while the bench runs.
    """
    stray = HYBRID.exists() and "hugetlb" in HYBRID.read_text().split()
    if not stray or HUGETLB.exists():
        yield
        return
    HUGETLB.mkdir()
    try:
        command("mount", "-t", "cgroup", "-o", "hugetlb", "cgroup", str(HUGETLB))
        yield
    finally:
        with contextlib.suppress(Failed):
            command("umount", str(HUGETLB))
        HUGETLB.rmdir()


@contextlib.contextmanager
def engines(directory: Path, registry: str) -> Iterator[list[Engine]]:
    """Those that are installed and start."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(as_found())
        stack.enter_context(contented())
        found: list[Engine] = []
        for kind, program in ((Podman, "podman"), (Docker, "dockerd")):
            if not shutil.which(program):
                say(f"left out: {program} is not installed")
                continue
            try:
                found.append(kind(directory, registry))
            except Failed as error:
                say(f"left out: {error}")
            else:
                stack.callback(found[-1].close)
        yield found
