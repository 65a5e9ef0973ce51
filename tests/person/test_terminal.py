"""The driver itself, on a program that everybody knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.person.terminal import Terminal

SCRIPT = 'printf "name? "; read name; echo "hello, $name"; sleep 0.2; exit 3'


def test_types_looks_and_sees_the_end(tmp_path: Path) -> None:
    with Terminal(["sh", "-c", SCRIPT], tmp_path) as terminal:
        terminal.wait_for(r"name\?")
        terminal.type("Enter the ;dragon")  # neither a key's name nor tmux's separator
        terminal.press("Enter")
        terminal.wait_for("hello, Enter the ;dragon")
        assert terminal.wait_end() == 3


def test_a_failed_wait_shows_the_screen(tmp_path: Path) -> None:
    with Terminal(["sh", "-c", SCRIPT], tmp_path) as terminal:
        terminal.wait_for("name")
        with pytest.raises(AssertionError, match=r"not seen in 0\.1 s: goodbye\n\| name\?"):
            terminal.wait_for("goodbye", 0.1)
