"""Devices of the host in real containers: which are there, whose they are, what may be used."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator

import pytest

from tests import machine, root_only
from tests.runtime.conftest import UID_BASE, Box
from tuidock.engine.errors import BadSpec, StartFailed
from tuidock.engine.runtime import devices
from tuidock.engine.types import Device

ODD = (240, 11)
"""Of the range for local use."""
GOT_BY = "No such device or address"

by_root = pytest.mark.root(root_only.DEVICES)


@pytest.fixture
def host() -> Iterator[str]:
    """A directory of the host with devices; no driver answers for `odd`, so that whoever gets by
    the cgroup hears ENXIO.
    """
    with tempfile.TemporaryDirectory(prefix=machine.TEMPORARY.removeprefix("/tmp/")) as path:
        os.mkdir(f"{path}/bus")
        for name, numbers in (("odd", ODD), ("bus/zero", (1, 5)), ("bus/full", (1, 7))):
            os.mknod(f"{path}/{name}", 0o20640, os.makedev(*numbers))
            os.chown(f"{path}/{name}", 0, 44)
        with open(f"{path}/bus/readme", "w"):
            pass
        yield path


def _given(host: str, access: str = "rwm") -> tuple[Device, ...]:
    return (Device(f"{host}/odd", "/dev/odd", access),)


@by_root
@pytest.mark.parametrize("uid_base", [UID_BASE, 0])
def test_a_device_belongs_to_the_containers_root_and_its_groups(
    box: Box, host: str, uid_base: int
) -> None:
    """Fails when the host's node is bound: in a user namespace it is nobody's."""
    script = "stat -c '%U:%G %a %t:%T' /dev/z; dd if=/dev/z bs=3 count=1 2>/dev/null | wc -c"
    given = (Device(f"{host}/bus/zero", "/dev/z"),)
    _, said = box.run("sh", "-c", script, uid_base=uid_base, devices=given)
    assert said.split() == ["root:video", "640", "1:5", "3"]


@by_root
@pytest.mark.cgroup2
def test_what_was_not_given_cannot_be_used(box: Box) -> None:
    """Fails without the rules, when nodes can be made: without a user namespace of its own."""
    attempt = "mknod /dev/new c 240 11 && : </dev/new"
    for asked, answer in (
        ({"uid_base": 0}, "can't open /dev/new: Operation not permitted"),
        ({"uid_base": 0, "device_rules": ("c 240:11 w",)}, "Operation not permitted"),
        ({"uid_base": 0, "device_rules": ("c 240:* r",)}, GOT_BY),
        ({"device_rules": ("c 240:* rwm",)}, "mknod: /dev/new: Operation not permitted"),
    ):
        assert answer in box.run("sh", "-c", attempt, **asked)[1]


@by_root
@pytest.mark.cgroup2
@pytest.mark.parametrize("uid_base", [UID_BASE, 0])
def test_a_device_is_given_for_what_was_asked(box: Box, host: str, uid_base: int) -> None:
    """Fails without the cgroup's rules: the node's permissions alone let root write."""
    script = "sh -c ': </dev/odd'; sh -c ': >/dev/odd'"
    _, said = box.run("sh", "-c", script, uid_base=uid_base, devices=_given(host, "r"))
    assert said.splitlines() == [
        f"sh: can't open /dev/odd: {GOT_BY}",
        "sh: can't create /dev/odd: Operation not permitted",
    ]


@by_root
def test_a_directory_gives_all_devices_in_it(box: Box, host: str) -> None:
    given = (Device(f"{host}/bus", "/dev/bus"), Device(host, "/dev/bus/all", "r"))
    found = "/dev/bus/all/bus/full /dev/bus/all/bus/zero /dev/bus/all/odd /dev/bus/full"
    code, said = box.run("find", "/dev/bus", "-type", "c", devices=given)
    assert (code, sorted(said.split())) == (0, [*found.split(), "/dev/bus/zero"])


@by_root
def test_what_is_no_device_is_refused(host: str) -> None:
    for path in (f"{host}/bus/readme", f"{host}/none"):
        with pytest.raises(BadSpec, match="not a device node"):
            devices.find((Device(path, "/dev/x"),))


@by_root
def test_another_device_in_its_place_is_not_taken(box: Box, host: str) -> None:
    """Fails when the numbers are not compared again, or a link is followed, at the start."""
    container = box.create("true", devices=_given(host))
    os.unlink(f"{host}/odd")
    os.mknod(f"{host}/odd", 0o60666, os.makedev(*ODD))
    with pytest.raises(StartFailed, match="not character device 240:11"):
        box.start(container)
    os.unlink(f"{host}/odd")
    os.symlink("/dev/null", f"{host}/odd")
    with pytest.raises(StartFailed, match="not character device 240:11"):
        box.start(container)
    os.unlink(f"{host}/odd")
    with pytest.raises(StartFailed, match="No such file"):
        box.start(container)


@by_root
@pytest.mark.cgroup2
def test_a_privileged_container_has_all_of_the_host(box: Box) -> None:
    script = "ls /dev; mknod /dev/new c 240 11; : </dev/new"
    _, said = box.run("sh", "-c", script, privileged=True, uid_base=0)
    assert GOT_BY in said.splitlines()[-1]
    assert set(said.splitlines()) >= {name for name in os.listdir("/dev") if _is_device(name)}


def _is_device(name: str) -> bool:
    mode = os.lstat(f"/dev/{name}").st_mode
    return (stat.S_ISCHR(mode) or stat.S_ISBLK(mode)) and name != "console"


@by_root
def test_a_link_of_the_image_leads_nowhere(box: Box, host: str) -> None:
    """Fails when the place of the device is looked up from outside of the root."""
    os.symlink("/../../../../tmp", f"{box.layer}/away")
    given = (Device(f"{host}/bus/zero", "/away/escaped"),)
    assert box.run("stat", "-c", "%t", "/tmp/escaped", devices=given) == (0, "1\n")
    assert not os.path.lexists("/tmp/escaped")


@by_root
def test_the_host_sees_no_mount_of_it(box: Box, host: str) -> None:
    """Fails when the nodes are brought in before all mounts are private: without a user namespace
    of its own they would stay on the host's /sys.
    """

    def mounts() -> list[str]:
        with open("/proc/self/mountinfo") as file:
            return [line for line in file if line.split()[4] == "/sys"]

    before = mounts()
    assert box.run("true", uid_base=0, devices=_given(host)) == (0, "")
    assert mounts() == before


# --- rules as text ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    "|c|c 1:3|d 1:3 r|c 1:3 x|c 1:3 rwmr|c 1 r|c 1:-3 r|c 1:3 r |c 1:3:4 r|c a:3 r".split("|"),
)
def test_what_is_no_rule(text: str) -> None:
    with pytest.raises(BadSpec, match="invalid device cgroup format"):
        devices.rules((), (text,), privileged=False)


def test_rules_as_the_runtime_spec_has_them() -> None:
    asked = devices.rules((), ("a 188:* rw",), privileged=False)
    assert asked[0] == {"allow": False, "access": "rwm"}
    assert asked[-1] == {"allow": True, "type": "a", "major": 188, "access": "rw"}
    assert {"allow": True, "type": "c", "major": 136, "access": "rwm"} in asked
    assert devices.rules((), (), privileged=True) == [{"allow": True, "access": "rwm"}]
