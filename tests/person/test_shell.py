"""A day in shells: vim, less and htop inside the interface, on a real container."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.person.terminal import Terminal
from tuidock.engine.core import Core
from tuidock.engine.images import starter
from tuidock.engine.layout import Layout


@pytest.fixture
def terminal(layout: Layout, tmp_path: Path) -> Iterator[Terminal]:
    """The interface on one running container that has this machine's own programs."""
    for program in ("vim", "less", "htop"):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}")
    core = Core(layout)
    core.images.toolbox()
    core.close()
    tuidock(
        layout, "run", "-d", "--network", "none", "--name", "desk", starter.TOOLBOX, "sleep", "1d"
    )
    roots = ["--root", layout.root, "--runroot", layout.runroot]
    env = {"XDG_STATE_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    with Terminal([sys.executable, "-m", "tuidock", *roots], tmp_path, env) as it:
        it.wait_for("any other key closes")  # the doctor greets who is here for the first time
        it.press("Escape")
        it.wait_gone("any other key closes")
        it.wait_for(r"desk .*up \d")
        yield it
    tuidock(layout, "rm", "-f", *tuidock(layout, "ps", "-aq").split())


def tuidock(layout: Layout, *words: str) -> str:
    env = {**os.environ, "TUIDOCK_ROOT": layout.root, "TUIDOCK_RUNROOT": layout.runroot}
    command = [sys.executable, "-m", "tuidock", *words]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.timeout(600)
def test_a_day_in_shells(terminal: Terminal, layout: Layout) -> None:
    terminal.press("e")
    terminal.wait_for("# ")
    write_a_poem(terminal)
    assert tuidock(layout, "exec", "desk", "cat", "/tmp/poem") == "Über allen Gipfeln\nist Ruh\n"
    read_a_list(terminal)
    look_at_processes(terminal)
    write_beside_the_log(terminal)
    go_between_shells(terminal)


def write_a_poem(terminal: Terminal) -> None:
    terminal.type("vim -u NONE -N /tmp/poem")
    terminal.press("Enter")
    terminal.wait_for('"/tmp/poem" \\[New\\]')
    terminal.press("i")
    terminal.wait_for("-- INSERT --")
    terminal.type("Über allen Gipfeln")
    terminal.press("Enter")
    terminal.type("ist Ruh")
    terminal.wait_for("ist Ruh")
    terminal.press("Escape")
    terminal.wait_gone("-- INSERT --")
    terminal.type(":wq")
    terminal.press("Enter")
    terminal.wait_for(r"# vim -u NONE")  # the screen before it is back
    terminal.wait_gone("Gipfeln")


def read_a_list(terminal: Terminal) -> None:
    terminal.type("seq 1 900 | less")
    terminal.press("Enter")
    terminal.wait_for("^│12 ")
    terminal.press("G")
    terminal.wait_for("^│900 ")
    terminal.type("?^77.")
    terminal.press("Enter")
    terminal.wait_for("^│779 ")
    terminal.press("q")
    terminal.wait_gone("^│779 ")


def look_at_processes(terminal: Terminal) -> None:
    terminal.type("htop")
    terminal.press("Enter")
    terminal.wait_for("F10")
    terminal.wait_for("sleep 1d")
    terminal.press("q")
    terminal.wait_gone("F10")


def write_beside_the_log(terminal: Terminal) -> None:
    """The log stands beside the shell that writes to it."""
    terminal.press("C-]", "|")
    terminal.wait_for("goes across")
    terminal.press("e")
    terminal.wait_for("Leave the shell")
    terminal.type("echo said$((40 + 2)) >/proc/1/fd/1")
    terminal.press("Enter")
    terminal.wait_for("│ said42")
    terminal.press("C-]", "|")
    terminal.wait_gone("goes across")
    terminal.wait_for("Leave the shell")


def go_between_shells(terminal: Terminal) -> None:
    """A second shell, what scrolled by in the first one, and out."""
    terminal.type("seq 1 500")
    terminal.press("Enter")
    terminal.wait_for("^│500 ")
    terminal.press("C-]", "C-e")
    terminal.wait_for("Open in desk")
    terminal.press("s")
    terminal.wait_for(r"1 sh  2 sh")
    terminal.type("echo second$((40 + 2))")
    terminal.press("Enter")
    terminal.wait_for("second42")
    terminal.press("C-]", "C-o")
    terminal.wait_for("Open shells")
    terminal.press("Enter")
    terminal.wait_gone("second42")
    terminal.wait_for("^│500 ")
    terminal.press("S-PPage", "/")
    terminal.type("^42$")
    terminal.press("Enter")
    terminal.wait_for("^│42 ")
    terminal.press("Escape", "C-]", "q")
    terminal.wait_for("Leave tuidock")
    terminal.press("Enter")
    assert terminal.wait_end() == 0
