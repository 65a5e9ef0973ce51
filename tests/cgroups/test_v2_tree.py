"""What the v2 driver writes, and where, on the fake tree of `fake_v2`."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from tests.cgroups.fake_v2 import Kernel
from tuidock.engine.cgroups.cgroup import Cgroup
from tuidock.engine.cgroups.hierarchies import CONTROLLERS, Hierarchy
from tuidock.engine.errors import BadSpec, HostError, Unsupported

MB = 1 << 20
ALL = "cpuset cpu io memory hugetlb pids rdma"
LIMITS = {
    "memory": {"limit": 64 * MB, "swap": 96 * MB, "reservation": 16 * MB},
    "cpu": {"quota": 150_000, "period": 100_000, "shares": 1024, "cpus": "0-1"},
    "pids": {"limit": 20},
    "blockIO": {"weight": 1000},
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "cg").mkdir()
    return tmp_path / "cg"


def _cgroup(base: Path, controllers: str = ALL) -> Cgroup:
    names = tuple(name for name in CONTROLLERS if name in controllers.split())
    return Cgroup([Hierarchy(str(base), names, unified=True)], "tuidock-00000000", "abc")


def _file(cgroup: Cgroup, name: str) -> str:
    return Path(cgroup.path("cgroup") or "", name).read_text().strip()


def test_limits_as_v2_spells_them(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Kernel(root, ALL, monkeypatch)
    cgroup = _cgroup(root)
    cgroup.create(LIMITS)
    assert _file(cgroup, "memory.max") == str(64 * MB)
    assert _file(cgroup, "memory.swap.max") == str(32 * MB)
    assert _file(cgroup, "memory.low") == str(16 * MB)
    assert _file(cgroup, "cpu.max") == "150000 100000"
    assert _file(cgroup, "cpu.weight") == "100"
    assert _file(cgroup, "cpuset.cpus") == "0-1"
    assert _file(cgroup, "pids.max") == "20"
    assert _file(cgroup, "io.weight") == "default 10000"
    cgroup.apply({})
    assert _file(cgroup, "memory.max") == _file(cgroup, "pids.max") == "max"
    assert _file(cgroup, "cpu.max") == "max 100000"
    cgroup.remove()
    assert not cgroup.exists()
    assert not (root / "tuidock-00000000").exists()


def test_only_our_controllers_are_passed_down(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Kernel(root, ALL, monkeypatch)
    cgroup = _cgroup(root)
    cgroup.create({})
    for directory in (root, root / "tuidock-00000000"):
        enabled = (directory / "cgroup.subtree_control").read_text().split()
        assert sorted(enabled) == ["cpu", "cpuset", "io", "memory", "pids"]


def test_swap_is_lowered_before_memory(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(root, ALL, monkeypatch)
    cgroup = _cgroup(root)
    cgroup.create(LIMITS)
    kernel.written.clear()
    cgroup.apply({"memory": {"limit": 32 * MB, "swap": 32 * MB}})
    names = [path.rpartition("/")[2] for path, _ in kernel.written]
    assert names.index("memory.swap.max") < names.index("memory.max")
    assert _file(cgroup, "memory.swap.max") == "0"


def test_a_refusal_restores_what_was(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails without `Changes.undo`: memory would stay lowered although the update failed."""
    kernel = Kernel(root, ALL, monkeypatch)
    cgroup = _cgroup(root)
    cgroup.create(LIMITS)
    kernel.refused["pids.max"] = errno.EINVAL
    with pytest.raises(BadSpec, match=r"refuses limit=7 \(pids\.max: Invalid argument\)"):
        cgroup.apply({"memory": {"limit": 8 * MB}, "pids": {"limit": 7}})
    assert _file(cgroup, "memory.max") == str(64 * MB)
    assert _file(cgroup, "memory.swap.max") == str(32 * MB)
    assert _file(cgroup, "cpu.max") == "150000 100000"


@pytest.mark.parametrize("controllers", ["memory pids", "cpu memory pids"])
def test_a_delegated_cgroup_is_vacated_for_its_children(
    root: Path, monkeypatch: pytest.MonkeyPatch, controllers: str
) -> None:
    """Fails without `_vacate`, or with it after `cpu` only: that one made a thread root of it."""
    kernel = Kernel(root, controllers, monkeypatch)
    for name in controllers.split():
        kernel.write(f"{root}/cgroup.subtree_control", f"+{name}")
    kernel.mkdir(f"{root}/scope")
    kernel.write(f"{root}/scope/cgroup.procs", "100")
    kernel.write(f"{root}/scope/cgroup.procs", "101")
    cgroup = _cgroup(root / "scope", controllers)
    cgroup.create({"pids": {"limit": 3}, "memory": {"limit": 8 * MB}})
    assert _file(cgroup, "pids.max") == "3"
    assert kernel.get(f"{root}/scope", "cgroup.procs") == ""
    assert kernel.get(f"{root}/scope/tuidock-clients", "cgroup.procs").split() == ["100", "101"]


def test_a_controller_that_was_not_delegated_is_refused_by_name(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Kernel(root, "memory pids", monkeypatch)
    cgroup = _cgroup(root, "memory pids")
    cgroup.create({"memory": {"limit": 8 * MB}})
    with pytest.raises(Unsupported, match="cannot limit cpu:"):
        cgroup.apply({"cpu": {"quota": 1000, "period": 100_000}})
    assert _file(cgroup, "memory.max") == str(8 * MB)


def test_a_controller_that_does_not_come_down_is_refused_by_name(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The base has it, but real-time processes keep the kernel from enabling `cpu`."""
    kernel = Kernel(root, "cpu memory", monkeypatch)
    enable = kernel._enable
    monkeypatch.setattr(
        kernel, "_enable", lambda at, name: errno.EINVAL if name == "cpu" else enable(at, name)
    )
    cgroup = _cgroup(root, "cpu memory")
    cgroup.create({"memory": {"limit": 8 * MB}})
    with pytest.raises(Unsupported, match="cannot limit cpu:"):
        cgroup.apply({"cpu": {"quota": 1000, "period": 100_000}})


def test_an_old_kernel_without_swap_accounting(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(Kernel.__init__.__globals__["FILES"]["memory"], "memory.swap.max")
    Kernel(root, ALL, monkeypatch)
    cgroup = _cgroup(root)
    cgroup.create({"memory": {"limit": 8 * MB, "swap": 16 * MB}})
    with pytest.raises(Unsupported, match="does not limit swap"):
        cgroup.apply({"memory": {"limit": 8 * MB, "swap": 9 * MB}})


def test_create_over_one_in_use_is_refused_and_touches_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = Kernel(root, ALL, monkeypatch)
    cgroup = _cgroup(root)
    cgroup.create(LIMITS)
    kernel.write(f"{cgroup.path('cgroup')}/cgroup.procs", "77")
    with pytest.raises(HostError, match=r"still in use by processes \[77\]"):
        cgroup.create({})
    assert _file(cgroup, "pids.max") == "20"


def test_a_parent_that_vanishes_is_made_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails without the retry: the last container of another client takes the parent along."""
    kernel = Kernel(root, ALL, monkeypatch)
    times = iter([True, True, False])

    def mkdir(path: str, mode: int = 0o777) -> None:
        if path.endswith("/abc") and next(times):
            kernel.rmdir(f"{root}/tuidock-00000000")
        kernel.mkdir(path, mode)

    monkeypatch.setattr("os.mkdir", mkdir)
    cgroup = _cgroup(root)
    cgroup.create(LIMITS)
    assert _file(cgroup, "pids.max") == "20"
