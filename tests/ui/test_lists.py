"""What every list can do: ranges of marks, columns, letters in menus, copies, own commands."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Static

from tests.ui.conftest import Stage, staged
from tests.ui.real_terminal import RealTerminal
from tests.ui.test_containers import marks
from tuidock import state as remembered
from tuidock.config import BadConfig, Config, parse
from tuidock.engine.types import Container, ContainerSpec, Status
from tuidock.screens import container_row
from tuidock.screens.custom import Output, command_line
from tuidock.screens.listing import FilterLine, ListPane
from tuidock.state import State
from tuidock.widgets.columns import ChooseColumns
from tuidock.widgets.dialogs import Choose, lettered


def shown(stage: Stage) -> tuple[str, ...]:
    return stage.app.screen.query_one("#list", ListPane).table.shown


async def test_a_range_is_marked_and_cleared(stage: Stage) -> None:
    await stage.press("space", "j", "ctrl+@")
    assert marks(stage) == {"web", "api", "db"}
    await stage.press("backslash")
    assert marks(stage) == set()


# --- columns ----------------------------------------------------------------------------------


async def test_columns_are_chosen_and_moved(stage: Stage) -> None:
    assert shown(stage) == ("light", "name", "image", "state", "cpu", "memory")
    await stage.press("C")
    await stage.until(lambda: isinstance(stage.app.screen, ChooseColumns))
    await stage.press("j", "j", "space", "k", "J", "J", "enter")
    assert shown(stage) == ("light", "state", "name", "cpu", "memory")
    assert stage.app.state.columns["containers"] == shown(stage)
    header = next(line for line in stage.text().splitlines() if "MEMORY" in line)
    assert header.split() == ["│", "STATUS", "NAME", "CPU", "MEMORY", "│"]


async def test_columns_nobody_sees_unasked(stage: Stage) -> None:
    """Fails when a chosen column waits for a wider screen."""
    await stage.press("C")
    await stage.until(lambda: isinstance(stage.app.screen, ChooseColumns))
    await stage.press("end", "space", "enter")
    assert shown(stage)[-1] == "command"
    await stage.until(lambda: stage.shows("nginx -g"))
    await stage.press("C")
    await stage.until(lambda: isinstance(stage.app.screen, ChooseColumns))
    await stage.press("r")
    assert "command" not in shown(stage)
    assert stage.app.state == State()


async def test_the_last_column_stays(stage: Stage) -> None:
    await stage.press("7", "C")
    await stage.until(lambda: isinstance(stage.app.screen, ChooseColumns))
    for _ in shown_in(stage):
        await stage.press("space", "j")
    await stage.press("enter")
    assert len(shown(stage)) == 1


def shown_in(stage: Stage) -> set[str]:
    assert isinstance(stage.app.screen, ChooseColumns)
    return stage.app.screen._ticked


def test_a_choice_is_kept_until_the_next_time(tmp_path: Path) -> None:
    path = str(tmp_path / "deep" / "state.json")
    assert remembered.load(path) == State()
    remembered.save(State().with_columns("images", ("name", "size")), path)
    remembered.save(remembered.load(path).with_columns("events", ("at",)), path)
    assert remembered.load(path).columns == {"images": ("name", "size"), "events": ("at",)}
    assert os.listdir(tmp_path / "deep") == ["state.json"]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"columns": 3}', '{"columns": {"a": 3}}', "\0"])
def test_a_broken_memory_is_an_empty_one(tmp_path: Path, text: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(text)
    assert remembered.load(str(path)) == State()


# --- menus ------------------------------------------------------------------------------------


def test_every_option_has_a_letter_of_its_own() -> None:
    words = ("name", "id", "image", "ip", "json", "jk")
    options, letters = lettered([(word, word) for word in words])
    assert letters == {"n": "name", "i": "id", "m": "image", "p": "ip", "s": "json"}
    assert (options[0][0], str(options[0][1])) == ("name", "n  name")
    assert (options[-1][0], str(options[-1][1])) == ("jk", "   jk")


async def test_sorting_by_a_letter(stage: Stage) -> None:
    await stage.press("o")
    await stage.until(lambda: isinstance(stage.app.screen, Choose))
    await stage.press("m")
    assert stage.app.screen.query_one("#list", ListPane).sorted_by == "memory"
    assert stage.names()[0] == "db"


async def test_a_key_in_the_menu_does_its_verb(stage: Stage) -> None:
    await stage.press("x")
    await stage.until(lambda: isinstance(stage.app.screen, Choose))
    await stage.press("s")
    await stage.until(lambda: stage.container("web").status is Status.EXITED)


@pytest.mark.parametrize(
    ("letter", "text"),
    [
        ("n", "web"),
        ("p", "10.89.0.8"),
        ("r", "tuidock run -d --name web -p 8080:80 -p 8443:443 -m 128m --cpus 0.5 nginx:1.29"),
    ],
)
async def test_copies_by_letter(stage: Stage, letter: str, text: str) -> None:
    await stage.press("y")
    await stage.until(lambda: isinstance(stage.app.screen, Choose))
    await stage.press(letter)
    await stage.until(lambda: stage.app.clipboard == text)


async def test_the_row_and_everything_can_be_copied(stage: Stage) -> None:
    await stage.press("y")
    await stage.until(lambda: isinstance(stage.app.screen, Choose))
    await stage.press("l")
    await stage.until(lambda: stage.app.clipboard.startswith("●\tweb\tnginx:1.29\tup 1h"))
    for pane, name in (("1", "Name"), ("2", "RepoTags"), ("7", "action")):
        await stage.press("R", pane)
        if pane == "7":
            await stage.press("1", "s", "7")
            await stage.until(lambda: stage.rows())
        await stage.press("y")
        await stage.until(lambda: isinstance(stage.app.screen, Choose))
        await stage.press("s")
        await stage.until(lambda name=name: f'"{name}"' in stage.app.clipboard)
        assert json.loads(stage.app.clipboard)


# --- commands of one's own --------------------------------------------------------------------


async def test_a_command_is_shown_then_run(tmp_path: Path) -> None:
    commands = {"say": f"echo {{name}} runs {{image}} | tee -a {tmp_path}/said"}
    async with staged(config=Config(commands=commands)) as stage:
        await stage.press("space", "space", "c")
        await stage.until(lambda: isinstance(stage.app.screen, Choose))
        await stage.press("enter")
        await stage.until(lambda: stage.shows("echo web runs nginx:1.29 | tee"))
        assert not (tmp_path / "said").exists()
        await stage.press("enter")
        await stage.until(lambda: isinstance(stage.app.screen, Output))
        await stage.until(lambda: stage.shows("exit 0 · esc closes"))
        said = str(stage.app.screen.query_one(".said", Static).render()).splitlines()
        assert said == ["web runs nginx:1.29", "api runs ghcr.io/acme/api:2.4"]
        assert (tmp_path / "said").read_text().splitlines()[1] == "api runs ghcr.io/acme/api:2.4"


async def test_leaving_ends_the_command(tmp_path: Path) -> None:
    """Fails when what the command started itself lives on."""
    commands = {"hang": f"sleep 1000 & echo $! > {tmp_path}/pid; wait"}
    async with staged(config=Config(commands=commands)) as stage:
        await stage.press("c", "enter", "enter")
        await stage.until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
        pid = int((tmp_path / "pid").read_text())
        await stage.press("escape")
        assert not isinstance(stage.app.screen, Output)
        await stage.until(lambda: not sleeps(pid))


def sleeps(pid: int) -> bool:
    """Whether the process is there and no zombie that waits for init."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_without_commands_it_says_how(stage: Stage) -> None:
    await stage.press("c")
    await stage.until(lambda: stage.shows("No commands of your own"))


