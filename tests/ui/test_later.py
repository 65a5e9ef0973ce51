"""What is imported only when somebody goes there: it is there, under the name it was promised."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.ui.conftest import Stage
from tuidock.app import TuidockApp
from tuidock.screens.containers import ContainersScreen
from tuidock.screens.detail import Detail, Tab
from tuidock.screens.later import Later
from tuidock.screens.lists import ListScreen

SCREENS = [it.load() for it in TuidockApp.MODES.values() if isinstance(it, Later)]
TABS = [
    tab
    for screen in (ContainersScreen, *SCREENS)
    for tab in (screen.TABS.values() if issubclass(screen, ListScreen) else ())
    if isinstance(tab, Later)
]
NOT_AT_FIRST = ("pyte", "tomllib", "tuidock.widgets.graph", "tuidock.widgets.run_form")


@pytest.mark.parametrize("tab", TABS, ids=lambda it: it.place)
def test_a_tab_has_the_title_that_was_promised(tab: Later) -> None:
    assert issubclass(tab.load(), Tab)
    assert tab.load().TITLE == tab.TITLE


def test_the_first_screen_imports_nothing_that_it_does_not_show() -> None:
    """Each of these costs several milliseconds of every start."""
    program = "import sys, tuidock.app; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not {*NOT_AT_FIRST} & {*done.stdout.split()}


async def test_keys_go_to_a_tab_that_is_still_being_made(stage: Stage) -> None:
    """Fails when `take_focus` does not wait for what `open` began."""
    detail = stage.app.screen.query_one(Detail)
    detail.open("limits")
    detail.take_focus()
    await stage.until(lambda: detail.active == "limits")
    await stage.until(lambda: detail.tab.has_focus_within)
