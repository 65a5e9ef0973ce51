"""Every screen at two sizes, held against how it looked when somebody last looked at it.

`make snapshots` keeps what is seen now; then look at what git says has changed. The harbour of the
fake engine, a clock that stands, UTC and no blinking make two runs the same.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from textual.screen import Screen
from textual.widgets import Input, TextArea

import tuidock.screens
import tuidock.widgets
from tests.ui.conftest import Stage, staged
from tests.ui.frames import KEPT, compare, frame, kept
from tuidock.engine.errors import Unreachable
from tuidock.screens.detail import Detail, Tab
from tuidock.screens.reading import Reader
from tuidock.screens.shell import Shell

LOOKS = 150
SIZES = ((80, 24), (120, 40))
Way = Callable[[Stage], Awaitable[Any]]


def keys(*names: str) -> Way:
    return lambda stage: stage.press(*names)


def action(name: str) -> Way:
    """What a key of the app does, whichever key that is."""

    async def go(stage: Stage) -> None:
        await stage.app.run_action(f"app.{name}")
        await stage.pilot.pause()

    return go


def pane(name: str, *then: str) -> Way:
    """A pane by its name, then keys."""

    async def go(stage: Stage) -> None:
        stage.app.action_pane(name)
        await stage.pilot.pause()
        await stage.press(*then)

    return go


def tab(name: str, container: str = "web") -> Way:
    """A tab of a container, with the keys in it."""

    async def go(stage: Stage) -> None:
        stage.app.go_to(stage.container(container).id)
        await stage.pilot.pause()
        stage.app.screen.query_one(Detail).open(name)
        await stage.until(lambda: stage.app.screen.query_one(Detail).active == name)
        await stage.turn(1)

    return go


def pushed(place: str, *arguments: Any) -> Way:
    """A dialog by its class."""
    module, _, name = place.partition(":")

    async def go(stage: Stage) -> None:
        kind = getattr(importlib.import_module(f"tuidock.{module}"), name)
        await stage.app.push_screen(kind(*arguments))
        await stage.pilot.pause()

    return go


async def reader(stage: Stage) -> None:
    """A file of a container."""
    text = b"127.0.0.1 localhost\n10.99.0.2 web\n"
    await stage.app.push_screen(Reader("/etc/hosts", text, whole=True))


async def tags(stage: Stage) -> None:
    """The registry, once it has told of its first tag."""
    await pane("registry")(stage)
    await stage.until(lambda: stage.shows("2.5") and stage.shows("a pull gets"))


async def described(stage: Stage) -> None:
    """A tag of it, once the registry has told of it."""
    await tags(stage)
    await stage.press("tab", "j")
    await stage.until(lambda: stage.shows("linux/amd64"))


async def split(stage: Stage) -> None:
    """A shell beside the log of its container."""
    await stage.press("e")
    await stage.until(lambda: isinstance(stage.focused, Shell))
    await stage.press("ctrl+right_square_bracket", "vertical_line")
    await stage.until(lambda: len(stage.app.screen.query(Detail)) == 2)
    await stage.press("e")
    await stage.turn(1)


ERROR = Unreachable("registry.test cannot be reached", "is it running?")
DISCREET = [("web", ERROR), ("db", ERROR)]
ROUTES: dict[str, tuple[str, Way]] = {
    "containers": ("screens.containers:ContainersScreen", keys()),
    "images": ("screens.images:ImagesScreen", pane("images")),
    "registry": ("screens.registry:RegistryScreen", tags),
    "events": ("screens.events:EventsScreen", pane("events")),
    "jobs": ("screens.jobs:JobsScreen", pane("jobs")),
    "done": ("screens.done:DoneScreen", pane("done")),
    "logs": ("screens.logs:LogsTab", tab("logs")),
    "stats": ("screens.stats:StatsTab", tab("stats")),
    "limits": ("screens.tune:LimitsTab", tab("limits")),
    "processes": ("screens.processes:ProcessesTab", tab("top")),
    "files": ("screens.files:FilesTab", tab("files")),
    "env": ("screens.env:EnvTab", tab("env")),
    "health": ("screens.health:HealthTab", tab("health")),
    "anatomy": ("screens.anatomy:AnatomyTab", tab("anatomy")),
    "inspect": ("screens.panes:InspectTab", tab("inspect")),
    "why": ("screens.why:WhyTab", tab("why", "import")),
    "shell": ("screens.shell:ShellTab", tab("shell")),
    "split": ("screens.shell:ShellTab", split),
    "image-layers": ("screens.images:LayersTab", pane("images")),
    "image-about": ("screens.images:AboutTab", pane("images", "right_square_bracket")),
    "image-inspect": (
        "screens.images:ImageInspectTab",
        pane("images", "right_square_bracket", "right_square_bracket"),
    ),
    "registry-tag": ("screens.registry:DescribeTab", described),
    "event": ("screens.events:EventTab", pane("events")),
    "job": ("screens.jobs:JobTab", pane("jobs")),
    "deed": ("screens.done:DeedTab", pane("done")),
    "reader": ("screens.reading:Reader", reader),
    "editor": ("screens.editing:Editor", pushed("screens.editing:Editor", "/etc/motd", "hello\n")),
    "help": ("screens.help:HelpScreen", keys("question_mark")),
    "doctor": ("screens.doctor:DoctorScreen", pushed("screens.doctor:DoctorScreen")),
    "jump": ("screens.jump:JumpScreen", keys("semicolon")),
    "columns": ("widgets.columns:ChooseColumns", keys("C")),
    "choose": ("widgets.dialogs:Choose", keys("o")),
    "menu": ("widgets.dialogs:Choose", keys("x")),
    "palette": ("textual.command:CommandPalette", keys("ctrl+p", *"limit")),
    "filter": ("screens.containers:ContainersScreen", keys("slash", *"deb")),
    "merged": ("screens.logs:LogsTab", keys("l", "A", "t")),
    "theme": ("screens.wardrobe:ChooseTheme", keys("T")),
    "said": ("screens.said:SaidScreen", keys("ctrl+t")),
    "run": ("widgets.run_form:RunForm", pushed("widgets.run_form:RunForm", "nginx:1.29")),
    "pull": ("screens.pulling:PullScreen", pushed("screens.pulling:PullScreen", "debian:13")),
    "ask": ("widgets.dialogs:Ask", pushed("widgets.dialogs:Ask", "Another name", "web")),
    "confirm": (
        "widgets.dialogs:Confirm",
        pushed("widgets.dialogs:Confirm", "Remove web?", "What it wrote goes with it."),
    ),
    "failure": ("widgets.dialogs:Failure", pushed("widgets.dialogs:Failure", ERROR)),
    "failures": (
        "widgets.dialogs:Failures",
        pushed("widgets.dialogs:Failures", "2 of 3 could not be stopped", DISCREET),
    ),
    "bug": (
        "screens.bug:BugScreen",
        pushed("screens.bug:BugScreen", ValueError("a mistake"), "/var/log/tuidock/bug.txt"),
    ),
    "command": ("screens.custom:Output", pushed("screens.custom:Output", "true")),
}
"""Name, the class that it shows, and the way there."""
CASES = [
    pytest.param(name, size, id=f"{name}-{size[0]}x{size[1]}") for name in ROUTES for size in SIZES
]


@pytest.fixture(autouse=True)
def _everywhere_the_same(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """UTC, one sample of each container, and nothing of the person who runs the tests."""
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setattr("tuidock.feeds.INTERVAL", 3600.0)
    monkeypatch.setattr(Input, "_toggle_cursor", lambda self: None)
    monkeypatch.setattr(TextArea, "_toggle_cursor_blink_visible", lambda self: None)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(("name", "size"), CASES)
async def test_it_looks_as_it_did(name: str, size: tuple[int, int]) -> None:
    place, way = ROUTES[name]
    async with staged(size=size) as stage:
        await way(stage)
        await settled(stage, case := f"{name}-{size[0]}x{size[1]}")
        assert place in shown(stage)
        compare(case, frame(stage.app))


async def settled(stage: Stage, case: str) -> None:
    """Until it looks as kept, or else until many looks one after the other see the same."""
    before = kept(case)
    seen: list[str] = []

    def same() -> bool:
        seen.append(frame(stage.app))
        return seen[-1] == before or (len(seen) >= LOOKS and len(set(seen[-LOOKS:])) == 1)

    await stage.until(same)


def shown(stage: Stage) -> set[str]:
    """The classes in view: the screen, and the tab in it."""
    screen = stage.app.screen
    tabs = [detail.tab for detail in screen.query(Detail)]
    return {_place(type(it)) for it in (screen, *tabs)}


def _place(kind: type) -> str:
    return f"{kind.__module__.removeprefix('tuidock.')}:{kind.__name__}"


def test_no_screen_is_without_a_snapshot() -> None:
    """Whoever makes a screen, a dialog or a tab, adds it to ROUTES."""
    kinds = {kind for package in (tuidock.screens, tuidock.widgets) for kind in _kinds(package)}
    bases = {base for kind in kinds for base in kind.__mro__[1:]}
    assert {_place(kind) for kind in kinds - bases} - {
        place for place, _ in ROUTES.values()
    } == set()


def test_no_snapshot_is_without_a_screen() -> None:
    known = {f"{name}-{wide}x{high}" for name in ROUTES for wide, high in SIZES}
    assert {path.stem for path in KEPT.glob("*.txt")} == known


def _kinds(package: Any) -> Iterator[type]:
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        for kind in vars(importlib.import_module(module.name)).values():
            found = inspect.isclass(kind) and issubclass(kind, Screen | Tab)
            if found and kind.__module__ == module.name:
                yield kind
