"""Tests for a machine with cgroup v2 alone and systemd: `make test-cgroup2` makes one.

Elsewhere they are not even collected; what holds on v1 as well is tested in the other
directories, and marked `cgroup2` there.
"""

from __future__ import annotations

import os
import pwd
import tempfile
from collections.abc import Iterator

import pytest

from tests import busybox, machine
from tests.cgroups.conftest import start as start
from tests.cli.conftest import environment as environment
from tests.cli.conftest import place as place
from tests.cli.conftest import tuidock as tuidock
from tests.metrics.conftest import new_container as new_container
from tests.rootless.conftest import Person, above, owned
from tuidock.engine.cgroups.hierarchies import mode
from tuidock.engine.linux import userns
from tuidock.engine.linux.files import remove_path

HERE = mode() == "v2" and os.geteuid() == 0 and os.path.isdir("/run/systemd/system")
collect_ignore_glob = [] if HERE else ["test_*.py"]


class LoggedIn(Person):
    """A user of this machine whose service manager runs; commands belong to a cgroup of root's, as
    those of a login session do.
    """

    def __init__(self, base: str, name: str) -> None:
        super().__init__(base)
        entry = pwd.getpwnam(name)
        self.uid = entry.pw_uid
        self.path = [self.path[0], *os.environ.get("PYTHONPATH", "").split(":")]
        self.ranges = tuple(_ranges(name))
        os.chmod(base, 0o711)
        for each in ("root", "run", "home"):
            os.chown(f"{base}/{each}", self.uid, self.uid)
        ids = ("--reuid", str(self.uid), "--regid", str(entry.pw_gid), "--init-groups")
        self.before = ["setpriv", *ids]
        self.cgroup = (
            f"/sys/fs/cgroup/user.slice/user-{self.uid}.slice/user@{self.uid}.service"
            f"/tuidock-{self.layout.tag}"
        )


def _ranges(name: str) -> Iterator[userns.Range]:
    with open("/etc/subuid") as file:
        for owner, first, count in (line.split(":") for line in file):
            if owner == name:
                yield userns.Range(1, int(first), int(count))


@pytest.fixture(scope="module")
def ann() -> Iterator[LoggedIn]:
    """With an image, and a service manager since `start`."""
    assert os.path.exists(f"/run/user/{pwd.getpwnam('ann').pw_uid}/bus")
    with tempfile.TemporaryDirectory(prefix=machine.TEMPORARY.removeprefix("/tmp/")) as base:
        person = LoggedIn(base, "ann")
        person.add(busybox.layer(), owned(), above())
        yield person
        person.leave()
        remove_path(f"{base}/root")
