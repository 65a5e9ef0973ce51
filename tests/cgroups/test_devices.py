"""Rules about devices: what they come to, and what the kernel then makes of them on v1 and v2."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import time
from collections.abc import Iterator

import pytest

from tests import root_only
from tests.cgroups.conftest import Start
from tests.waiting import until
from tuidock.engine.cgroups.cgroup import Cgroup
from tuidock.engine.cgroups.devices import EVERYTHING, Numbers, settle
from tuidock.engine.cgroups.hierarchies import find
from tuidock.engine.linux.libc import syscall

NOTHING = {"allow": False, "access": "rwm"}
ALL = {"allow": True, "access": "rwm"}
DRIVERS = [
    *([1] if any("devices" in each.controllers for each in find()) else []),
    *([2] if any(each.unified for each in find()) else []),
]
_NUMBERS = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8)}
_ATTEMPTS = """
import os, sys
directory, ways = sys.argv[1], {"r": os.O_RDONLY, "w": os.O_WRONLY, "rw": os.O_RDWR}
for attempt in sys.argv[2:]:
    name, _, way = attempt.partition(":")
    try:
        if way == "m":
            os.mknod(f"{directory}/new", 0o20600, os.stat(f"{directory}/{name}").st_rdev)
            os.unlink(f"{directory}/new")
        else:
            os.close(os.open(f"{directory}/{name}", ways[way]))
        print(attempt, flush=True)
    except PermissionError:
        continue
print("end", flush=True)
"""
_WHILE_RULES_CHANGE = """
import os, sys
print("ready", flush=True)
try:
    while not os.path.exists(sys.argv[1]): os.close(os.open("/dev/null", os.O_RDWR))
    print("never refused", flush=True)
