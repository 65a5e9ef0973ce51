"""The limits console on a screen: nothing before Enter, keys, the mouse, what is dim."""

from __future__ import annotations

from tests.widgets.limits_samples import (
    MACHINE,
    MIB,
    sample,
)
from tests.widgets.stage import staged
from tuidock.engine.types import Limits, Sample
from tuidock.widgets import amounts
from tuidock.widgets.limits import LimitsPane
from tuidock.widgets.limits_model import Subject


def shown_limits(pane: LimitsPane, limits: Limits, *samples: Sample) -> None:
    pane.show([Subject("c", "web", limits, samples)])


# --- the pane -------------------------------------------------------------------------------


def shown(pane: LimitsPane) -> str:
    return str(pane.render())


async def test_nothing_changes_before_enter() -> None:
    pane = LimitsPane()
    async with staged(pane) as (stage, pilot):
        shown_limits(pane, Limits(memory=256 * MIB))
        await pilot.press("down", "down", "down", "right", "shift+right")
        assert "256m → " in shown(pane)
        assert stage.heard(LimitsPane.Changed) == []
        await pilot.press("enter")
        changes = [message.limits for message in stage.heard(LimitsPane.Changed)]
        assert changes == [{"c": Limits(memory=amounts.step_size(256 * MIB, 11))}]
        assert "→" not in shown(pane)


async def test_typed_values_with_units() -> None:
    pane = LimitsPane()
    async with staged(pane) as (stage, pilot):
        shown_limits(pane, Limits())
        await pilot.press(*"50%", "enter", *"jjj", *"512m", "enter", *"jjjj", *"64", "enter")
        changes = [message.limits["c"] for message in stage.heard(LimitsPane.Changed)]
        assert changes == [Limits(cpus=0.5), Limits(memory=512 * MIB), Limits(pids=64)]


async def test_a_wrong_unit_is_said_and_opens_nothing() -> None:
    """Fails when letters that are no unit are left to others: `t` and `x` mean something there."""
    pane = LimitsPane()
    async with staged(pane) as (stage, pilot):
        shown_limits(pane, Limits())
        assert not pane.check_consume_key("t", "t")
        await pilot.press(*"1c", "enter")
        assert pane.model.problem.startswith("CPU is a number of cores, 1.5")
        assert pane.check_consume_key("x", "x")
        await pilot.press("escape", *"jjj", *"64xt", "enter")
        assert (pane.model.typing, pane.model.problem[:16]) == ("64xt", "a size is a numb")
        assert stage.heard(LimitsPane.Changed) == []


async def test_undo_and_no_limit() -> None:
    pane = LimitsPane()
    async with staged(pane) as (stage, pilot):
        shown_limits(pane, Limits(cpus=2.0))
        await pilot.press("0")
        assert "2 cores → 0▏ no limit" in shown(pane)
        await pilot.press("enter", "z")
        changes = [message.limits["c"] for message in stage.heard(LimitsPane.Changed)]
        assert changes == [Limits(cpus=0.0), Limits(cpus=2.0)]
        assert "2 cores" in shown(pane)


async def test_escape_forgets_and_then_is_not_ours() -> None:
    pane = LimitsPane()
    async with staged(pane) as (stage, pilot):
        shown_limits(pane, Limits())
        await pilot.press("right")
        assert pane.check_action("forget", ()) is True
        await pilot.press("escape", "enter")
        assert stage.heard(LimitsPane.Changed) == []
        assert pane.check_action("forget", ()) is False


async def test_the_suggestion_is_taken_with_one_key() -> None:
    pane = LimitsPane()
    async with staged(pane) as (_, pilot):
        shown_limits(pane, Limits(memory=200 * MIB), sample())
        assert "50%" in shown(pane)
        await pilot.press(*"jjj", "equals_sign")
        assert "200m → 128m" in shown(pane)


async def test_cores_are_toggled_on_their_map() -> None:
    """The map shows what would be; full boxes may be used."""
    pane = LimitsPane()
    async with staged(pane) as (stage, pilot):
        pane.set_bounds(MACHINE)
        shown_limits(pane, Limits())
        await pilot.press("j", "j")
        assert "■0 ■1 ■2 ■3" in shown(pane)
        await pilot.press("space", "right", "right", "space")
        assert "□0 ■1 □2 ■3" in shown(pane)
        await pilot.press("enter")
        changes = [message.limits["c"] for message in stage.heard(LimitsPane.Changed)]
        assert changes == [Limits(cpuset_cpus="1,3")]
        assert pane.check_action("turn_core", ()) is True
        await pilot.press("k")
        assert pane.check_action("turn_core", ()) is False


