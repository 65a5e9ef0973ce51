"""Which hierarchies there are: told by mountinfo and cgroup files recorded on real hosts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tuidock.engine.cgroups import hierarchies
from tuidock.engine.cgroups.cgroup import open_cgroup
from tuidock.engine.cgroups.hierarchies import Hierarchy
from tuidock.engine.errors import BadSpec

# Recorded from real machines; only the mount points are put under a temporary directory.
DEBIAN_12_V2 = (
    "25 30 0:22 / {at}/sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw\n"
    "29 25 0:26 / {at}/cg rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 "
    "rw,nsdelegate,memory_recursiveprot\n",
    "0::/user.slice/user-1000.slice/user@1000.service/app.slice/term.scope\n",
)
SEPARATE_V1_STRAY_V2 = (
    "31 23 0:28 / {at} rw,relatime - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / {at}/cpu rw,relatime - cgroup cgroup rw,cpu\n"
    "33 31 0:30 / {at}/cpuacct rw,relatime - cgroup cgroup rw,cpuacct\n"
    "36 31 0:33 / {at}/devices rw,relatime - cgroup cgroup rw,devices\n"
    "35 31 0:32 / {at}/memory rw,relatime - cgroup cgroup rw,memory\n"
    "40 31 0:37 / {at}/systemd rw,relatime - cgroup cgroup rw,name=systemd\n"
    "41 31 0:38 / {at}/unified rw,relatime - cgroup2 cgroup2 rw\n",
    "9:name=systemd:/\n5:devices:/\n4:memory:/process_api/fe76\n2:cpuacct:/\n1:cpu:/\n0::/\n",
)
JOINED_V1 = (
    "33 25 0:29 / {at}/cpu,cpuacct rw,nosuid shared:14 - cgroup cgroup rw,cpu,cpuacct\n"
    "34 25 0:30 / {at}/blkio rw,nosuid shared:15 - cgroup cgroup rw,blkio\n"
    "35 25 0:30 / {at}/blkio-again rw,nosuid shared:15 - cgroup cgroup rw,blkio\n",
    "7:cpu,cpuacct:/user.slice\n3:blkio:/user.slice\n",
)
CONTAINER_OF_DOCKER_V1 = (
    "33 25 0:29 /docker/4e5a {at}/memory ro,nosuid master:14 - cgroup cgroup rw,memory\n",
    "7:memory:/docker/4e5a\n",
)


class Host:
    """A directory with the tree of a host; the kernel's files that detection looks at."""

    def __init__(self, at: Path, texts: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = at
        (at / "proc").mkdir()
        (at / "proc/mountinfo").write_text(texts[0].format(at=at))
        (at / "proc/cgroup").write_text(texts[1])
        self.writable: set[str] = set()
        # Root may write everything, so permission is told apart here by name.
        monkeypatch.setattr(os, "access", self._access)

    def _access(self, path: str, _mode: int, **_options: object) -> bool:
        return os.path.exists(path) and os.path.relpath(path, self.at) in self.writable

    def directory(self, name: str, *, writable: bool, controllers: str = "") -> None:
        (self.at / name).mkdir(parents=True, exist_ok=True)
        for file in ("cgroup.procs", "cgroup.subtree_control", "cgroup.controllers"):
            (self.at / name / file).write_text(controllers if file.endswith("rollers") else "")
            if writable:
                self.writable |= {name, f"{name}/{file}"}

    def find(self) -> dict[str, Hierarchy]:
        found = hierarchies.find(f"{self.at}/proc")
        return {os.path.relpath(each.base, self.at): each for each in found}


def test_separate_v1_with_a_stray_controller_on_v2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = Host(tmp_path, SEPARATE_V1_STRAY_V2, monkeypatch)
    for name in ("cpu", "cpuacct", "devices", "memory", "systemd"):
        host.directory(name, writable=True)
    host.directory("unified", writable=True, controllers="hugetlb rdma\n")
    found = host.find()
    assert {name: each.controllers for name, each in found.items()} == {
        "cpu": ("cpu",),
        "cpuacct": ("cpuacct",),
        "devices": ("devices",),
        "memory": ("memory",),
        "unified": (),
    }
    assert list(found)[-1] == "unified"


def test_joined_controllers_and_a_second_mount_count_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = Host(tmp_path, JOINED_V1, monkeypatch)
    for name in ("cpu,cpuacct", "blkio", "blkio-again"):
        host.directory(name, writable=True)
    found = host.find()
    assert {name: each.controllers for name, each in found.items()} == {
        "cpu,cpuacct": ("cpu", "cpuacct"),
        "blkio": ("io",),
    }


def test_what_is_not_writable_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(tmp_path, SEPARATE_V1_STRAY_V2, monkeypatch)
    host.directory("memory", writable=False)
    host.directory("memory/process_api/fe76", writable=True)
    host.directory("cpu", writable=False)
    assert list(host.find()) == ["memory/process_api/fe76"]


def test_nothing_writable_is_an_empty_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(tmp_path, CONTAINER_OF_DOCKER_V1, monkeypatch)
    host.directory("memory", writable=False)
    assert host.find() == {}


def test_a_mount_of_a_part_is_that_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(tmp_path, CONTAINER_OF_DOCKER_V1, monkeypatch)
    host.directory("memory", writable=True)
    assert list(host.find()) == ["memory"]


def test_delegation_is_used_from_its_top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user manager's cgroup, not the terminal's: it holds no processes of its own."""
    host = Host(tmp_path, DEBIAN_12_V2, monkeypatch)
    user = "cg/user.slice/user-1000.slice"
    host.directory("cg", writable=False)
    host.directory(user, writable=False)
    host.directory(f"{user}/user@1000.service", writable=True, controllers="memory pids\n")
    host.directory(f"{user}/user@1000.service/app.slice/term.scope", writable=True)
    found = host.find()
    assert list(found) == [f"{user}/user@1000.service"]
    assert found[f"{user}/user@1000.service"].controllers == ("memory", "pids")


def test_root_uses_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(tmp_path, DEBIAN_12_V2, monkeypatch)
    host.directory("cg", writable=True, controllers="cpuset cpu io memory hugetlb pids rdma\n")
    assert host.find()["cg"].controllers == ("cpu", "cpuset", "io", "memory", "pids")


def test_a_mount_point_with_a_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(
        tmp_path, ("29 25 0:26 / {at}/my\\040cg rw - cgroup2 x rw\n", "0::/\n"), monkeypatch
    )
    host.directory("my cg", writable=True, controllers="memory\n")
    assert list(host.find()) == ["my cg"]


def test_a_login_session_reaches_what_was_delegated_to_its_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may make nothing: its own scope is root's, and no process may be moved from it."""
    session = (DEBIAN_12_V2[0], "0::/user.slice/user-1000.slice/session-1.scope\n")
    host = Host(tmp_path, session, monkeypatch)
    user = "cg/user.slice/user-1000.slice"
    for name in ("cg", user, f"{user}/session-1.scope"):
        host.directory(name, writable=False)
    host.directory(f"{user}/user@1000.service", writable=True, controllers="memory pids\n")
    assert host.find() == {}
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    (found,) = hierarchies.delegated(f"{host.at}/proc")
    assert os.path.relpath(found.base, host.at) == f"{user}/user@1000.service"
    assert found.controllers == ("memory", "pids")
    for other in (0, 1001):
        monkeypatch.setattr(os, "geteuid", lambda other=other: other)
        assert hierarchies.delegated(f"{host.at}/proc") == []


@pytest.mark.parametrize("name", ["", "..", "a/b", "../x", "a\n", "ü"])
def test_a_name_that_reaches_elsewhere_is_refused(name: str) -> None:
    """Fails without the check of names: `..` would be the parent of somebody else's cgroups."""
    with pytest.raises(BadSpec):
        open_cgroup("00000000", name)
    with pytest.raises(BadSpec):
        open_cgroup(name, "0" * 64)
