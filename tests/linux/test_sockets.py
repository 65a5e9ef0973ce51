"""Sockets by path: as long as a run directory may be, and closed to others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tuidock.engine.linux import sockets


@pytest.mark.parametrize("length", [10, 107, 108, 200])
def test_a_path_may_be_longer_than_sun_path(tmp_path: Path, length: int) -> None:
    """Fails without the way by /proc/self/fd: from 108 bytes on, bind says "path too long"."""
    directory = tmp_path / ("d" * max(1, length - len(str(tmp_path)) - 3))
    directory.mkdir()
    path = f"{directory}/s"
    before = os.listdir("/proc/self/fd")
    listener = sockets.listen(path)
    line = sockets.connect(path)
    line.send(b"hello")
    assert sockets.accept(listener).receive() == (b"hello", [])
    assert os.stat(path).st_mode & 0o777 == 0o600
    line.close()
    listener.close()
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_a_missing_socket_is_missing_at_any_length(tmp_path: Path) -> None:
    for path in (tmp_path / "s", tmp_path / ("d" * 150) / "s"):
        with pytest.raises(FileNotFoundError):
            sockets.connect(str(path))
