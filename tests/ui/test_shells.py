"""Several shells: beside each other, on several containers, chosen, listed, ended."""

from __future__ import annotations

import pytest

from tests.ui.conftest import Stage, staged
from tuidock.engine.errors import CommandNotFound
from tuidock.screens.detail import Detail
from tuidock.screens.details import Details
from tuidock.screens.shell import SessionName, Shell
from tuidock.widgets.dialogs import Ask, Choose, Confirm
from tuidock.widgets.terminal import Terminal

LEAVE = "ctrl+right_square_bracket"


async def opened(stage: Stage, *keys: str) -> Shell:
    """Open a session by these keys, and give it something to remember."""
    screen = stage.app.screen_stack[0]
    before = len(screen.query(Shell))
    await stage.press(*keys)
    await stage.until(lambda: len(screen.query(Shell)) == before + 1)
    await stage.until(lambda: isinstance(stage.focused, Shell))
    assert isinstance(stage.focused, Shell)
    return stage.focused


async def choose(stage: Stage, key: str, *keys: str) -> None:
    await stage.press(key)
    await stage.until(lambda: isinstance(stage.app.screen, Choose))
    await stage.press(*keys)


def commands(stage: Stage) -> list[tuple[str, ...]]:
    return [call[2:] for call in stage.calls if call[0] == "exec"]


async def test_two_shells_in_one_container_and_one_in_another(stage: Stage) -> None:
    first = await opened(stage, "e")
    await stage.type("one")
    await stage.press(LEAVE, "ctrl+e")
    await stage.until(lambda: isinstance(stage.app.screen, Choose))
    second = await opened(stage, "s")
    await stage.type("two")
    await stage.until(lambda: "two" in second.text and "one" not in second.text)
    names = [str(it.render()).strip() for it in stage.app.screen.query(SessionName)]
    assert names == ["1 sh", "2 sh"]
    await stage.press(LEAVE, "j")
    assert not second.has_class("-shown")
    third = await opened(stage, "e")
    assert {first.owner, second.owner} == {stage.container("web").id}
    assert third.owner == stage.container("api").id
    await stage.press(LEAVE, "k", "e")
    await stage.until(lambda: stage.focused is second)
    assert not first.ended


async def test_what_is_typed_at_once_is_the_shell_s(stage: Stage) -> None:
    """Seen to fail without `InTurn.on_event`: N, d and the rest are commands of the list then."""
    for key in ("e", *"Nd", "enter"):
        stage.app.simulate_key(key)
    await stage.until(lambda: any("Nd" in it.text for it in stage.app.screen.query(Shell)))
    assert len(stage.app.screen_stack) == 1


async def test_all_open_shells_are_listed(stage: Stage) -> None:
    await stage.press("ctrl+o")
    await stage.until(lambda: stage.shows("No open shell"))
    first = await opened(stage, "e")
    await stage.press(LEAVE, "j")
    await opened(stage, "e")
    await stage.press(LEAVE)
    await choose(stage, "ctrl+o", "enter")
    await stage.until(lambda: stage.focused is first)
    assert stage.cursor() == "web"


async def test_a_click_on_a_name_goes_there(stage: Stage) -> None:
    first = await opened(stage, "e")
    await stage.press(LEAVE, "ctrl+e")
    await stage.until(lambda: isinstance(stage.app.screen, Choose))
    await opened(stage, "s")
    await stage.until(lambda: len(stage.app.screen.query(SessionName)) == 2)
    await stage.pilot.click(stage.app.screen.query(SessionName).first())
    await stage.until(lambda: stage.focused is first)


async def test_only_shells_that_are_there_are_offered_and_the_choice_is_remembered(
    stage: Stage,
) -> None:
    web = stage.container("web")
    stage.engine.files.tree(web.id)["/bin/bash"] = b"\x7fELF"
    await choose(stage, "ctrl+e")
    assert stage.shows("b  bash")
    assert not stage.shows("zsh")
    await opened(stage, "b")
    await stage.press(LEAVE)
    assert stage.app.state.shells == {web.image: "bash"}
    assert commands(stage) == [("bash",)]


