"""Limits in a person's words, docker's refusals, OCI's resources."""

from __future__ import annotations

import contextlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuidock.engine.cgroups.limits import check, merge, parse_cpuset, resources
from tuidock.engine.cgroups.v2 import cpu_weight, io_weight
from tuidock.engine.errors import BadSpec
from tuidock.engine.types import Limits

MB = 1 << 20


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(memory=MB), "Minimum memory limit allowed is 6MB"),
        (Limits(memory=-5), "Minimum memory limit allowed is 6MB"),
        (Limits(memory_swap=64 * MB), "You should always set the Memory limit when using"),
        (Limits(memory=64 * MB, memory_swap=32 * MB), "memoryswap limit should be larger"),
        (Limits(memory=64 * MB, memory_swap=-2), "-1 stands for unlimited swap only"),
        (Limits(memory=16 * MB, memory_reservation=32 * MB), "can not be less than memory reser"),
        (Limits(memory_reservation=1), "Minimum memory reservation allowed is 6MB"),
        (Limits(memory_high=1), "Minimum memory high limit allowed is 6MB"),
        (Limits(cpus=0.001), "Range of CPUs is from 0.01 to"),
        (Limits(cpus=-1.0), "Range of CPUs is from 0.01 to"),
        (Limits(cpus=float("nan")), "Range of CPUs is from 0.01 to"),
        (Limits(cpus=4096.0), r"as there are only \d+ CPUs available"),
        (Limits(cpu_shares=1), "between 2 and 262144"),
        (Limits(cpu_shares=262145), "between 2 and 262144"),
        (Limits(cpuset_cpus="0-"), "Invalid value 0- for cpuset cpus"),
        (Limits(cpuset_cpus="2-1"), "Invalid value 2-1 for cpuset cpus"),
        (Limits(cpuset_cpus="9999"), "Requested CPUs are not available - requested 9999, avail"),
        (Limits(pids=-2), "Invalid value -2 for pids limit"),
        (Limits(blkio_weight=5), "Range of blkio weight is from 10 to 1000"),
    ],
)
def test_refusals_have_dockers_words(limits: Limits, words: str) -> None:
    with pytest.raises(BadSpec, match=words):
        check(limits)


def test_what_the_machine_can_do_is_accepted() -> None:
    check(Limits())
    check(Limits(0, 0, 0, 0.0, 0, "", 0, 0))
    check(Limits(64 * MB, -1, 32 * MB, float(os.cpu_count() or 1), 2, "0", -1, 1000))


def test_resources_are_ocis() -> None:
    limits = Limits(64 * MB, None, 16 * MB, 1.5, 512, "0-1", 100, 300)
    assert resources(limits) == {
        "memory": {"limit": 64 * MB, "swap": 128 * MB, "reservation": 16 * MB},
        "cpu": {"shares": 512, "quota": 150_000, "period": 100_000, "cpus": "0-1"},
        "pids": {"limit": 100},
        "blockIO": {"weight": 300},
    }


def test_no_limit_is_no_resource() -> None:
    assert resources(Limits()) == {}
    assert resources(Limits(memory=64 * MB, memory_swap=-1))["memory"]["swap"] == -1


def test_merge_keeps_replaces_and_lifts() -> None:
    old = Limits(memory=64 * MB, cpus=1.0, pids=10)
    assert merge(old, Limits(pids=20)) == old._replace(pids=20)
    assert merge(old, Limits(cpus=0.0)) == old._replace(cpus=None)
    assert merge(old, Limits()) == old


def test_lifting_memory_lifts_its_swap() -> None:
    old = Limits(memory=64 * MB, memory_swap=128 * MB)
    assert merge(old, Limits(memory=0)) == Limits()


def test_merge_refuses_what_contradicts_the_old() -> None:
    old = Limits(memory=64 * MB, memory_swap=128 * MB)
    with pytest.raises(BadSpec, match="already set memoryswap"):
        merge(old, Limits(memory=256 * MB))
    assert merge(old, Limits(memory=256 * MB, memory_swap=-1)).memory_swap == -1


@given(st.frozensets(st.integers(0, 300), min_size=1))
def test_cpusets_are_read_as_the_kernel_writes_them(cpus: frozenset[int]) -> None:
    runs: list[list[int]] = []
    for cpu in sorted(cpus):
        if runs and runs[-1][1] == cpu - 1:
            runs[-1][1] = cpu
        else:
            runs.append([cpu, cpu])
    text = ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs)
    assert parse_cpuset(text) == cpus


@given(st.text(max_size=12))
def test_a_cpuset_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(BadSpec):
        assert parse_cpuset(text)


def test_weights_meet_at_the_defaults_and_the_ends() -> None:
    assert [cpu_weight(shares) for shares in (2, 1024, 262144)] == [1, 100, 10000]
    assert [io_weight(weight) for weight in (10, 1000)] == [1, 10000]


@given(st.integers(2, 262143))
def test_more_shares_never_weigh_less(shares: int) -> None:
    assert 1 <= cpu_weight(shares) <= cpu_weight(shares + 1) <= 10000
