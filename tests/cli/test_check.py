"""`tuidock system check` after violence: it says what it mended; then, that all is well."""

from __future__ import annotations

import os
import time

from tests import lives
from tests.cli.conftest import Cli
from tests.waiting import until
from tuidock.engine.core import Core
from tuidock.engine.layout import Layout

WELL = "Nothing to mend.\n"


def test_a_crash_of_everything_is_mended_and_told(tuidock: Cli, place: Layout) -> None:
    """Monitor, launcher and container killed, half a bundle, half a removal, a lost interface."""
    web = tuidock("run", "-d", "--name", "web", "busybox", "sleep", "600").stdout.strip()
    gone = tuidock("create", "--name", "gone", "--network", "none", "busybox").stdout.strip()
    core = Core(place)
    pid = core.containers.get("web").pid
    for title in ("launcher", "stem", "spare", f"monitor {web[:12]}"):
        lives.kill_titled(f"tuidock-{title} {place.root}")
    os.kill(pid, 9)
    until(lambda: not os.path.exists(f"/proc/{pid}/exe"))
    core.db.execute("UPDATE container SET removing = 1 WHERE id = ?", (gone,))
    os.makedirs(f"{place.root}/containers/{'ab' * 32}/upper")
    core.close()
    said = tuidock("system", "check").stdout
    assert f"finished the removal of container {gone[:12]}\n" in said
    assert "removed the unfinished bundle abababababab\n" in said
    assert web[:12] in said or "web" in said
    settled(tuidock)
    assert tuidock("system", "check").stdout == WELL
    assert tuidock("ps", "-a", "--format", "{{.Names}} {{.State}}").stdout == "web exited\n"
    tuidock("start", "web")
    assert tuidock("ps", "--format", "{{.Names}}").stdout == "web\n"
    assert tuidock("system", "check").stdout == WELL


def settled(tuidock: Cli) -> None:
    """The last of the crash may be noticed a moment later: a bridge that is idle by now."""
    deadline = time.monotonic() + 60
    while tuidock("system", "check").stdout != WELL:
        assert time.monotonic() < deadline


def test_nothing_is_mended_where_nothing_is_broken(tuidock: Cli) -> None:
    tuidock("run", "-d", "--name", "web", "busybox", "sleep", "600")
    assert tuidock("system", "check").stdout == WELL
    assert tuidock("exec", "web", "echo", "alive").stdout == "alive\n"