async def test_a_name_is_never_shell(stage: Stage) -> None:
    it = stage.container("web")._replace(image="a;b")
    assert command_line("x {image} {name}", it) == "x 'a;b' web"


@pytest.mark.parametrize("template", ["", "dive {digest}", "dive {", "dive {}", "a {name[0]}"])
def test_a_wrong_command_is_named(template: str) -> None:
    with pytest.raises(BadConfig, match="dive"):
        parse({"commands": {"dive": template}}, {})


LENDING = """
import asyncio, sys
from tuidock.app import TuidockApp, _stay
from tuidock.config import Config
from tuidock.engine.fake import FakeEngine
from tuidock.engine.fake.scene import harbour

async def main():
    engine = FakeEngine()
    await harbour(engine)
    commands = {"ask": "read -r word; echo {name} says $word; exit 3"}
    return await _stay(TuidockApp(engine, Config(commands=commands, confirm=False)))

sys.exit(asyncio.run(main()))
"""


def test_a_command_gets_the_whole_terminal(tmp_path: Path) -> None:
    """On a real terminal: it is typed into, its end is waited for, the interface comes back."""
    with RealTerminal(LENDING, tmp_path) as terminal:
        terminal.read_until(b"migrate")
        terminal.type(b"c")
        terminal.read_until(b"read -r word")
        terminal.type(b"\r")
        terminal.read_until(b"whole terminal")
        terminal.type(b"j\r")
        terminal.read_until(b"$ read -r word; echo web says $word; exit 3")
        terminal.type(b"hello\r")
        terminal.read_until(b"web says hello")
        terminal.read_until(b"exit 3; Enter goes back to tuidock")
        terminal.type(b"\r")
        terminal.read_until(b"migrate")
        terminal.type(b"q")
        terminal.read_to_the_end()
    assert terminal.code == 0


