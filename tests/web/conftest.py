"""`tuidock serve` as a process, on a store with one image and one container."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import busybox
from tests.waiting import until
from tuidock.engine.core import Core
from tuidock.engine.layout import Layout
from tuidock.engine.types import ContainerSpec


class Served:
    """A running server; `close` is Ctrl+C."""

    def __init__(self, layout: Layout, home: Path, *flags: str) -> None:
        places = {"TUIDOCK_ROOT": layout.root, "TUIDOCK_RUNROOT": layout.runroot}
        own = {"TUIDOCK_CONFIG": str(home / "none.toml"), "XDG_STATE_HOME": str(home)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tuidock", *flags, "serve"],
            env={**os.environ, **places, **own},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        self.origin, _, self.token = self.address.partition("/?token=")
        self._layout = layout

    def sessions(self) -> list[int]:
        """Processes that show the interface to somebody."""
        return [int(it.name) for it in Path("/proc").glob("[0-9]*") if self._is_session(it)]

    def _is_session(self, process: Path) -> bool:
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            variables = (process / "environ").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return False
        mine = f"TUIDOCK_ROOT={self._layout.root}".encode()
        return b"tuidock.web.session" in words and mine in variables

    def close(self) -> str:
        """What it said on standard error."""
        self.process.terminate()
        return self.process.communicate(timeout=60)[1]


@pytest.fixture
def serve(layout: Layout, tmp_path: Path) -> Iterator[Callable[..., Served]]:
    core = Core(layout)
    core.images.add(busybox.config(), [busybox.layer()], "lighthouse")
    core.containers.create(ContainerSpec("lighthouse", name="keeper"))
    core.close()
    running: list[Served] = []

    def start(*flags: str) -> Served:
        running.append(Served(layout, tmp_path, *flags))
        return running[-1]

    yield start
    for it in running:
        if it.process.poll() is None:
            it.close()
        until(lambda it=it: not it.sessions())


@pytest.fixture
def served(serve: Callable[..., Served]) -> Served:
    return serve()
