"""Variables from flags and files, as docker reads them."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from tuidock.cli.environment import variables
from tuidock.engine.errors import BadSpec


def read(tmp_path: Path, text: bytes, *flags: str) -> list[str]:
    file = tmp_path / "variables"
    file.write_bytes(text)
    return list(variables(Namespace(env_file=[str(file)], env=flags)))


def test_files_and_flags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails when a name alone is an empty variable, or when a value loses its blanks."""
    monkeypatch.setenv("OURS", "ours")
    monkeypatch.delenv("NOBODYS", raising=False)
    text = b"# comment\n\n  A=1 \r\nB=x=y\nOURS\nNOBODYS\nC=\xff\nD=\n"
    found = read(tmp_path, text, "E=2", "OURS", "NOBODYS")
    assert found == ["A=1 ", "B=x=y", "OURS=ours", "C=\udcff", "D=", "E=2", "OURS=ours"]


@pytest.mark.parametrize("line", [b"=x", b"A B=c", b"A =c"])
def test_names_with_blanks_are_refused(tmp_path: Path, line: bytes) -> None:
    with pytest.raises(BadSpec, match="poorly formatted environment"):
        read(tmp_path, line)


def test_a_file_that_is_missing() -> None:
    with pytest.raises(BadSpec, match="open /nosuch: No such file"):
        list(variables(Namespace(env_file=["/nosuch"], env=())))
