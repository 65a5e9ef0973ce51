"""Rates of block devices: real reads and writes of a loop device, slowed down and let go."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator

import pytest

from tests import machine, root_only
from tests.cgroups.conftest import Start
from tuidock.engine.cgroups import limits
from tuidock.engine.cgroups.cgroup import Cgroup
from tuidock.engine.cgroups.files import read
from tuidock.engine.errors import BadSpec
from tuidock.engine.types import Limits

pytestmark = [pytest.mark.root(root_only.LIMITS), pytest.mark.cgroup2]
KB = 1 << 10
_TRANSFER = """
import mmap, os, sys, time
path, way = sys.argv[1:]
block = mmap.mmap(-1, 1 << 16)
disk = os.open(path, os.O_RDWR | os.O_DIRECT)
print("ready", flush=True)
for line in sys.stdin:
    begun = time.monotonic()
    for number in range(int(line)):
        if way == "read": os.preadv(disk, [block], number << 16)
        else: os.pwritev(disk, [block], number << 16)
    print(time.monotonic() - begun, flush=True)
"""


@pytest.fixture
def disk() -> Iterator[str]:
    """A block device of 2 MiB."""
    with tempfile.NamedTemporaryFile(prefix=machine.TEMPORARY.removeprefix("/tmp/")) as file:
        file.truncate(1 << 21)
        made = subprocess.run(
            ["losetup", "--find", "--show", file.name], capture_output=True, text=True, check=True
        )
        path = made.stdout.strip()
        yield path
        subprocess.run(["losetup", "--detach", path], check=True)


def _seconds(process: subprocess.Popen[bytes], blocks: int) -> float:
    assert process.stdin
    assert process.stdout
    process.stdin.write(b"%d\n" % blocks)
    process.stdin.flush()
    return float(process.stdout.readline())


@pytest.mark.parametrize(
    ("field", "rate", "way"),
    [
        ("device_read_bps", 256 * KB, "read"),
        ("device_write_bps", 256 * KB, "write"),
        ("device_read_iops", 4, "read"),
        ("device_write_iops", 4, "write"),
    ],
)
def test_a_rate_holds_at_once_and_can_be_lifted(
    cgroup: Cgroup, start: Start, disk: str, field: str, rate: int, way: str
) -> None:
    """Four blocks of 64 KiB a second. Fails when the rates are not written."""
    cgroup.create({})
    process = start(cgroup, _TRANSFER, disk, way)
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    slow = limits.merge(Limits(), Limits(**{field: ((disk, rate),)}))  # type: ignore[arg-type]
    cgroup.apply(limits.resources(slow))
    assert _seconds(process, 6) > 1.0
    free = limits.merge(slow, Limits(**{field: ((disk, 0),)}))  # type: ignore[arg-type]
    assert free == Limits()
    cgroup.apply(limits.resources(free))
    assert _seconds(process, 6) < 1.0


def test_devices_come_and_go_one_by_one(cgroup: Cgroup, disk: str) -> None:
    """Fails when lines that are not wanted any more are left in the file."""
    both = Limits(device_read_bps=((disk, KB),), device_write_iops=((disk, 7),))
    cgroup.create(limits.resources(both))
    numbers = os.stat(disk).st_rdev
    name = f"{os.major(numbers)}:{os.minor(numbers)}"
    assert _lines(cgroup) == {f"{name} rbps={KB} wbps=max riops=max wiops=7"}
    cgroup.apply(limits.resources(both._replace(device_read_bps=None)))
    assert _lines(cgroup) == {f"{name} rbps=max wbps=max riops=max wiops=7"}
    cgroup.apply({})
    assert _lines(cgroup) == set()


def _lines(cgroup: Cgroup) -> set[str]:
    """As io.max has them, from v1's four files too."""
    directory = cgroup.path("io")
    if cgroup.version("io") == 2:
        return set(read(f"{directory}/io.max").splitlines())
    found: dict[str, list[str]] = {}
    for number, name in enumerate(("read_bps", "write_bps", "read_iops", "write_iops")):
        for line in read(f"{directory}/blkio.throttle.{name}_device").splitlines():
            device, rate = line.split()
            found.setdefault(device, ["max"] * 4)[number] = rate
    names = ("rbps", "wbps", "riops", "wiops")
    return {
        " ".join([device, *map("=".join, zip(names, rates, strict=True))])
        for device, rates in found.items()
    }


def test_what_has_no_rate_of_its_own_is_refused(cgroup: Cgroup, disk: str) -> None:
    """Fails without the look at ENODEV, which also means that a cgroup is gone."""
    for path in ("/dev/null", "/dev/no-such-disk", "/etc"):
        with pytest.raises(BadSpec, match=f"cannot limit {path}"):
            limits.resources(Limits(device_read_bps=((path, KB),)))
    unknown = {"major": 4000, "minor": 1, "rate": KB}
    with pytest.raises(BadSpec, match="the kernel refuses"):
        cgroup.create({"blockIO": {"throttleReadBpsDevice": [unknown]}})
    assert not cgroup.exists()
