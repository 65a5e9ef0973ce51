"""`tuidock anatomy`: what the screen shows, on paper."""

from __future__ import annotations

import json

from tests.cli.conftest import Cli
from tests.waiting import until
from tuidock.anatomy_lines.sections import SECTIONS


def test_anatomy_tells_what_the_screen_tells(tuidock: Cli) -> None:
    """Lines for people and data for programs, of one that runs and of one that did; escape
    sequences of its command reach no terminal.
    """
    command = ("sh", "-c", "sleep 100; : '\x1b[2J'")
    tuidock("run", "-d", "--name", "one", "--network", "none", "busybox", *command)
    until(lambda: "become the command" in tuidock("anatomy", "-q", "one").stdout)
    told, quiet = (tuidock("anatomy", *flags, "one").stdout for flags in ([], ["-q", "--calls"]))
    titles = [line.partition(":")[0] for line in told.splitlines() if line[:1].strip()]
    assert titles == [title for title, _ in SECTIONS.values()]
    assert "Numbers its processes from 1 and hides all others; without it, " in told
    assert "without it" not in quiet
    assert "execve(" in quiet
    assert "\x1b" not in told + quiet
    found = json.loads(tuidock("anatomy", "--format", "json", "one").stdout)
    assert found["birth"]["parts"][-1]["name"] == "become the command"
    assert found["living"]["members"][0]["inside"] == 1
    tuidock("kill", "one")
    tuidock("wait", "one")
    after = json.loads(tuidock("anatomy", "--format", "json", "one").stdout)
    assert (after["birth"], after["living"]) == (found["birth"], None)
    assert "It does not run." in tuidock("anatomy", "one").stdout
