"""What is said to be possible is, and what is lacking is refused: asked of the kernel."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import root_only
from tests.cgroups.trees import FILES, Fake
from tuidock.engine.cgroups import bounds as bounds_module
from tuidock.engine.cgroups.bounds import FILES as LIMITED
from tuidock.engine.cgroups.bounds import bounds, disks, lacking, scheduler
from tuidock.engine.cgroups.cgroup import Cgroup
from tuidock.engine.cgroups.files import read
from tuidock.engine.cgroups.hierarchies import CONTROLLERS, Hierarchy
from tuidock.engine.cgroups.limits import check, resources
from tuidock.engine.errors import Unsupported
from tuidock.engine.types import Limits

MB = 1 << 20


def _some(field: str, disk: str) -> Limits:
    """Limits with that one set to something that makes sense."""
    value: object = {
        "cpus": 0.5,
        "cpu_shares": 512,
        "cpuset_cpus": "0",
        "pids": 50,
        "blkio_weight": 200,
    }.get(field, 64 * MB)
    if field.startswith("device_"):
        value = ((disk, MB),)
    alone = Limits(**{field: value})  # type: ignore[arg-type]
    return alone._replace(memory=48 * MB) if field == "memory_swap" else alone


@pytest.mark.root(root_only.LIMITS)
@pytest.mark.cgroup2
@pytest.mark.parametrize("running", [True, False])
def test_what_is_not_lacking_is_taken_and_the_rest_refused(cgroup: Cgroup, running: bool) -> None:
    """Fails when a file of the table is not the one that the driver writes."""
    if not running:
        found = bounds(cgroup)
    cgroup.create({})
    if running:
        found = bounds(cgroup)
    refused = dict(found.lacking)
    assert found.disks
    for field in LIMITED:
        wanted = _some(field, found.disks[0])
        check(wanted)
        if field in refused:
            with pytest.raises(Unsupported):
                cgroup.apply(resources(wanted))
        else:
            cgroup.apply(resources(wanted))
    assert set(LIMITED) == set(Limits._fields)
    cgroup.apply({})


@pytest.mark.root(root_only.LIMITS)
@pytest.mark.cgroup2
def test_memory_high_is_of_v2_alone(cgroup: Cgroup) -> None:
    cgroup.create({})
    said = dict(bounds(cgroup).lacking).get("memory_high", "")
    assert ("only cgroup v2 has memory.high" in said) == (cgroup.version("memory") == 1)


def test_the_machine_in_figures(cgroup: Cgroup) -> None:
    found = bounds(cgroup)
    assert len(found.cpus) == os.sysconf("SC_NPROCESSORS_ONLN")
    assert found.memory == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    swaps = [int(line.split()[2]) * 1024 for line in read("/proc/swaps").splitlines()[1:]]
    assert found.swap == sum(swaps)
    assert ("memory_swap" in dict(found.remarks)) == (not swaps)


def test_disks_are_whole_ones_that_can_be_named() -> None:
    found = disks()
    assert not [name for name in found if name.startswith(("loop", "ram", "zram"))]
    assert all(os.path.exists(f"/dev/{name}") for name in found)
    assert all(scheduler(name) for name in found)
    assert scheduler("no such disk") == "none"


# --- on a tree that says what it likes -----------------------------------------------------------


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    (tmp_path / "cg").mkdir()
    return Fake(tmp_path / "cg", "cpu io memory", monkeypatch)


def _cgroup(tree: Fake, controllers: str = "cpu io memory") -> Cgroup:
    names = tuple(name for name in CONTROLLERS if name in controllers.split())
    return Cgroup([Hierarchy(tree.root, names, unified=True)], "tuidock-00000000", "abc")


def test_a_controller_that_nobody_gave_is_named(
    tree: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    cgroup = _cgroup(tree)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert lacking(cgroup, "pids") == (
        "no pids controller of cgroups may be used here: see tuidock doctor"
    )
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "the cpuset controller is delegated to you" in lacking(cgroup, "cpuset_cpus")
    assert lacking(cgroup, "memory") == ""


def test_a_controller_that_did_not_come_down_is_lacking(tree: Fake) -> None:
    """Fails when the hierarchy alone is asked: `cpu` is there, and not in this container's."""
    cgroup = _cgroup(tree)
    tree.make(f"{tree.root}/tuidock-00000000")
    tree.make(f"{tree.root}/tuidock-00000000/abc")
    assert "cpu controller" in lacking(cgroup, "cpus")


def test_files_are_looked_for_where_they_can_be(
    tree: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped container has no cgroup: others of the machine show what the kernel offers."""
    cgroup = _cgroup(tree)
    without_swap = {k: v for k, v in FILES["memory"].items() if k != "memory.swap.max"}
    monkeypatch.setitem(FILES, "memory", without_swap)
    assert lacking(cgroup, "memory_swap") == ""
    tree._enable(tree.root, "memory")
    tree.make(f"{tree.root}/system.slice")
    assert lacking(cgroup, "memory_swap") == bounds_module._NO_SWAP
    assert lacking(cgroup, "memory_high") == ""
