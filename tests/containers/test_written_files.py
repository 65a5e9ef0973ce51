"""What an engine writes into a bundle at every start: it holds, whatever the last run did to it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tuidock.engine.containers import bundle
from tuidock.engine.layout import Layout


def _written(layout: Layout, text: str) -> Path:
    bundle.write_files(layout, "c" * 64, {"hosts": text})
    return Path(layout.container("c" * 64), "hosts")


@pytest.mark.parametrize("left", ["", "127.0.0.1 local", "127.0.0.1 localhost\nmore\n", "\0" * 90])
def test_what_a_container_wrote_is_gone(tmp_path: Path, left: str) -> None:
    """Fails when `bundle._holds` looks at no byte beyond the wanted ones."""
    layout = Layout(str(tmp_path / "root"), str(tmp_path / "run"))
    os.makedirs(layout.container("c" * 64))
    file = _written(layout, "127.0.0.1 localhost\n")
    file.write_text(left)
    assert _written(layout, "127.0.0.1 localhost\n").read_text() == "127.0.0.1 localhost\n"


def test_whoever_runs_in_there_may_read_it(tmp_path: Path) -> None:
    """Fails when `bundle._holds` does not look at the mode."""
    layout = Layout(str(tmp_path / "root"), str(tmp_path / "run"))
    os.makedirs(layout.container("c" * 64))
    file = _written(layout, "127.0.0.1 localhost\n")
    file.chmod(0o600)
    assert _written(layout, "127.0.0.1 localhost\n").stat().st_mode & 0o777 == 0o644


def test_what_is_right_is_not_written_again(tmp_path: Path) -> None:
    """Truncating costs a start up to 3 ms. Fails when `write_files` does not ask `_holds`."""
    layout = Layout(str(tmp_path / "root"), str(tmp_path / "run"))
    os.makedirs(layout.container("c" * 64))
    before = _written(layout, "127.0.0.1 localhost\n").stat().st_mtime_ns
    assert _written(layout, "127.0.0.1 localhost\n").stat().st_mtime_ns == before
