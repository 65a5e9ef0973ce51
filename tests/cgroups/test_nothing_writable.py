"""A host that lets us make no cgroup: containers run, limits are refused in words."""

from __future__ import annotations

import pytest

from tuidock.engine.cgroups.cgroup import Cgroup
from tuidock.engine.errors import Unsupported


@pytest.fixture
def bare() -> Cgroup:
    return Cgroup([], "tuidock-00000000", "0" * 64)


def test_without_limits_all_goes_on(bare: Cgroup) -> None:
    bare.create({})
    bare.create({"memory": {"limit": -1}, "pids": {"limit": 0}})
    assert bare.doors(cloned=False) == []
    bare.add(1)
    assert bare.fd_for_clone() is None
    assert bare.pids() == []
    assert bare.kill() == []
    assert (bare.oom_kills(), bare.peak_memory(), bare.version("memory")) == (0, 0, 0)
    assert not bare.exists()
    bare.remove()


@pytest.mark.parametrize(
    ("resources", "word"),
    [
        ({"memory": {"limit": 1 << 30}}, "memory"),
        ({"cpu": {"quota": 1000, "period": 100_000}}, "cpu"),
        ({"cpu": {"cpus": "0"}}, "cpuset"),
        ({"pids": {"limit": 5}}, "pids"),
        ({"blockIO": {"weight": 10}}, "io"),
    ],
)
def test_a_limit_is_refused_by_name(bare: Cgroup, resources: dict[str, object], word: str) -> None:
    with pytest.raises(Unsupported, match=f"cannot limit {word}:"):
        bare.create(resources)


def test_pause_is_refused(bare: Cgroup) -> None:
    with pytest.raises(Unsupported, match="no cgroup freezer"):
        bare.freeze()
