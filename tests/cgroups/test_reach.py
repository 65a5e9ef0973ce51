"""Looking after a container from a place where its cgroup could not have been made."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cgroups.trees import Fake
from tuidock.engine.cgroups import cgroup
from tuidock.engine.cgroups.hierarchies import Hierarchy


def test_from_a_session_what_was_made_in_a_scope_is_limited_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails with what `find` finds alone: the container would seem to have no cgroup."""
    (tmp_path / "cg").mkdir()
    Fake(tmp_path / "cg", "memory pids", monkeypatch)
    user = Hierarchy(f"{tmp_path}/cg", ("memory", "pids"), unified=True)
    monkeypatch.setattr(cgroup, "find", lambda: [user])
    cgroup.open_cgroup("00000000", "abc").create({"pids": {"limit": 3}})
    monkeypatch.setattr(cgroup, "find", list)
    monkeypatch.setattr(cgroup, "delegated", lambda: [user])
    assert cgroup.names("00000000") == {"abc"}
    reached = cgroup.reach_cgroup("00000000", "abc")
    reached.apply({"pids": {"limit": 5}})
    assert (tmp_path / "cg/tuidock-00000000/abc/pids.max").read_text() == "5\n"
    reached.remove()
    assert cgroup.names("00000000") == set()


def test_what_is_not_there_is_not_made_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroup, "find", list)
    monkeypatch.setattr(
        cgroup, "delegated", lambda: [Hierarchy(str(tmp_path), ("memory",), unified=True)]
    )
    assert cgroup.reach_cgroup("00000000", "abc").path("memory") is None
