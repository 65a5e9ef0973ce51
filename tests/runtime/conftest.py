"""Real containers without images: a busybox in a layer directory, started through the launcher."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import AS_ROOT
from tests.waiting import until
from tuidock.engine.cgroups.cgroup import open_cgroup
from tuidock.engine.layout import Layout
from tuidock.engine.linux import userns
from tuidock.engine.runtime import client, devices
from tuidock.engine.runtime.client import ExecLine, Line, Monitor
from tuidock.engine.runtime.spec import exec_process, oci_config
from tuidock.engine.runtime.state import RunState, read_run, read_state
from tuidock.engine.types import ContainerSpec, ExecSpec

APPLETS = (
    "cat chmod chown cut dd echo env false find grep head hostname id ifconfig kill ln ls mkdir "
    "mkfifo mknod mount mv nc ps pwd readlink rm sed seq sh sleep stat stty sync tail test touch "
    "tr true tty umount uname unshare wc yes"
).split()
KEY = "a" * 64
UID_BASE = 0x20000000
PASSWD = (
    "root:x:0:0:root:/root:/bin/sh\n"
    "web:x:33:34:web:/var/www:/bin/sh\n"
    "nobody:x:65534:65534:nobody:/:/bin/false\n"
)
GROUP = "root:x:0:\nweb:x:34:\naudio:x:29:web\nvideo:x:44:web,root\n"


def collect(line: Line | ExecLine, seconds: float = 60.0) -> dict[str, bytes]:
    """Everything a line says until its end, by stream."""
    said = {"stdout": b"", "stderr": b""}
    deadline = time.monotonic() + seconds
    while not line.ended:
        assert time.monotonic() < deadline, f"no end after {seconds} s, only {said}"
        line.wait_readable(1.0)
        for stream, data in line.read():
            said[stream] += data
    line.close()
    return said


def read_until(line: Line | ExecLine, wanted: bytes, seconds: float = 60.0) -> bytes:
    """Output up to and beyond `wanted`."""
    said = b""
    deadline = time.monotonic() + seconds
    while wanted not in said:
        assert time.monotonic() < deadline, f"{wanted!r} not in {said!r}"
        assert not line.ended, f"ended without {wanted!r}: {said!r}"
        line.wait_readable(1.0)
        said += b"".join(data for _, data in line.read())
    return said


class Box:
    """One store with one layer, and containers made of it."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.layer = layout.layer(KEY)
        os.makedirs(f"{self.layer}/bin", 0o755)
        os.makedirs(f"{self.layer}/etc", 0o755)
        shutil.copy("/bin/busybox", f"{self.layer}/bin/busybox")
        for applet in APPLETS:
            os.symlink("busybox", f"{self.layer}/bin/{applet}")
        for name, text in (("passwd", PASSWD), ("group", GROUP)):
            with open(f"{self.layer}/etc/{name}", "w") as file:
                file.write(text)
        os.mkdir(f"{self.layer}/tmp", 0o1777)
        os.chmod(f"{self.layer}/tmp", 0o1777)

    def create(self, *command: str, uid_base: int = UID_BASE, **asked: Any) -> str:
        """A bundle; returns the container's id."""
        container_id = os.urandom(32).hex()
        bundle = self.layout.container(container_id)
        layers = asked.pop("layers", [KEY])
        image = {"config": asked.pop("image", {})}
        spec = ContainerSpec("test", **{"network": "none", **asked})
        for name in ("upper", "work", "rootfs"):
            os.makedirs(f"{bundle}/{name}", 0o755)
        for name in ("hosts", "hostname", "resolv.conf"):
            with open(f"{bundle}/{name}", "w") as file:
                file.write(f"{name} of the engine\n")
        config = oci_config(
            self.layout,
            container_id,
            spec,
            image,
            command,
            uid_base if AS_ROOT else 0,
            layers,
            "box",
            maps=None if AS_ROOT else userns.own(),
            nodes=devices.host() if spec.privileged else devices.find(spec.devices),
        )
        with open(f"{bundle}/config.json", "w") as file:
            json.dump(config, file)
        return container_id

    def config(self, container_id: str) -> dict[str, Any]:
        with open(f"{self.layout.container(container_id)}/config.json") as file:
            config: dict[str, Any] = json.load(file)
        return config

    def start(self, container_id: str) -> Line:
        starting = client.start(self.layout, container_id, gate=False, attach=True)
        starting.wait_started()
        assert starting.line
        return starting.line

    def detached(self, *command: str, **asked: Any) -> str:
        container_id = self.create(*command, **asked)
        client.start(self.layout, container_id, gate=False, attach=False).wait_started()
        return container_id

    def run(self, *command: str, **asked: Any) -> tuple[int, str]:
        """Exit code and both streams, standard error last."""
        line = self.start(self.create(*command, **asked))
        said = collect(line)
        assert line.exit_code is not None
        return line.exit_code, (said["stdout"] + said["stderr"]).decode()

    def state(self, container_id: str) -> RunState:
        return read_state(self.layout, container_id)

    def monitor(self, container_id: str) -> Monitor:
        return Monitor(self.layout, container_id)

    def exec(self, container_id: str, *command: str, **asked: Any) -> ExecLine:
        process = exec_process(self.config(container_id), ExecSpec(command, **asked))
        return self.monitor(container_id).exec(process)

    def log(self, container_id: str) -> str:
        if not os.path.exists(self.layout.log(container_id)):
            return ""
        with open(self.layout.log(container_id)) as file:
            return file.read()

    def process(self, title: str) -> int:
        """The pid of a process of this store by the start of its title, once it shows."""
        found = until(lambda: self.find(title))
        assert isinstance(found, int)
        return found

    def kill_monitor(self, container_id: str) -> int:
        """SIGKILL to the monitor that the state names; returns once another one watches."""
        pid = self.kill_only(container_id)
        until(lambda: read_run(self.layout, container_id)["monitor"][0] != pid)
        return pid

    def kill_only(self, container_id: str) -> int:
        """SIGKILL to the monitor that the state names."""
        pid = int(read_run(self.layout, container_id)["monitor"][0])
        os.kill(pid, signal.SIGKILL)
        return pid

    def descriptors(self, pid: int, container_id: str) -> int:
        """How many a monitor has, once it has opened its black box; where none is, at once."""
        counted = AS_ROOT or open_cgroup(self.layout.tag, container_id).exists()
        until(lambda: not counted or os.path.exists(self.layout.samples(container_id)))
        return len(os.listdir(f"/proc/{pid}/fd"))

    def only(self) -> str:
        """The id of the one container that runs."""
        (found,) = os.listdir(f"{self.layout.runroot}/containers")
        return found

    def find(self, title: str) -> int:
        """As `process`, but 0 when there is none now."""
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    with open(f"/proc/{entry}/cmdline", "rb") as file:
                        shown = file.read().rstrip(b"\0").decode()
                except (FileNotFoundError, ProcessLookupError):
                    continue
                if shown.startswith(title) and shown.endswith(self.layout.root):
                    return int(entry)
        return 0


@pytest.fixture
def box(layout: Layout) -> Iterator[Box]:
    """Containers that were started are ended by `layout`."""
    yield Box(layout)
    client.quit_launcher(layout)
