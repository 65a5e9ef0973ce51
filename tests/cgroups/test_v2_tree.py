"""What the v2 driver writes, and where: on a fake tree everywhere, and on the kernel's on v2."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cgroups.trees import FILES, Fake, Tree
from tuidock.engine.cgroups.cgroup import Cgroup
from tuidock.engine.cgroups.hierarchies import CONTROLLERS, Hierarchy, mode
from tuidock.engine.errors import BadSpec, HostError, Unsupported

pytestmark = pytest.mark.cgroup2
MB = 1 << 20
BASE = "/sys/fs/cgroup"
PURE = mode() == "v2" and os.geteuid() == 0
ALL = "cpuset cpu io memory hugetlb pids rdma"
LIMITS = {
    "memory": {"limit": 64 * MB, "swap": 96 * MB, "reservation": 16 * MB},
    "cpu": {"quota": 150_000, "period": 100_000, "shares": 1024, "cpus": "0-1"},
    "pids": {"limit": 20},
    "blockIO": {"weight": 1000},
    "unified": {"memory.high": str(48 * MB)},
}


Plant = Callable[[str], Tree]


@pytest.fixture(params=["fake", *(["kernel"] if PURE else [])])
def plant(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Plant]:
    """plant(controllers): a tree in which those can be had, and nobody lives."""
    if request.param == "fake":
        (tmp_path / "cg").mkdir()
        yield lambda controllers: Fake(tmp_path / "cg", controllers, monkeypatch)
        return
    planted: list[Tree] = []
    outer = Path(BASE, f"tuidock-tree-{secrets.token_hex(4)}")
    (outer / "cg").mkdir(parents=True)

    def below(controllers: str) -> Tree:
        for place in (outer.parent, outer):
            there = (place / "cgroup.controllers").read_text().split()
            for name in set(controllers.split()) & set(there):
                (place / "cgroup.subtree_control").write_text(f"+{name}")
        planted.append(Tree(outer / "cg", controllers, monkeypatch))
        return planted[-1]

    yield below
    monkeypatch.undo()
    for tree in planted:
        tree.leave()
    (outer / "cg").rmdir()
    outer.rmdir()


def _cgroup(base: str, controllers: str = ALL) -> Cgroup:
    names = tuple(name for name in CONTROLLERS if name in controllers.split())
    return Cgroup([Hierarchy(base, names, unified=True)], "tuidock-00000000", "abc")


def _file(cgroup: Cgroup, name: str) -> str:
    return Path(cgroup.path("cgroup") or "", name).read_text().strip()


def test_limits_as_v2_spells_them(plant: Plant) -> None:
    kernel = plant(ALL)
    cgroup = _cgroup(kernel.root)
    cgroup.create(LIMITS)
    assert _file(cgroup, "memory.max") == str(64 * MB)
    assert _file(cgroup, "memory.swap.max") == str(32 * MB)
    assert _file(cgroup, "memory.low") == str(16 * MB)
    assert _file(cgroup, "memory.high") == str(48 * MB)
    assert _file(cgroup, "cpu.max") == "150000 100000"
    assert _file(cgroup, "cpu.weight") == "100"
    assert _file(cgroup, "cpuset.cpus") == "0-1"
    assert _file(cgroup, "pids.max") == "20"
    assert _file(cgroup, "io.weight") == "default 10000"
    cgroup.apply({})
    assert _file(cgroup, "memory.max") == _file(cgroup, "pids.max") == "max"
    assert _file(cgroup, "memory.high") == "max"
    assert _file(cgroup, "cpu.max") == "max 100000"
    cgroup.remove()
    assert not cgroup.exists()
    assert not os.path.exists(f"{kernel.root}/tuidock-00000000")


def test_only_our_controllers_are_passed_down(plant: Plant) -> None:
    kernel = plant(ALL)
    cgroup = _cgroup(kernel.root)
    cgroup.create({})
    for directory in (kernel.root, f"{kernel.root}/tuidock-00000000"):
        enabled = kernel.get(directory, "cgroup.subtree_control").split()
        assert sorted(enabled) == ["cpu", "cpuset", "io", "memory", "pids"]


def test_swap_is_lowered_before_memory(plant: Plant) -> None:
    kernel = plant(ALL)
    cgroup = _cgroup(kernel.root)
    cgroup.create(LIMITS)
    kernel.written.clear()
    cgroup.apply({"memory": {"limit": 32 * MB, "swap": 32 * MB}})
    names = [path.rpartition("/")[2] for path, _ in kernel.written]
    assert names.index("memory.swap.max") < names.index("memory.max")
    assert _file(cgroup, "memory.swap.max") == "0"


def test_a_refusal_restores_what_was(plant: Plant) -> None:
    """Fails without `Changes.undo`: memory would stay lowered although the update failed."""
    kernel = plant(ALL)
    cgroup = _cgroup(kernel.root)
    cgroup.create(LIMITS)
    kernel.refused["pids.max", "7"] = errno.EINVAL
    with pytest.raises(BadSpec, match=r"refuses limit=7 \(pids\.max: Invalid argument\)"):
        cgroup.apply({"memory": {"limit": 8 * MB}, "pids": {"limit": 7}})
    assert _file(cgroup, "memory.max") == str(64 * MB)
    assert _file(cgroup, "memory.swap.max") == str(32 * MB)
    assert _file(cgroup, "cpu.max") == "150000 100000"


@pytest.mark.parametrize("controllers", ["memory pids", "cpu memory pids"])
def test_a_delegated_cgroup_is_vacated_for_its_children(plant: Plant, controllers: str) -> None:
    """Fails without `_vacate`, or with it after `cpu` only: that one made a thread root of it."""
    kernel = plant(controllers)
    for name in controllers.split():
        kernel.write(f"{kernel.root}/cgroup.subtree_control", f"+{name}")
    kernel.mkdir(f"{kernel.root}/scope")
    pids = [kernel.inhabit(f"{kernel.root}/scope") for _ in range(2)]
    cgroup = _cgroup(f"{kernel.root}/scope", controllers)
    cgroup.create({"pids": {"limit": 3}, "memory": {"limit": 8 * MB}})
    assert _file(cgroup, "pids.max") == "3"
    assert kernel.get(f"{kernel.root}/scope", "cgroup.procs") == ""
    assert kernel.get(f"{kernel.root}/scope/tuidock-clients", "cgroup.procs").split() == pids


def test_a_controller_that_was_not_delegated_is_refused_by_name(plant: Plant) -> None:
    kernel = plant("memory pids")
    cgroup = _cgroup(kernel.root, "memory pids")
    cgroup.create({"memory": {"limit": 8 * MB}})
    with pytest.raises(Unsupported, match="cannot limit cpu:"):
        cgroup.apply({"cpu": {"quota": 1000, "period": 100_000}})
    assert _file(cgroup, "memory.max") == str(8 * MB)


def test_a_controller_that_does_not_come_down_is_refused_by_name(plant: Plant) -> None:
    """The base has it, but real-time processes keep the kernel from enabling `cpu`."""
    kernel = plant("cpu memory")
    kernel.refused["cgroup.subtree_control", "+cpu"] = errno.EINVAL
    cgroup = _cgroup(kernel.root, "cpu memory")
    cgroup.create({"memory": {"limit": 8 * MB}})
    with pytest.raises(Unsupported, match="cannot limit cpu:"):
        cgroup.apply({"cpu": {"quota": 1000, "period": 100_000}})


def test_an_old_kernel_without_swap_accounting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(FILES["memory"], "memory.swap.max")
    Fake(tmp_path, ALL, monkeypatch)
    cgroup = _cgroup(str(tmp_path))
    cgroup.create({"memory": {"limit": 8 * MB, "swap": 16 * MB}})
    with pytest.raises(Unsupported, match="does not limit swap"):
        cgroup.apply({"memory": {"limit": 8 * MB, "swap": 9 * MB}})


def test_create_over_one_in_use_is_refused_and_touches_nothing(plant: Plant) -> None:
    kernel = plant(ALL)
    cgroup = _cgroup(kernel.root)
    cgroup.create(LIMITS)
    pid = kernel.inhabit(cgroup.path("cgroup") or "")
    with pytest.raises(HostError, match=rf"still in use by processes \[{pid}\]"):
        cgroup.create({})
    assert _file(cgroup, "pids.max") == "20"


def test_a_parent_that_vanishes_is_made_again(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails without the retry: the last container of another client takes the parent along."""
    kernel = plant(ALL)
    times = iter([True, True, False])

    def mkdir(path: str, mode: int = 0o777) -> None:
        if path.endswith("/abc") and next(times):
            kernel.rmdir(f"{kernel.root}/tuidock-00000000")
        kernel.mkdir(path, mode)

    monkeypatch.setattr("os.mkdir", mkdir)
    cgroup = _cgroup(kernel.root)
    cgroup.create(LIMITS)
    assert _file(cgroup, "pids.max") == "20"