async def test_cores_are_toggled_by_the_mouse_and_typed() -> None:
    pane = LimitsPane()
    async with staged(pane) as (stage, pilot):
        pane.set_bounds(MACHINE)
        shown_limits(pane, Limits())
        await pilot.press("j", "j")
        row, text = next((y, t) for y, t in enumerate(shown(pane).split("\n")) if "■2" in t)
        await pilot.click(pane, offset=(text.index("■2") + 1, row))
        assert "■0 ■1 □2 ■3" in shown(pane)
        await pilot.press("escape", "1", "minus", "2", "enter")
        changes = [message.limits["c"] for message in stage.heard(LimitsPane.Changed)]
        assert changes == [Limits(cpuset_cpus="1-2")]


async def test_the_last_core_stays() -> None:
    """Fails when the empty list is asked for, which would mean all."""
    pane = LimitsPane()
    async with staged(pane) as (_, pilot):
        pane.set_bounds(MACHINE)
        shown_limits(pane, Limits(cpuset_cpus="0"))
        await pilot.press("j", "j", "space")
        assert not pane.model.pending


async def test_what_the_machine_cannot_do_is_dim_and_said() -> None:
    pane = LimitsPane()
    async with staged(pane) as (stage, pilot):
        pane.set_bounds(MACHINE._replace(lacking=(("memory_high", "v2 only"),)))
        shown_limits(pane, Limits())
        assert "Memory high    not here" in shown(pane)
        await pilot.press(*"jjjj", *"64m", "enter")
        assert stage.heard(LimitsPane.Changed) == []


async def test_mixed_values_are_shown_as_such() -> None:
    pane = LimitsPane()
    async with staged(pane):
        pane.show([Subject("w", "web", Limits(cpus=1.0)), Subject("a", "api", Limits())])
        assert "2 containers: web, api" in shown(pane)
        assert "mixed: no limit, 1 core" in shown(pane)


async def test_a_refusal_is_told_and_what_holds_is_shown() -> None:
    pane = LimitsPane()
    async with staged(pane) as (_, pilot):
        shown_limits(pane, Limits(memory=200 * MIB))
        await pilot.press(*"jjj", *"8m", "enter")
        assert "8m" in shown(pane)
        pane.refuse("c", Limits(memory=200 * MIB))
        assert "200m" in shown(pane)


async def test_a_click_chooses_and_arrows_step() -> None:
    pane = LimitsPane()
    async with staged(pane) as (_, pilot):
        shown_limits(pane, Limits(pids=100))
        await pilot.click(pane, offset=(10, 7))
        assert pane.kind.field == "pids"
        column = shown(pane).split("\n")[7].index("›") + 1
        await pilot.click(pane, offset=(column, 7))
        assert "100 → 150" in shown(pane)


async def test_a_change_for_this_run_only_says_so() -> None:
    pane = LimitsPane()
    async with staged(pane) as (stage, pilot):
        shown_limits(pane, Limits(pids=50))
        await pilot.press("1", "u", "enter", "2", "enter")
        said = [(m.limits["c"].cpus, m.keep) for m in stage.heard(LimitsPane.Changed)]
        assert said == [(1.0, False), (2.0, True)]
        await pilot.press("z", "z")
        said = [(m.limits["c"].cpus, m.keep) for m in stage.heard(LimitsPane.Changed)[2:]]
        assert said == [(1.0, True), (0.0, False)]


async def test_what_holds_for_this_run_only_has_a_star() -> None:
    pane = LimitsPane()
    async with staged(pane):
        pane.show([Subject("c", "web", Limits(cpus=1.0), kept=Limits())])
        assert "1 core*" in shown(pane)
        pane.show([Subject("c", "web", Limits(cpus=1.0))])
        assert "1 core*" not in shown(pane)


async def test_what_does_not_run_has_no_run_to_change() -> None:
    pane = LimitsPane()
    async with staged(pane) as (stage, pilot):
        pane.show([Subject("c", "web", Limits(), runs=False)])
        await pilot.press("1", "u", "enter")
        assert [m.keep for m in stage.heard(LimitsPane.Changed)] == [True]
