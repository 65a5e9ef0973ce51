"""First flight, flown by hand: a person at a terminal, the real program, a real registry.

Start, pull, run, search the log, write a file in a shell with vi, lower the memory limit of a
running container below what it wants, see the OOM kill on screen, read why, remove, quit.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import busybox, root_only
from tests.person.terminal import Terminal
from tests.registry_fixture import DebianRegistry, make_image
from tuidock.engine.layout import Layout

# Holds 24 MB, says so, and fills another 24 MB each second: less than 32 MB cannot be enough.
HUNGRY = (
    """awk 'BEGIN { held = sprintf("%24000000s", ""); print "holding", length(held), "bytes";"""
    """ fflush(); while (1) { more = held "x"; system("sleep 1") } }'"""
)


@pytest.fixture(scope="module")
def registry() -> Iterator[DebianRegistry]:
    with DebianRegistry() as server:
        image = make_image([busybox.layer()], busybox.config(Cmd=["sh", "-c", HUNGRY]))
        server.push("hungry", "latest", image)
        yield server


@pytest.fixture
def terminal(layout: Layout, tmp_path: Path) -> Iterator[Terminal]:
    roots = ["--root", layout.root, "--runroot", layout.runroot]
    (tmp_path / "tuidock").mkdir()
    (tmp_path / "tuidock" / "state.json").write_text("{}")  # not the first time: no doctor
    env = {"TUIDOCK_CONFIG": str(tmp_path / "none.toml"), "XDG_STATE_HOME": str(tmp_path)}
    with Terminal([sys.executable, "-m", "tuidock", *roots], tmp_path, env) as it:
        yield it


@pytest.mark.root(root_only.LIMITS)
@pytest.mark.registry
def test_first_flight(terminal: Terminal, registry: DebianRegistry) -> None:
    terminal.wait_for("No containers yet")
    pull(terminal, f"{registry.address}/hungry")
    run(terminal, "eater")
    terminal.wait_for(r"● +eater .*up \d+s")
    terminal.wait_for(r"holding 24000000 bytes")  # the logs are what the detail shows first
    terminal.wait_for(r"[2-9]\d\.\dM/128M")  # live memory and its limit, in the row
    search(terminal, "hold")
    write_in_a_shell(terminal, "fed at noon")
    lower_memory(terminal, "32m")
    terminal.wait_for(r"✕ +eater .*oom")
    terminal.wait_for("Killed by the kernel: out of memory")
    read_why(terminal)
    remove(terminal, "eater")
    leave(terminal)


def pull(terminal: Terminal, reference: str) -> None:
    """In the images pane, by name."""
    terminal.press("2")
    terminal.wait_for("No images")
    terminal.press("P")
    terminal.wait_for("Pull an image")
    terminal.type(reference)
    terminal.press("Enter")
    terminal.wait_for("✓ done")
    terminal.wait_for("esc closes")
    terminal.press("Escape")
    terminal.wait_gone("esc closes")
    terminal.wait_for(r"127\.0\.0\.1:\d+/hungry")


def run(terminal: Terminal, name: str) -> None:
    """From the image under the cursor, by the form."""
    terminal.press("r")
    terminal.wait_for("Run 127.0.0.1")
    terminal.type(name)
    terminal.wait_for(f"--name {name}")  # the form shows the command it stands for
    terminal.tab(5)
    terminal.type("128m")
    terminal.wait_for(r"\$ tuidock run .*-m 128m")
    terminal.press("C-s")


def search(terminal: Terminal, word: str) -> None:
    """In the log, as one types; back in the list afterwards."""
    terminal.press("l", "/")
    terminal.wait_for("regular expression|Search|find")
    terminal.type(word)
    terminal.press("Enter")
    terminal.wait_for(r"1 of 1|1 found")
    terminal.press("Escape", "Escape")


def write_in_a_shell(terminal: Terminal, line: str) -> None:
    """In an editor on the whole of the pane, and read back."""
    terminal.press("e")
    terminal.wait_for("# ")
    terminal.type("vi /tmp/diary")
    terminal.press("Enter")
    terminal.wait_for("- /tmp/diary")
    terminal.press("i")
    terminal.type(line)
    terminal.press("Escape")
    terminal.type(":wq")
    terminal.press("Enter")
    terminal.wait_gone("- /tmp/diary")
    terminal.type("tr a-z A-Z </tmp/diary")
    terminal.press("Enter")
    terminal.wait_for(line.upper())
    terminal.type("exit")
    terminal.press("Enter", "C-]")


def read_why(terminal: Terminal) -> None:
    """The card: what ended it, and the last that it said."""
    terminal.press("W")
    terminal.wait_for("Killed by the kernel: out of memory")
    terminal.wait_for("Its last lines")


def lower_memory(terminal: Terminal, amount: str) -> None:
    terminal.press("L")
    terminal.wait_for("→ More")  # its keys are heard from here on
    terminal.press("j", "j", "j")
    terminal.wait_for("▸ Memory max")
    terminal.type(amount)
    terminal.wait_for(f"tuidock update -m {amount} eater")
    terminal.press("Enter", "Enter")  # once more when it is in use already, which is asked first


def remove(terminal: Terminal, name: str) -> None:
    terminal.press("Escape", "d")
    terminal.wait_for(f"Remove {name}?")
    terminal.press("y")
    terminal.wait_for("No containers yet")


def leave(terminal: Terminal) -> None:
    terminal.press("q")
    terminal.wait_for("Leave tuidock?")
    terminal.press("y")
    assert terminal.wait_end() == 0
