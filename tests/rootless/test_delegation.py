"""An ordinary user to whom a cgroup was delegated, as systemd does for a session."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests import root_only
from tests.rootless.conftest import IMAGE, UID, MadeUp, Person
from tuidock.engine.cgroups.cgroup import open_cgroup

pytestmark = pytest.mark.root(root_only.LIMITS)
CONTROLLERS = ("cgroup", "cpu", "memory", "pids", "freezer")
FILES = ("", "/cgroup.procs", "/cgroup.subtree_control", "/cgroup.threads", "/tasks")
ENTER = 'for each in $1; do echo $$ >$each/cgroup.procs; done; shift; exec "$@"'


@pytest.fixture
def delegated(ann: Person) -> Iterator[Person]:
    """Her commands run in a cgroup beside which she may make others."""
    assert isinstance(ann, MadeUp)
    cgroup = open_cgroup(ann.layout.tag, "delegated")
    cgroup.create({"memory": {"limit": 1 << 30}, "pids": {"limit": 1000}})
    places = {path for each in CONTROLLERS if (path := cgroup.path(each))}
    for place in places:
        os.mkdir(f"{place}/session")
        for path in (place, f"{place}/session"):
            for file in FILES:
                if os.path.exists(path + file):
                    os.chown(path + file, UID, UID)
    sessions = " ".join(f"{place}/session" for place in sorted(places))
    before = ann.before
    ann.before = ["sh", "-ec", ENTER, "sh", sessions, *before]
    yield ann
    ann.leave()
    ann.before = before
    cgroup.kill()
    for place in places:
        for path, _, _ in os.walk(place, topdown=False):
            if path != place:
                os.rmdir(path)
    cgroup.remove()


def test_limits_counters_and_pause_are_there(delegated: Person) -> None:
    """In a cgroup of the container's own, which goes with it."""
    flags = ("-m", "64m", "--pids-limit", "9", "--name", "web")
    script = "while :; do :; done"
    delegated.does("run", "-d", "--network", "none", *flags, IMAGE, "sh", "-c", script)
    words = ("stats", "--no-stream", "--format", "{{.MemUsage}} {{.PIDs}}", "web")
    assert "/ 64MiB 1" in delegated.does(*words)
    delegated.does("update", "-m", "32m", "--memory-swap", "32m", "web")
    assert "/ 32MiB 1" in delegated.does(*words)
    delegated.does("pause", "web")
    assert "(Paused)" in delegated.does("ps")
    delegated.does("unpause", "web")
    delegated.does("rm", "-f", "web")
    fill = "dd if=/dev/zero of=/dev/shm/f bs=1M count=60"
    said = delegated.tuidock(
        "run", "--rm", "--network", "none", "-m", "16m", IMAGE, "sh", "-c", fill
    )
    assert said.code != 0
