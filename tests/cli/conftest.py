"""`tuidock` as a process of its own, over a store with one image: busybox."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests import busybox
from tuidock.engine.core import Core
from tuidock.engine.layout import Layout

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def place(layout: Layout) -> Layout:
    """A store that holds busybox."""
    core = Core(layout)
    core.images.add(busybox.config(ExposedPorts={"80/tcp": {}}), [busybox.layer()], "busybox")
    core.close()
    return layout


@pytest.fixture
def environment(place: Layout) -> dict[str, str]:
    return {**os.environ, "TUIDOCK_ROOT": place.root, "TUIDOCK_RUNROOT": place.runroot}


@pytest.fixture
def tuidock(environment: dict[str, str]) -> Iterator[Cli]:
    """Call the command line; output is text, and a code other than `code` fails the test."""

    def call(*words: str, code: int = 0, stdin: str = "") -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "tuidock", *words],
            input=stdin,
            capture_output=True,
            text=True,
            env=environment,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    yield call
    for name in call("ps", "-aq").stdout.split():
        call("rm", "-f", name)
    call("system", "check")
