"""A client killed at any of its writing system calls leaves a store that the next command mends.

strace delivers SIGKILL on entering the n-th call of a kind, for n = 1, 2, 3, ... until the
command comes through. Seen to fail: without the sweep's orphans (a bundle stays), without
`half_removed` (a row stays), without `flock` in `bundle.making` (a bundle being made is swept).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tests import root_only
from tests.containers.conftest import mend
from tuidock.engine.cgroups.cgroup import open_cgroup
from tuidock.engine.core import Core
from tuidock.engine.errors import ContainerNotFound
from tuidock.engine.layout import Layout
from tuidock.engine.types import ContainerSpec

WRITING = "write pwrite64 fsync fdatasync rename mkdir rmdir unlink unlinkat sendmsg flock".split()
STEP = int(os.environ.get("TUIDOCK_KILL_STEP", "3"))
"""Every n-th call; 1 tries them all."""
NEVER = 10_000


def killed(layout: Layout, call: str, number: int, *words: str) -> bool:
    """Run a verb and kill it at its `number`-th such call; False when it came through."""
    inject = f"inject={call}:signal=SIGKILL:when={number}"
    done = subprocess.run(
        [
            "strace",
            "-o",
            "/dev/null",
            "-e",
            f"trace={call}",
            "-e",
            inject,
            sys.executable,
            "-m",
            "tuidock",
            *words,
        ],
        env={**os.environ, "TUIDOCK_ROOT": layout.root, "TUIDOCK_RUNROOT": layout.runroot},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in (0, -9, 137), done
    return done.returncode != 0


RUN = ("run", "-d", "--network", "none", "--name", "box", "busybox", "sleep", "60")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("call", WRITING)
@pytest.mark.parametrize(
    "words",
    [
        ("create", "--name", "box", "busybox"),
        RUN,
        ("run", "--rm", "--network", "none", "--name", "box", "busybox", "true"),
    ],
    ids=["create", "run -d", "run --rm"],
)
def test_killed_while_making(core: Core, words: tuple[str, ...], call: str) -> None:
    number = 1
    while killed(core.layout, call, number, *words):
        mend(core)
        number += STEP
    mend(core)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("call", WRITING)
def test_killed_while_removing(core: Core, call: str) -> None:
    number, alive = 1, True
    while alive:
        assert not killed(core.layout, "fsync", NEVER, *RUN)
        alive = killed(core.layout, call, number, "rm", "-f", "box")
        mend(core)
        number += STEP
    with pytest.raises(ContainerNotFound):
        core.containers.get("box")


def test_a_bundle_without_a_row_is_swept(core: Core) -> None:
    path = core.layout.container("f" * 64)
    os.makedirs(f"{path}/upper")
    assert core.check() == ["removed the unfinished bundle " + "f" * 12]
    assert not os.path.exists(path)


def test_a_bundle_being_made_is_left_alone(core: Core) -> None:
    from tuidock.engine.containers import bundle

    with bundle.making(core.layout, "f" * 64) as path:
        assert core.check() == []
        assert os.path.isdir(f"{path}/upper")
    shutil.rmtree(path)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.root(root_only.LIMITS)
def test_a_cgroup_that_a_killed_starter_left_is_swept(core: Core, known: bool) -> None:
    """Its container may have been removed since: nothing but the cgroup's name tells of it."""
    container_id = "c" * 64
    if known:
        container_id = core.containers.create(ContainerSpec(image="busybox")).id
    left = open_cgroup(core.layout.tag, container_id)
    left.create({})
    assert core.containers.sweep() == [f"removed the cgroup of container {container_id[:12]}"]
    assert not left.exists()


@pytest.mark.root(root_only.LIMITS)
def test_the_cgroup_of_a_running_container_is_not_swept(core: Core) -> None:
    spec = ContainerSpec(image="busybox", command=("sleep", "1000"), network="none")
    container = core.containers.create(spec)
    core.containers.start(container.id)
    try:
        assert core.containers.sweep() == []
        assert open_cgroup(core.layout.tag, container.id).pids()
    finally:
        core.containers.remove(container.id, force=True)
