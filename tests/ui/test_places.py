"""Getting about: the doctor at the first start, letters to jump to, events, the palette."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ui.conftest import Stage, staged
from tuidock.app import TuidockApp, widget_keys
from tuidock.commands import EQUALS, Offer, offered
from tuidock.engine.errors import HostError
from tuidock.engine.types import Finding
from tuidock.screens.bug import BugScreen
from tuidock.screens.containers import ContainersScreen
from tuidock.screens.doctor import DoctorScreen, report
from tuidock.screens.jump import JumpScreen, places
from tuidock.verbs import VERBS
from tuidock.widgets.log_lines import LogLines
from tuidock.widgets.table import LiveTable


async def test_the_doctor_greets_once(tmp_path: Path) -> None:
    memory = str(tmp_path / "state.json")
    async with staged(memory=memory, greet=True) as stage:
        await stage.until(lambda: isinstance(stage.app.screen, DoctorScreen))
        await stage.until(lambda: stage.shows("This machine has all that containers need"))
        assert stage.shows("Welcome.")
        await stage.press("j")
        assert isinstance(stage.app.screen, DoctorScreen)
        await stage.press("2")  # who knows the way goes on
        await stage.until(lambda: stage.app.current_mode == "images")
        assert not isinstance(stage.app.screen, DoctorScreen)
    async with staged(memory=memory, greet=True) as stage:
        assert not isinstance(stage.app.screen, DoctorScreen)
        await stage.press("0")
        await stage.until(lambda: stage.shows("This machine has all"))
        assert not stage.shows("Welcome.")
        await stage.press("escape")
        assert not isinstance(stage.app.screen, DoctorScreen)


@pytest.mark.parametrize("error", [HostError("no store", "make one"), ValueError("bug")])
async def test_a_doctor_that_fails_says_so_in_a_line(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """A bug is told as one besides. Seen to fail without `except Exception` in action_look."""

    async def broken() -> list[Finding]:
        raise error

    monkeypatch.setattr(stage.engine, "doctor", broken)
    await stage.press("0")
    if isinstance(error, ValueError):
        await stage.until(lambda: isinstance(stage.app.screen, BugScreen))
        await stage.press("escape")
    await stage.until(lambda: stage.shows("1 thing to mend, of 1 looked at"))
    assert stage.shows(str(error))
    assert not stage.shows("Traceback")


def test_what_is_to_be_mended_comes_first_with_its_remedy() -> None:
    findings = [
        Finding("overlay", "ok", "works", "never told"),
        Finding("subuid", "missing", "no ids", "usermod --add-subuids ..."),
    ]
    lines = report(findings, 80, first=False).plain.splitlines()
    assert lines[0] == "1 thing to mend, of 2 looked at"
    assert [line.split()[:2] for line in lines[2:]] == [
        ["✗", "subuid"],
        ["→", "usermod"],
        ["✓", "overlay"],
    ]


async def test_a_letter_goes_to_a_tab_and_a_number_to_a_pane(stage: Stage) -> None:
    await stage.press("semicolon")
    screen = stage.app.screen
    assert isinstance(screen, JumpScreen)
    assert stage.app.screen_stack[0].detail.active == "logs"  # type: ignore[attr-defined]
    await stage.press("i")  # `l` is that of the logs
    detail = stage.app.screen.detail  # type: ignore[attr-defined]
    await stage.until(lambda: detail.active == "limits" and detail.has_focus_within)
    await stage.press("semicolon", "7")
    await stage.until(lambda: stage.app.current_mode == "events")
    await stage.press("semicolon", "escape")
    assert not isinstance(stage.app.screen, JumpScreen)


async def test_letters_stand_where_things_are() -> None:
    async with staged(size=(200, 60)) as stage:
        screen = stage.app.screen
        lines = stage.text().splitlines()
        for place in places(screen):
            if place.name.isdigit():
                assert stage.app.get_widget_at(*place.at)[0].region.y == 0
        tabs = screen.detail.tab_places()  # type: ignore[attr-defined]
        assert [name for name, _ in tabs] == list(screen.TABS)  # type: ignore[attr-defined]
        assert lines
        focusable = [place for place in places(screen) if isinstance(bound(place.go), LiveTable)]
        assert focusable


def bound(call: object) -> object:
    return getattr(call, "__self__", None)


async def test_events_are_followed_until_somebody_goes_elsewhere(stage: Stage) -> None:
    await stage.press("7")
    await stage.engine.containers.stop("web")
    await stage.until(lambda: "stop" in str(stage.rows()))
    table = stage.app.screen.query_one("#list LiveTable", LiveTable)
    assert table.cursor_key == table.rows[0].key
    await stage.press("j")
    key = table.cursor_key
    await stage.engine.containers.start("web")
    await stage.until(lambda: "start" in str(stage.rows()))
    assert table.cursor_key == key
    await stage.press("v")
    await stage.until(lambda: stage.app.current_mode == "containers")
    assert stage.cursor() == "web"


async def test_events_from_before_are_there_too() -> None:
    async with staged() as stage:
        assert not [it for it in stage.world.events if it.action == "create"]
        await stage.engine.containers.stop("web")
        await stage.press("7")
        await stage.until(lambda: "create" in str(stage.rows()))
        times = [it.at for it in stage.world.events]
        assert times == sorted(times)
        stops = [it for it in stage.world.events if (it.action, it.name) == ("stop", "web")]
        assert len(stops) == 1
        table = stage.app.screen.query_one("#list LiveTable", LiveTable)
        assert table.cursor_key == table.rows[0].key


async def test_the_palette_tells_keys_and_commands(stage: Stage) -> None:
    await stage.press("ctrl+p", *"restart")
    await stage.until(lambda: stage.shows("tuidock restart web"))
    assert stage.shows("(r)")


async def test_every_verb_has_an_action_that_somebody_answers(stage: Stage) -> None:
    """A verb whose action nobody has would be a key that does nothing."""
    lost = []
    for verb in VERBS.values():
        name = verb.binding_action.partition("(")[0].removeprefix("app.")
        pane = verb.scope if verb.scope in TuidockApp.MODES else "containers"
        stage.app.action_pane(pane)
        await stage.pilot.pause()
        screen = stage.app.screen
        owners = [stage.app, screen]
        if verb.scope in ("top", "files", "env", "inspect"):
            owners = [await screen.detail.bring(verb.scope)]  # type: ignore[attr-defined]
        if not any(hasattr(owner, f"action_{name}") for owner in owners):
            lost.append(verb.id)
    assert not lost


async def test_everything_that_has_a_key_is_in_the_palette(stage: Stage) -> None:
    """Fails when a verb, or a key of a widget, is offered nowhere."""
    found: dict[str, Offer] = {}
    for pane in TuidockApp.MODES:
        stage.app.action_pane(pane)
        await stage.press()
        found |= {it.id: it for it in offered(stage.app.screen)}
    stage.app.action_pane("containers")
    screen = stage.app.screen
    assert isinstance(screen, ContainersScreen)
    for name in screen.TABS:
        await screen.detail.bring(name)
        found |= {it.id: it for it in offered(screen)}
    for row in ("cache", "import"):
        stage.app.go_to(stage.container(row).id)
        await stage.press()
        found |= {it.id: it for it in offered(screen)}
    either = {verb.id for verb in VERBS.values() if verb.either}
    assert (VERBS.keys() | widget_keys().keys()) - either - found.keys() == {"app.palette"}
    without = {name for name, it in found.items() if not it.keys}
    assert without == {"container.logs"}
    assert all(it.text and it.action for it in found.values())
    assert EQUALS.keys() <= widget_keys().keys()


async def test_the_palette_does_what_the_key_of_a_widget_does(stage: Stage) -> None:
    await stage.press("colon", *"log wrap")
    await stage.until(lambda: stage.shows("(w)"))
    log = stage.app.screen_stack[0].query_one(LogLines)
    before = log.wrap
    await stage.press("enter")
    await stage.until(lambda: log.wrap is not before)
