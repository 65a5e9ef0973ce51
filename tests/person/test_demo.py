"""`tuidock demo` without a terminal: the whole story as text."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import root_only
from tests.conftest import AS_ROOT
from tests.person.terminal import Terminal
from tuidock.engine.layout import Layout

LIMIT = r"/\d" if AS_ROOT else ""
"""Of memory, as the list shows it."""
DEMO = [sys.executable, "-m", "tuidock", "demo"]


def places(layout: Layout) -> dict[str, str]:
    return {"TUIDOCK_ROOT": layout.root, "TUIDOCK_RUNROOT": layout.runroot}


def tell(layout: Layout) -> str:
    env = os.environ | places(layout)
    done = subprocess.run(
        DEMO, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=env, timeout=110
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.mark.root(root_only.LIMITS)
def test_the_story_is_told_to_its_end(layout: Layout) -> None:
    """Image, run, metrics, logs, a limit changed and its effect seen, clean-up."""
    story = tell(layout)
    assert re.search(r"tuidock/starter:latest +[\d.]+M, this machine's own tools", story)
    assert len(re.findall(r"^  [0-9a-f]{12} (running|answers)", story, re.M)) == 3
    assert "HTTP/1.0 200 OK" in story
    for name in ("web", "waves", "chatter"):
        assert re.search(rf"^  {name} +[\d.]+% +[\d.]+[KM] ", story, re.M)
    assert re.search(r"^  \d\d:\d\d:\d\d stdout level=info order=\d+", story, re.M)
    before, after = map(float, re.search(r"s: ([\d.]+)% before, ([\d.]+)% after", story).groups())
    assert after < 12.5  # percent of a core; 10 are allowed
    assert before > after
    assert "ended by the kernel's OOM killer: exit code 137" in story
    assert "left out" not in story
    assert story.rstrip().endswith("opens the interface.")


def test_it_leaves_nothing_beside_the_store(layout: Layout) -> None:
    """It plays in a store of its own, next to the person's, and takes that away."""
    parent = Path(layout.root).parent
    tell(layout)
    assert sorted(path.name for path in parent.iterdir()) == ["root", "run"]


def test_on_a_terminal_the_first_screen_is_alive(layout: Layout, tmp_path: Path) -> None:
    """Three containers with live figures and a growing log; all gone after leaving."""
    with Terminal(DEMO, tmp_path, places(layout) | {"XDG_STATE_HOME": str(tmp_path)}) as terminal:
        for name in ("chatter", "waves", "web"):
            terminal.wait_for(rf"● +{name} .* up \d+s .*\d%.*\d[KM]{LIMIT}", 60)
        terminal.wait_for("order=4 ")
        terminal.press("q")
        terminal.wait_for("Leave tuidock?")
        terminal.press("y")
        assert terminal.wait_end() == 0
    assert sorted(path.name for path in Path(layout.root).parent.iterdir()) == ["root", "run"]


def test_a_closed_terminal_takes_the_demo_along(layout: Layout, tmp_path: Path) -> None:
    """SIGHUP, as when a window is closed. Fails without the handler in tuidock.demo."""
    with Terminal(DEMO, tmp_path, places(layout) | {"XDG_STATE_HOME": str(tmp_path)}) as terminal:
        terminal.wait_for(r"● +web .* up", 60)
    parent, deadline = Path(layout.root).parent, time.monotonic() + 60
    while len(list(parent.iterdir())) > 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert sorted(path.name for path in parent.iterdir()) == ["root", "run"]
