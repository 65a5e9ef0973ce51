"""Containers of a busybox image, and ways to put things into them and to look at archives."""

from __future__ import annotations

import contextlib
import glob
import io
import os
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest

from tests import busybox
from tuidock.engine.containers.files import keeper
from tuidock.engine.core import Core
from tuidock.engine.layout import Layout
from tuidock.engine.runtime.state import read_state
from tuidock.engine.types import Container, ContainerSpec, ExecSpec, Status


class Place:
    """One store with the image, and containers that wait for what is done to them."""

    def __init__(self, core: Core, base: str) -> None:
        self.core = core
        self.files = core.containers
        self.base = base
        """A directory of the caller's."""

    def container(self, script: str = "", **asked: Any) -> Container:
        """A running container that has done `script`."""
        spec = ContainerSpec(
            "busybox",
            command=("sh", "-c", f"{script}\ntouch /tmp/.done; exec sleep 600"),
            network="none",
            stop_timeout=0.0,
            **asked,
        )
        made = self.files.create(spec)
        self.files.start(made.id)
        self.sh(made.id, "while ! [ -e /tmp/.done ]; do usleep 1000; done; rm /tmp/.done")
        return self.files.get(made.id)

    def still(self, key: str) -> bool:
        """Whether it is frozen, by whomever."""
        return read_state(self.core.layout, key).status is Status.PAUSED

    def sh(self, key: str, script: str) -> str:
        """What a script prints that is run in a container."""
        line = self.files.exec(key, ExecSpec(("sh", "-c", script)))
        said = b""
        while not line.ended:
            line.wait_readable(1.0)
            said += b"".join(data for _stream, data in line.read())
        line.close()
        return said.decode(errors="surrogateescape")

    def out(self, key: str, path: str, local: str, **asked: bool) -> int:
        """Copy out; the number of files left out."""
        manner = {"follow": False, "owners": False} | asked
        return self.files.copy_out(key, path, local, lambda size: None, **manner).skipped

    def put(self, local: str, key: str, path: str, **asked: bool) -> int:
        """Copy in; the number of files left out."""
        manner = {"follow": False, "owners": False} | asked
        return self.files.copy_in(local, key, path, lambda size: None, **manner).skipped

    def write(self, name: str, text: str = "") -> str:
        """A file of the caller's; its path."""
        path = f"{self.base}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        return path

    def read(self, name: str) -> str:
        with open(f"{self.base}/{name}") as file:
            return file.read()

    def exported(self, key: str) -> bytes:
        with self.files.export(key) as archive:
            return b"".join(archive.pieces())

    def packed(self, key: str, path: str) -> bytes:
        with self.files.archive(key, path) as archive:
            return b"".join(archive.pieces())


def members(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {member.name: member for member in tar}


def guests(place: Place) -> list[int]:
    """Children of keepers that look into containers of this store."""
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError), open(path) as file:
            pid, _, rest = file.read().partition(" ")
            parent = int(rest.rpartition(")")[2].split()[1])
            with open(f"/proc/{parent}/cmdline") as file:
                words = file.read()
            if keeper.__name__ in words and place.core.layout.root in words:
                found.append(int(pid))
    return found


@pytest.fixture
def place(layout: Layout, tmp_path: str) -> Iterator[Place]:
    core = Core(layout)
    core.images.add(busybox.config(), [busybox.layer()], "busybox")
    yield Place(core, str(tmp_path))
    core.close()
