"""Notices stand in the line of keys, cover nothing, and can be read again."""

from __future__ import annotations

from typing import NoReturn

import pytest
from textual.widgets._toast import Toast

from tests.ui.conftest import Stage, staged
from tuidock.engine.errors import ContainerNotFound
from tuidock.screens.chrome import KeyBar
from tuidock.screens.said import SaidScreen


def last_line(stage: Stage) -> str:
    return stage.text().splitlines()[-1]


async def test_a_notice_covers_nothing_and_goes(stage: Stage) -> None:
    """Fails with Textual's toasts, which lie over the log."""
    before = stage.text().splitlines()[:-1]
    stage.app.notify("of seven\ncontainers [x]", title="All is well", markup=False)
    await stage.until(lambda: "✓ All is well  of seven containers [x]" in last_line(stage))
    assert "s Stop" in last_line(stage)
    assert stage.text().splitlines()[:-1] == before
    assert not stage.app.screen.query(Toast)
    bar = stage.app.screen.query_one(KeyBar)
    bar._fall_silent()
    await stage.until(lambda: "All is well" not in last_line(stage))
    assert last_line(stage).startswith(" s Stop") or last_line(stage).startswith("s Stop")


async def test_a_long_notice_on_a_small_screen() -> None:
    async with staged(size=(60, 16)) as stage:
        stage.app.notify("so much to say " * 20, title="Long", severity="error")
        await stage.until(lambda: "✗ Long" in last_line(stage))
        assert last_line(stage).rstrip().endswith("…")


async def test_what_was_said_can_be_read_again(stage: Stage) -> None:
    await stage.press("ctrl+t")
    await stage.until(lambda: stage.shows("Nothing was said yet."))
    await stage.press("escape")
    stage.app.notify("one", title="First")
    stage.app.notify("two", title="Second", severity="warning")
    await stage.press("ctrl+t")
    await stage.until(lambda: isinstance(stage.app.screen, SaidScreen))
    lines = [line for line in stage.text().splitlines() if "First" in line or "! Second" in line]
    assert "! Second  two" in lines[0]
    assert "✓ First  one" in lines[1]


async def test_over_a_dialog_notices_are_seen_too(stage: Stage) -> None:
    await stage.press("o")
    stage.app.notify("here", title="Over a dialog")
    await stage.until(lambda: bool(stage.app.screen.query(Toast)))
    assert stage.app.notices[-1].title == "Over a dialog"


@pytest.mark.parametrize("key", ["S", "L", "t", "i", "M"])
async def test_what_goes_while_it_is_looked_at_is_no_error(stage: Stage, key: str) -> None:
    """Removed from a command line, say. Fails with `presented` in place of `looking`."""
    asked: list[str] = []

    async def gone(key: str, *more: object) -> NoReturn:
        asked.append(key)
        raise ContainerNotFound(key)

    for name in ("bounds", "history", "inspect", "top", "anatomy"):
        setattr(stage.engine.containers, name, gone)
    await stage.press(key)
    await stage.until(lambda: bool(asked))
    looks = {"bounds", "history", "inspect", "top", "anatomy"}
    await stage.until(
        lambda: not any(it.group in looks and not it.is_finished for it in stage.app.workers)
    )
    assert list(stage.app.notices) == []