async def test_a_shell_as_somebody_else(stage: Stage) -> None:
    await choose(stage, "ctrl+e", "u")
    await stage.until(lambda: isinstance(stage.app.screen, Ask))
    await stage.type("1000 /tmp")
    shell = await opened(stage, "enter")
    assert shell.label == "sh 1000"


async def test_where_there_is_no_shell_tools_are_offered(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = CommandNotFound('exec: "sh": executable file not found in $PATH')
    stage.engine.containers.failures["exec"] = missing
    await stage.press("e")
    await stage.until(lambda: isinstance(stage.app.screen, Confirm))
    shell = await opened(stage, "y")
    assert shell.label == "debug"
    await stage.until(lambda: any(name.startswith("web-debug-") for name in stage.names()))


async def test_a_world_that_moves_draws_no_names_again(stage: Stage) -> None:
    """Seen to fail without the comparison in `ShellTab.show`: names are made anew each second."""
    await opened(stage, "e")
    await stage.press(LEAVE, "ctrl+e")
    await stage.until(lambda: isinstance(stage.app.screen, Choose))
    await opened(stage, "s")
    await stage.until(lambda: len(stage.app.screen.query(SessionName)) == 2)
    names = list(stage.app.screen.query(SessionName))
    await stage.turn(3)
    await stage.press(LEAVE)
    assert list(stage.app.screen.query(SessionName)) == names


async def test_an_ended_shell_of_a_container_that_is_gone_goes_too(stage: Stage) -> None:
    await opened(stage, "e")
    await stage.press(LEAVE)
    await stage.engine.containers.remove("web", force=True)
    await stage.until(lambda: "web" not in stage.names())
    await stage.until(lambda: not stage.app.screen.query(Terminal))


async def test_a_shell_beside_graphs_and_logs(stage: Stage) -> None:
    """Both frames live; one key goes across, and only the tab in front changes."""
    details = stage.app.screen.query_one(Details)
    shell = await opened(stage, "e")
    await stage.press(LEAVE, "vertical_line")
    await stage.until(lambda: len(details.frames) == 2 and details.frames[1].tab.is_mounted)
    first, beside = details.frames
    assert (first.active, beside.active) == ("shell", "logs")
    assert shell.region.y == beside.tab.region.y
    assert shell.size.width < 60
    await stage.until(lambda: shell._session.sizes[-1] == tuple(shell.size))
    await stage.press("e")
    await stage.until(lambda: stage.focused is shell)
    await stage.type("both")
    await stage.until(lambda: "both" in shell.text and stage.shows("GET /"))
    await stage.press(LEAVE, "right_square_bracket")
    await stage.until(lambda: beside.active == "stats" and beside.tab.awake)
    assert first.active == "shell"
    await stage.press(LEAVE)
    await stage.until(lambda: stage.focused is shell)
    await stage.pilot.resize_terminal(80, 24)
    await stage.until(lambda: not stage.app.screen.query_one("#list").display)
    await stage.press(LEAVE, "escape", "j")
    await stage.until(lambda: beside.tab.subject.name == first.tab.subject.name == "api")
    await stage.press("vertical_line")
    await stage.until(lambda: len(stage.app.screen.query(Detail)) == 1)


async def test_frames_stand_upon_each_other_where_it_is_narrow() -> None:
    async with staged(size=(80, 24)) as stage:
        details = stage.app.screen.query_one(Details)
        await stage.press("vertical_line")
        await stage.until(lambda: len(details.frames) == 2 and details.frames[1].region.y > 1)
        first, beside = details.frames
        assert first.region.width == beside.region.width == 80
        assert beside.region.y == first.region.bottom


async def test_the_title_always_has_the_tab_in_view() -> None:
    """Seen to fail with all tabs in the title: the last ones are cut off where it is narrow."""
    async with staged(size=(60, 24)) as stage:
        await stage.press("left_square_bracket")
        await stage.until(lambda: stage.shows(" Shell "))
        assert dict(stage.app.screen.query_one(Detail).tab_places())["shell"] < 60
