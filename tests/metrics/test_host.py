"""Facts and findings: real on this machine, and what other machines would be told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import AS_ROOT
from tuidock.engine.layout import Layout
from tuidock.engine.metrics import checks, ordinary
from tuidock.engine.metrics.host import doctor, facts, pretty_name
from tuidock.engine.types import Finding

ROOTS = ("id-mapped mounts", "cgroups") if AS_ROOT else ()
"""What an ordinary user may not have."""


def test_facts_are_those_of_the_kernel() -> None:
    found = facts()
    assert (found.kernel, found.hostname) == (os.uname().release, os.uname().nodename)
    with open("/proc/meminfo") as file:
        total = int(file.readline().split()[1]) * 1024
    assert found.memory == total
    assert found.cgroup in ("v1", "v2", "hybrid")
    assert found.operating_system


def test_pretty_name() -> None:
    assert pretty_name('NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n') == (
        "Debian GNU/Linux 12 (bookworm)"
    )
    assert pretty_name("ID=x\n") == "Linux"


def test_doctor_tries_what_containers_need_and_leaves_nothing(layout: Layout) -> None:
    found = {finding.name: finding for finding in doctor(layout)}
    for name in ("kernel", "user namespaces", "overlay", "seccomp", *ROOTS):
        assert found[name].state == "ok", found[name]
    assert not [name for name in os.listdir(layout.root) if name.startswith("doctor")]


def test_whatever_is_not_ok_has_a_remedy(layout: Layout) -> None:
    os.chmod(layout.root, 0o755)
    found = doctor(layout)
    assert all(finding.remedy for finding in found if finding.state != "ok")
    assert Finding(layout.root, "warning", "mode 0755", f"chmod 700 {layout.root}") in found


@pytest.mark.parametrize(
    ("release", "state"),
    [
        ("6.1.0-18-amd64", "ok"),
        ("5.19.0", "ok"),
        ("5.15.0-91-generic", "warning"),
        ("5.4.0", "missing"),
        ("4.18.0-513.el8.x86_64", "missing"),
        ("strange", "missing"),
    ],
)
def test_kernels(release: str, state: str) -> None:
    assert checks.kernel(release).state == state


def test_a_probe_that_fails_is_told_with_its_reason(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    feature = "overlay in user namespaces"
    answers = dict.fromkeys(checks.REMEDIES, "") | {feature: "Operation not supported"}
    monkeypatch.setattr(checks, "_run_probe", lambda directory: answers)
    found = {finding.name: finding for finding in checks.probed(layout)}
    assert found[feature].state == "warning"
    assert found[feature].detail == "Operation not supported"
    assert "Linux 5.11" in found[feature].remedy
    assert found["overlay"] == Finding("overlay", "ok", "works")


def test_a_probe_that_cannot_run_is_not_taken_for_success(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks.sys, "executable", "/nonexistent/python")
    states = {finding.name: finding.state for finding in checks.probed(layout)}
    assert "ok" not in states.values()


def test_subordinate_ids_are_added_up(tmp_path: Path) -> None:
    file = tmp_path / "subuid"
    file.write_text("ann:100000:65536\n1000:300000:1000\nbob:500000:65536\nbroken\n")
    assert ordinary.subordinate_count(str(file), "ann", 1000) == 66536
    assert ordinary.subordinate_count(f"{tmp_path}/none", "ann", 1000) == 0


def test_little_space_is_a_warning(tmp_path: Path) -> None:
    assert checks.disk(f"{tmp_path}/not/yet", lambda _: 1 << 30).state == "warning"
    assert checks.disk(str(tmp_path), lambda _: 1 << 40).state == "ok"


def test_ids_that_nobody_has_are_proposed(tmp_path: Path) -> None:
    """Fails when the remedy names fixed numbers: two users would get the same ids."""
    taken = tmp_path / "subuid"
    taken.write_text("ann:100000:65536\nbob:165536:65536\n")
    (found,) = ordinary.subordinate_ids(str(taken))
    assert found.state == "warning"
    assert "--add-subuids 231072-296607" in found.remedy
    assert ordinary.next_free([f"{tmp_path}/none"]) == 100000


def test_limits_are_had_by_a_command_that_fits_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    booted, manager = True, True
    monkeypatch.setattr(ordinary.systemd, "has_booted", lambda: booted)
    monkeypatch.setattr(ordinary.systemd, "has_manager", lambda: manager)
    monkeypatch.setattr(ordinary.os.path, "exists", lambda path: True)
    assert "Delegate=cpu cpuset io memory pids" in ordinary.delegation(["cpuset"])
    manager = False
    assert ordinary.delegation(["cpu"]).startswith("loginctl enable-linger")
    monkeypatch.setattr(ordinary.os.path, "exists", lambda path: False)
    assert "unified_cgroup_hierarchy" in ordinary.delegation(["cpu"])
    assert [each.state for each in ordinary.lingering()] == ["warning"]
    booted = False
    assert not list(ordinary.lingering())