async def test_filters_ask_for_facts_and_labels(stage: Stage) -> None:
    """The same words on every list; the help tells them."""
    spec = ContainerSpec("debian:12", "shop-1", ("sleep", "inf"), labels=(("team", "shop"),))
    it = await stage.engine.containers.create(spec)
    await stage.engine.containers.start(it.id)
    await stage.until(lambda: "shop-1" in stage.names())
    for query, names in (
        ("status:exited exit=3", ["import"]),
        ("label=team", ["shop-1"]),
        ("team=shop !debian", []),
        ("cpu>90", ["crunch"]),
    ):
        await stage.press("slash")
        stage.app.screen.query_one(FilterLine).value = query
        await stage.until(lambda names=names: stage.names() == names)
        await stage.press("escape")
    await stage.press("2", "slash")
    stage.app.screen.query_one(FilterLine).value = "used=no"
    await stage.until(lambda: stage.names() == ["busybox"])
    await stage.press("escape", "question_mark", "G")
    await stage.until(lambda: stage.shows("Words of a filter"))


async def test_rows_out_of_sight_are_not_made(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails when an item makes its cells at once: 500 containers then cost 50 ms each second."""
    made: list[str] = []
    cells = container_row._cells

    def counted(it: Container, *rest: Any) -> Any:
        made.append(it.name)
        return cells(it, *rest)

    monkeypatch.setattr(container_row, "_cells", counted)
    for number in range(60):
        await stage.engine.containers.create(ContainerSpec("debian:12", f"spare-{number}"))
    await stage.until(lambda: len(stage.world.containers) == 67)
    made.clear()
    await stage.turn(1)
    await stage.until(lambda: "web" in made)
    assert len(made) < 20


async def test_the_mouse_marks_and_asks_for_the_menu(stage: Stage) -> None:
    table = stage.app.screen.query_one("#list", ListPane).table
    await stage.pilot.click(table, offset=(0, 2))
    await stage.until(lambda: marks(stage) == {"api"})
    await stage.pilot.click(table, offset=(8, 3), button=3)
    await stage.until(lambda: isinstance(stage.app.screen, Choose))
    assert stage.shows("Actions")
    await stage.press("escape")
    assert stage.cursor() == "db"


async def test_the_order_is_remembered(tmp_path: Path) -> None:
    memory = str(tmp_path / "state.json")
    async with staged(memory=memory) as stage:
        await stage.press("o")
        await stage.until(lambda: isinstance(stage.app.screen, Choose))
        await stage.press("n")
        await stage.until(lambda: stage.names()[:2] == ["api", "cache"])
        await stage.press("O")
        await stage.until(lambda: remembered.load(memory).orders == {"containers": "-name"})
    async with staged(memory=memory) as stage:
        assert stage.names()[:2] == ["web", "migrate"]
        await stage.press("o")
        await stage.until(lambda: isinstance(stage.app.screen, Choose))
        await stage.press("home", "enter")
        await stage.until(lambda: stage.names()[:2] == ["web", "api"])


async def test_a_column_gets_a_width_of_its_own(stage: Stage) -> None:
    table = stage.app.screen.query_one("#list", ListPane).table
    before = table.widths
    await stage.press("C")
    await stage.until(lambda: isinstance(stage.app.screen, ChooseColumns))
    await stage.press("j", "j", *["greater_than_sign"] * 5, "j", "less_than_sign", "enter")
    await stage.until(lambda: table.widths["image"] == before["image"] + 5)
    assert table.widths["state"] == before["state"] - 1
    assert table.widths["cpu"] == before["cpu"]
    assert "image:29" in stage.app.state.columns["containers"]
    await stage.press("C")
    await stage.until(lambda: isinstance(stage.app.screen, ChooseColumns))
    await stage.press("enter")
    await stage.until(lambda: not isinstance(stage.app.screen, ChooseColumns))
    assert table.widths["image"] == before["image"] + 5
