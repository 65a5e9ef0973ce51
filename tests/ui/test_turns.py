"""Keys typed in one go, faster than what they open: each is heard where the ones before led."""

from __future__ import annotations

from pathlib import Path

from textual.widgets import Input

from tests.ui.conftest import Stage
from tests.ui.real_terminal import RealTerminal
from tuidock.engine.types import Status
from tuidock.screens.listing import ListPane
from tuidock.widgets.limits import LimitsPane
from tuidock.widgets.terminal import Terminal


async def test_a_burst_into_the_filter_and_back(stage: Stage) -> None:
    """Fails when a key goes to what has the focus while the one before is on its way."""
    await stage.burst("slash", *"crunch", "enter", "p")
    assert stage.app.screen.query_one("#list", ListPane).query_text == "crunch"
    await stage.until(lambda: stage.container("crunch").status is Status.PAUSED)


async def test_a_burst_into_a_dialog_and_on(stage: Stage) -> None:
    """Fails when keys are handed over before a dialog, or after its answer too early."""
    await stage.burst("N", *"site", "enter", "slash", *"sit")
    await stage.until(lambda: stage.names() == ["site"])


async def test_a_burst_into_a_tab_that_is_not_there_yet(stage: Stage) -> None:
    await stage.burst("L", "down")
    assert stage.app.screen.query_one(LimitsPane).has_focus_within
    assert stage.cursor() == "web"


async def test_a_burst_into_a_log(stage: Stage) -> None:
    await stage.burst("l", "slash", *"error", "enter")
    assert stage.app.screen.query_one("#log-prompt", Input).value == "error"
    assert stage.app.screen.query_one("#list", ListPane).query_text == ""


async def test_a_burst_into_a_shell(stage: Stage) -> None:
    await stage.burst("e", *"ls", "enter")
    await stage.until(lambda: isinstance(stage.focused, Terminal))
    await stage.until(lambda: stage.shows("ls"))
    assert stage.calls == [("exec", stage.container("web").id, "sh")]


async def test_a_burst_into_another_pane_and_the_palette(stage: Stage) -> None:
    await stage.burst("2", "slash", *"deb", "enter", "1", "colon", *"pause web")
    await stage.until(lambda: stage.shows("pause web"))
    assert stage.calls == []


HARBOUR = """
import tuidock.app
raise SystemExit(tuidock.app._demo())
"""


def test_bursts_at_a_real_terminal(tmp_path: Path) -> None:
    """A filter, a dialog and its answer in one write: what is renamed matches no longer."""
    with RealTerminal(HARBOUR, tmp_path) as terminal:
        terminal.read_until(b"migrate")
        terminal.type(b"/crunch\rNsite\r")
        terminal.read_until(b"nothing matches crunch")
        terminal.type(b"\x11")
        terminal.read_to_the_end()
    assert terminal.code == 0
