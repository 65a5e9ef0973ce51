"""Devices and groups from the command line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from tests import root_only
from tests.cli.conftest import Cli
from tuidock.engine.layout import Layout

RUN = ("run", "--rm", "--network", "none")
LOOK = ("sh", "-c", "stat -c '%t:%T %U' /dev/mine; : >/dev/mine")


@pytest.fixture
def new(place: Layout) -> Iterator[str]:
    """A device that appears in /dev, and goes again."""
    path = f"/dev/tuidock-test-{place.tag}"
    os.mknod(path, 0o20600, os.makedev(240, 1))
    yield path
    if os.path.exists(path):
        os.unlink(path)


@pytest.mark.root(root_only.DEVICES)
def test_a_device_by_its_name(tuidock: Cli, new: str) -> None:
    flags = ("--device", f"{new}:/dev/mine:r", "--group-add", "audio", "--group-add", "7")
    flags += ("--device-cgroup-rule", "c 188:* rwm", "--sysctl", "net.ipv4.ip_forward=1")
    tuidock("create", "--name", "one", "--network", "none", *flags, "busybox", *LOOK)
    (found,) = json.loads(tuidock("inspect", "one").stdout)
    assert {key: found["HostConfig"][key] for key in ("Devices", "GroupAdd", "Sysctls")} == {
        "Devices": [{"PathOnHost": new, "PathInContainer": "/dev/mine", "CgroupPermissions": "r"}],
        "GroupAdd": ["audio", "7"],
        "Sysctls": {"net.ipv4.ip_forward": "1"},
    }
    assert found["HostConfig"]["DeviceCgroupRules"] == ["c 188:* rwm"]
    tuidock("update", "--pids-limit", "50", "one")  # which leaves the rules about devices alone
    said = tuidock("start", "-a", "one", code=1)
    assert said.stdout == "f0:1 root\n"
    assert "can't create /dev/mine: Operation not permitted" in said.stderr
    tuidock("rm", "one")
    assert tuidock(*RUN, *flags, "busybox", "id", "-G").stdout == "0 7 29\n"


def test_what_is_no_device(tuidock: Cli) -> None:
    said = tuidock(*RUN, "--device", "/etc/passwd", "busybox", "true", code=125).stderr
    assert 'adding custom device "/etc/passwd": not a device node' in said
    said = tuidock(*RUN, "--device", "dev/null", "busybox", "true", code=125).stderr
    assert "bad format for device" in said
    said = tuidock(*RUN, "--device-cgroup-rule", "c 1:3", "busybox", "true", code=125).stderr
    assert "invalid device cgroup format" in said
    assert tuidock("ps", "-aq").stdout == ""


@pytest.mark.root(root_only.DEVICES)
def test_a_privileged_container_has_the_devices_of_the_moment(tuidock: Cli, new: str) -> None:
    """Fails when they are looked up once: gone ones keep it from starting, new ones are missing."""
    os.unlink(new)
    script = f"test -e {new} && echo there"
    words = ("--privileged", "--network", "none", "busybox", "sh", "-c", f"{script} || echo gone")
    tuidock("create", "--name", "all", *words)
    os.mknod(new, 0o20600, os.makedev(240, 1))
    assert tuidock("start", "-a", "all").stdout == "there\n"
    os.unlink(new)
    assert tuidock("start", "-a", "all").stdout == "gone\n"
