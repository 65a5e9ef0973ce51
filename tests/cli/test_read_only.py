"""`--read-only` on the command line: every verb of the table that changes something is refused."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tuidock.cli.verbs import VERBS
from tuidock.engine.layout import Layout

ARGUMENTS = {
    "tag": "x y",
    "commit": "x",
    "run": "x",
    "exec": "x y",
    "rename": "x y",
    "update": "-m 1g x",
    "cp": "/etc/hosts x:/",
    "demo": "",
    "container prune": "-f",
    "system check": "",
}


def tuidock(layout: Layout, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    places = {"TUIDOCK_ROOT": layout.root, "TUIDOCK_RUNROOT": layout.runroot}
    return subprocess.run(
        [sys.executable, "-m", "tuidock", *words],
        env={**os.environ, **places, **environment},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("verb", [*(name for name, it in VERBS.items() if it.changes), "cp"])
def test_a_verb_that_changes_is_refused(layout: Layout, verb: str) -> None:
    """Seen to fail, with `No such container`, without `refuse_if_only` in main."""
    words = [*verb.split(), *ARGUMENTS.get(verb, "x").split()]
    done = tuidock(layout, "--read-only", *words)
    assert done.returncode != 0
    assert "read-only" in done.stderr


def test_reading_goes_on_and_programs_below_know(layout: Layout) -> None:
    assert tuidock(layout, "--read-only", "ps").returncode == 0
    assert "read-only" in tuidock(layout, "rm", "x", TUIDOCK_READ_ONLY="1").stderr
    assert "No such container" in tuidock(layout, "rm", "x").stderr


def test_who_is_not_known_to_read_is_said_to_change() -> None:
    reading = (
        "doctor info version images inspect ps logs port stats top diff cp export wait events"
    ).split()
    reading += ["anatomy", "generate systemd", "registry tags", "registry catalog", "serve"]
    assert [name for name, it in VERBS.items() if not it.changes and name not in reading] == []
