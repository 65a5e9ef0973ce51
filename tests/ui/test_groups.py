"""Rows in groups: totals, folding, marks, and that a group's row stands for all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ui.conftest import Stage, staged
from tests.ui.test_containers import marks
from tuidock import state as remembered
from tuidock.engine.errors import MonitorGone
from tuidock.engine.types import ContainerSpec, Status
from tuidock.screens.container_row import PROJECT
from tuidock.screens.groups import grouped, ways
from tuidock.screens.item import Item
from tuidock.screens.listing import FilterLine, ListPane
from tuidock.screens.lists import ListScreen
from tuidock.widgets.dialogs import Choose, Confirm, Failures

SHOP = ("one", "two", "three")


async def shop(stage: Stage) -> None:
    """Three containers of one compose project, beside the harbour's own."""
    for name in SHOP:
        spec = ContainerSpec("debian:12", name, ("sleep", "inf"), labels=((PROJECT, "shop"),))
        it = await stage.engine.containers.create(spec)
        await stage.engine.containers.start(it.id)
    await stage.until(lambda: set(SHOP) <= set(stage.names()))
    await stage.press("ctrl+g")
    await stage.until(lambda: isinstance(stage.app.screen, Choose))
    await stage.press("j", "enter")
    await stage.until(lambda: "shop" in stage.names())
    pane(stage).sort_by("name", descending=False)
    await stage.press("g")


def pane(stage: Stage) -> ListPane:
    return stage.app.screen.query_one("#list", ListPane)


async def test_a_group_has_totals_and_folds(stage: Stage) -> None:
    await shop(stage)
    assert stage.names()[:4] == ["shop", "one", "three", "two"]
    assert stage.names()[4] == "no project"
    await stage.turn(2)
    head = stage.rows()[0]
    assert (head[0], head[3]) == ("▾", "3 of 3 up")
    rest = stage.rows()[4]
    cpu = sum(float(row[4].rstrip("%").split()[-1]) for row in stage.rows()[5:] if row[4])
    assert float(rest[4].rstrip("%").split()[-1]) == pytest.approx(cpu, abs=1.0)
    await stage.press("enter")
    await stage.until(lambda: stage.names()[:2] == ["shop", "no project"])
    await stage.press("Z")
    await stage.until(lambda: stage.names() == ["shop", "no project"])
    await stage.press("slash")
    stage.app.screen.query_one(FilterLine).value = "two"
    await stage.until(lambda: stage.names() == ["shop", "two"])


async def test_sorting_stays_inside_the_groups(stage: Stage) -> None:
    """What other tools get wrong: an order by CPU must not tear groups apart."""
    await shop(stage)
    pane(stage).sort_by("name", descending=False)
    assert stage.names()[:4] == ["shop", "one", "three", "two"]
    assert stage.names()[4] == "no project"
    pane(stage).sort_by("name", descending=True)
    assert stage.names()[:4] == ["shop", "two", "three", "one"]


async def test_what_is_done_to_a_group_is_done_to_all_of_it(stage: Stage) -> None:
    await shop(stage)
    await stage.press("s")
    await stage.until(lambda: all(stage.container(n).status is Status.EXITED for n in SHOP))
    assert stage.container("web").status is Status.RUNNING
    assert stage.cursor() == "shop"
    await stage.press("d")
    await stage.until(lambda: isinstance(stage.app.screen, Confirm))
    assert stage.shows("Remove 3 containers?")
    assert stage.shows("3 exited: one, three, two")
    await stage.press("y")
    await stage.until(lambda: not set(SHOP) & set(stage.names()))


async def test_two_meanings_have_one_for_several(stage: Stage) -> None:
    """Fails when a key stops some of what is marked and starts the others."""
    await shop(stage)
    await stage.press("j", "s")
    await stage.until(lambda: stage.container("one").status is Status.EXITED)
    await stage.press("g")
    stage.calls.clear()
    await stage.press("s")
    await stage.until(lambda: all(stage.container(n).status is Status.EXITED for n in SHOP))
    assert [call[0] for call in stage.calls] == ["stop", "stop"]


async def test_marking_a_group_marks_what_is_in_it(stage: Stage) -> None:
    await shop(stage)
    await stage.press("enter", "space")
    await stage.until(lambda: marks(stage) == set(SHOP))
    await stage.press("g", "space")
    await stage.until(lambda: not marks(stage))
    await stage.press("g", "j", "space", "G", "ctrl+@")
    await stage.until(lambda: len(marks(stage)) == 10)
    assert not any(key.startswith("group ") for key in pane(stage).table.marked)


async def test_each_failure_of_several_is_told(stage: Stage) -> None:
    await shop(stage)
    stage.engine.containers.failures["stop"] = MonitorGone("no answer", "look at `ps`")
    await stage.press("s")
    await stage.until(lambda: isinstance(stage.app.screen, Failures))
    assert stage.shows("Stop: 1 of 3 failed")
    assert stage.shows("no answer (look at `ps`)")


async def test_what_failed_stays_marked(stage: Stage) -> None:
    await stage.press("space", "space")
    stage.engine.containers.failures["restart"] = MonitorGone("no answer", "look at `ps`")
    await stage.press("r")
    await stage.until(lambda: isinstance(stage.app.screen, Failures))
    assert stage.shows("Restart: 1 of 2 failed")
    assert stage.shows("no answer")
    await stage.press("escape")
    await stage.until(lambda: len(marks(stage)) == 1)
    restarted = {call[1] for call in stage.calls if call[0] == "start"}
    assert {stage.container(name).id for name in marks(stage)}.isdisjoint(restarted)


async def test_other_lists_have_groups_too(stage: Stage) -> None:
    await stage.press("2", "ctrl+g")
    await stage.until(lambda: isinstance(stage.app.screen, Choose))
    await stage.press("j", "j", "j", "enter")
    await stage.until(lambda: any(row[1].startswith("yes") for row in stage.rows()))


async def test_the_way_to_group_is_remembered(tmp_path: Path) -> None:
    memory = tmp_path / "state.json"
    remembered.save(remembered.State().with_group("containers", "image"), str(memory))
    async with staged(memory=str(memory)) as stage:
        await stage.until(lambda: "debian:12" in stage.names())
        assert isinstance(stage.app.screen, ListScreen)


def test_items_without_a_value_come_last() -> None:
    items = [Item(str(n), (), "", {}, labels={"a": v} if v else {}) for n, v in enumerate("by z")]
    items[2] = Item("2", (), "", {})
    found = grouped(items, "label=a", frozenset("y"))
    assert [(it.name, it.folded) for it in found] == [
        ("b", False),
        ("y", True),
        ("z", False),
        ("", False),
    ]
    assert found[-1].title == "no a"
    assert ways(items, [("image", "image")])[-1] == ("label=a", "a  (3)")


async def test_the_bulk_menu_is_about_what_is_listed(stage: Stage) -> None:
    """Each line says whom it would be done to; what fits nobody is not there."""
    await stage.press("slash")
    stage.app.screen.query_one(FilterLine).value = "debian"
    await stage.until(lambda: len(stage.names()) == 3)
    await stage.press("enter", "b")
    await stage.until(lambda: isinstance(stage.app.screen, Choose))
    assert stage.shows("3 listed")
    assert stage.shows("1 running: crunch")
    assert stage.shows("2 exited: import, migrate")
    assert not stage.shows("Unpause")
    await stage.press("s")
    await stage.until(lambda: stage.container("crunch").status is Status.EXITED)
    assert stage.container("web").status is Status.RUNNING