except PermissionError as error: print(error, flush=True)
"""


def _may(number: int, access: str = "rwm") -> dict[str, object]:
    return {"allow": True, "type": "c", "major": 1, "minor": number, "access": access}


def _not(number: int, access: str = "rwm") -> dict[str, object]:
    return _may(number, access) | {"allow": False}


# --- what rules come to -------------------------------------------------------------------------


def test_the_order_of_rules_counts() -> None:
    assert settle([]) == settle([NOTHING, _may(3), ALL]) == EVERYTHING
    assert settle([NOTHING, _may(3), NOTHING]) == (False, {})
    assert settle([NOTHING, _may(3), _may(3, "r"), _not(3, "w")]) == (
        False,
        {Numbers("c", 1, 3): frozenset("rm")},
    )
    assert settle([_not(3), _may(3, "r")]) == (True, {Numbers("c", 1, 3): frozenset("wm")})
    assert settle([NOTHING, _may(3), _not(3)]) == (False, {})


def test_a_rule_without_kind_is_about_both() -> None:
    rule = {"allow": True, "major": 7, "access": "r"}
    assert settle([NOTHING, rule]).exceptions == {
        Numbers("b", 7, -1): frozenset("r"),
        Numbers("c", 7, -1): frozenset("r"),
    }
    assert settle([NOTHING, rule | {"type": "a", "access": "rwm"}]).everything is False


# --- what the kernel makes of them ----------------------------------------------------------------


@pytest.fixture(params=DRIVERS)
def guarded(request: pytest.FixtureRequest, new_cgroup) -> Cgroup:  # type: ignore[no-untyped-def]
    """A cgroup whose devices one of the two drivers guards alone."""
    version = request.param
    hierarchies = [
        each for each in find() if (each.unified if version == 2 else "devices" in each.controllers)
    ]
    cgroup: Cgroup = new_cgroup(hierarchies)
    assert cgroup.version("devices") == version
    return cgroup


@pytest.fixture
def nodes(tmp_path: object) -> str:
    """A directory of nodes of our own, which any rule may be tried on."""
    for name, numbers in _NUMBERS.items():
        os.mknod(f"{tmp_path}/{name}", 0o20666, os.makedev(*numbers))
    return str(tmp_path)


def _granted(start: Start, cgroup: Cgroup, nodes: str, *attempts: str) -> set[str]:
    process = start(cgroup, _ATTEMPTS, nodes, *attempts)
    assert process.stdout
    return set(iter(lambda: process.stdout.readline().decode().strip(), "end"))


@pytest.mark.root(root_only.LIMITS)
@pytest.mark.cgroup2
@pytest.mark.parametrize(
    ("rules", "granted"),
    [
        ([NOTHING], ""),
        ([ALL], "null:r null:w null:rw null:m zero:r zero:w zero:rw zero:m"),
        ([NOTHING, _may(3)], "null:r null:w null:rw null:m"),
        ([NOTHING, _may(3, "r")], "null:r"),
        ([NOTHING, _may(3, "r"), _may(3, "w")], "null:r null:w null:rw"),
        ([NOTHING, _may(3, "rw"), _not(3, "w"), _may(5, "m")], "null:r zero:m"),
        ([NOTHING, {"allow": True, "type": "c", "access": "m"}], "null:m zero:m"),
        ([NOTHING, {"allow": True, "type": "c", "major": 1, "access": "w"}], "null:w zero:w"),
        ([NOTHING, {"allow": True, "type": "b", "access": "rwm"}], ""),
        ([NOTHING, {"allow": True, "type": "c", "minor": 5, "access": "r"}], "zero:r"),
        ([ALL, _not(3, "w")], "null:r null:m zero:r zero:w zero:rw zero:m"),
        ([ALL, _not(3), _not(5, "rw")], "zero:m"),
    ],
)
def test_both_drivers_enforce_the_same(
    guarded: Cgroup, start: Start, nodes: str, rules: list[dict[str, object]], granted: str
) -> None:
    """Fails for v1 with the write to devices.deny taken out, for v2 with the attaching; and each
    row with one of the tests in the program.
    """
    guarded.create({"devices": rules})
    assert guarded.guards_devices
    attempts = [f"{name}:{way}" for name in ("null", "zero") for way in ("r", "w", "rw", "m")]
    assert _granted(start, guarded, nodes, *attempts) == set(granted.split())


@pytest.mark.root(root_only.LIMITS)
@pytest.mark.cgroup2
def test_new_rules_hold_for_those_who_are_in(guarded: Cgroup, start: Start, nodes: str) -> None:
    guarded.create({})
    for rules, granted in (
        ([NOTHING, _may(3), _may(5, "rw")], {"null:rw", "zero:r", "zero:rw"}),
        ([NOTHING, _may(3), _may(5, "r"), _may(7, "w")], {"null:rw", "zero:r", "full:w"}),
        ([NOTHING, _may(3)], {"null:rw"}),
    ):
        guarded.apply({"devices": rules})
        attempts = ("null:rw", "zero:r", "zero:rw", "full:w")
        assert _granted(start, guarded, nodes, *attempts) == granted


@pytest.mark.root(root_only.LIMITS)
@pytest.mark.cgroup2
def test_what_stays_permitted_is_at_every_moment(
    guarded: Cgroup, start: Start, tmp_path: object
) -> None:
    """Fails when v1 refuses everything before it permits again, or v2 takes the old program away
    before it attaches the new one.
    """
    rules = [[NOTHING, _may(3)], [NOTHING, _may(5), _may(3)], [NOTHING, _may(3), _may(7, "r")]]
    guarded.create({"devices": rules[0]})
    process = start(guarded, _WHILE_RULES_CHANGE, f"{tmp_path}/end")
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    deadline, number = time.monotonic() + 1, 0
    while time.monotonic() < deadline:
        guarded.apply({"devices": rules[number % 3]})
        number += 1
    with open(f"{tmp_path}/end", "w"):
        pass
    assert process.stdout.readline() == b"never refused\n"


@pytest.mark.root(root_only.LIMITS)
@pytest.mark.cgroup2
def test_no_program_outlives_its_cgroup(cgroup: Cgroup, start: Start) -> None:
    """Fails when the program is pinned, or its descriptor is kept."""
    if DRIVERS[-1] == 1:
        pytest.fail("needs a cgroup v2 tree, if an empty one")
    before = set(_programs())
    only = Cgroup([each for each in find() if each.unified], "tuidock-00000000", "d" * 64)
    only.create({"devices": [NOTHING, _may(3)]})
    only.apply({"devices": [NOTHING, _may(5)]})
    (program,) = set(_programs()) - before
    only.remove()
    until(lambda: program not in set(_programs()))


def _programs() -> Iterator[int]:
    """Ids of all loaded BPF programs; BPF_PROG_GET_NEXT_ID."""
    number = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
    here = 0
    while True:
        request = ctypes.create_string_buffer(struct.pack("=III", here, 0, 0), 12)
        try:
            syscall(number, "bpf", 11, request, 12)
        except FileNotFoundError:
            return
        here = struct.unpack("=III", request.raw)[1]
        yield here


@pytest.mark.root(root_only.LIMITS)
def test_where_it_is_not_allowed_nothing_is_claimed(
    guarded: Cgroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for an ordinary user, whose containers have nodev mounts in its stead."""

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("tuidock.engine.cgroups.v2.load_device_program", refuse)
    monkeypatch.setattr("tuidock.engine.cgroups.files.write", refuse)
    guarded.create({})
    guarded.apply({"devices": [NOTHING]})
    assert not guarded.guards_devices
    guarded.apply({"devices": [ALL]})
    assert guarded.guards_devices
