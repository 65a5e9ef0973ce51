"""Render the real interface on real containers into screenshots/: `make screenshots`, as root.

SVG by Textual itself, PNG too where rsvg-convert is installed. Invariant: a picture is kept only
when it shows the words that stand with it below; where the interface moved on, this fails.

    python -m scripts.screenshots [--size 80x24] [--theme light] [--into DIRECTORY] [NAME ...]
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from textual.pilot import Pilot

from scripts.pictures import rasterise, words
from scripts.scene import scene
from tuidock.app import TuidockApp
from tuidock.config import Config
from tuidock.demo.stage import stage
from tuidock.engine.local import open_engine
from tuidock.screens.lists import ListScreen
from tuidock.verbs import VERBS

TARGET = Path(__file__).parent.parent / "screenshots"
SIZE = (140, 40)
PATIENCE = 60.0
"""Seconds until what should be on the screen counts as missing."""
WAVE = 24.0
"""A whole wave of the demo, so that the graphs have something to show."""
LETTERS = {" ": "space", "/": "slash", "-": "minus", ".": "full_stop", ":": "colon"}


class Photographer:
    """Walks through the interface as a person does, by keys."""

    def __init__(self, pilot: Pilot[int], registry: str) -> None:
        self.pilot = pilot
        self.registry = registry

    @property
    def app(self) -> TuidockApp:
        assert isinstance(self.pilot.app, TuidockApp)
        return self.pilot.app

    async def verb(self, name: str) -> None:
        """Press the key that this verb has now."""
        await self.press(VERBS[name].key.split(",")[0])

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause(0.3)

    async def type(self, text: str) -> None:
        await self.press(*(LETTERS.get(letter, letter) for letter in text))

    async def sees(self, *wanted: str) -> str:
        """The picture, once it shows all of these words. Raises TimeoutError with what it shows."""
        deadline = time.monotonic() + PATIENCE
        while True:
            svg = self.app.export_screenshot(title="")
            missing = [it for it in wanted if it not in words(svg)]
            if not missing:
                return svg
            if time.monotonic() > deadline:
                raise TimeoutError(f"{missing} not on the screen:\n{words(svg)}")
            await self.pilot.pause(0.1)

    async def at(self, name: str) -> None:
        """The list of containers, the cursor on this one, nothing else open."""
        while len(self.app.screen_stack) > 1:
            self.app.pop_screen()
        it = next(it for it in self.app.world.containers.values() if it.name == name)
        self.app.go_to(it.id)
        await self.pilot.pause(0.3)
        screen = self.app.screen
        assert isinstance(screen, ListScreen)
        while screen.go_back():
            await self.pilot.pause(0.1)
        screen.detail.open("logs")
        await self.pilot.pause(0.5)


Way = Callable[[Photographer], Awaitable[None]]


class Shot(NamedTuple):
    """A picture: on which container, the way there, and the words that must be in it.

    Without a container it begins where the one before ended.
    """

    name: str
    container: str
    way: Way
    words: Sequence[str]


def verbs(*names: str) -> Way:
    """The keys of these verbs, one after the other."""

    async def go(by: Photographer) -> None:
        for name in names:
            await by.verb(name)

    return go


def tab(name: str) -> Way:
    """A tab that has no key of its own."""

    async def go(by: Photographer) -> None:
        await by.app.screen.run_action(f"show({name!r})")

    return go


def pressed(verb: str, *keys: str, wait: str = "") -> Way:
    """The key of a verb; when some words are there, more keys."""

    async def go(by: Photographer) -> None:
        await by.verb(verb)
        await by.sees(wait)
        await by.press(*keys)

    return go


async def wave(by: Photographer) -> None:
    await by.pilot.pause(WAVE)


async def limits(by: Photographer) -> None:
    """Another quota, applied; the answer shows in the graph."""
    await by.verb("container.limits")
    await by.sees("CPU quota", "Memory max")
    await by.type("0.3")
    await by.press("enter")
    await by.pilot.pause(8)


async def shell(by: Photographer) -> None:
    await by.verb("container.shell")
    await by.sees("#")
    await by.type("ls -l /")
    await by.press("enter")
    await by.type("ps")
    await by.press("enter")


async def form(by: Photographer) -> None:
    """The form of a new one, filled in."""
    await by.verb("container.new")
    await by.sees("Run which image?")
    await by.press("enter")
    await by.sees("tuidock run")
    await by.type("shop")
    await by.press("tab")
    await by.type("chatter")


async def registry(by: Photographer) -> None:
    """A registry that answers, and a tag that nobody has pulled."""
    await by.verb("pane.registry")
    await by.verb("registry.address")
    await by.type(by.registry)
    await by.press("enter")
    await by.sees("shop/api", "2.4")
    await by.press("tab", "j")
    await by.sees("shop/api:2.4")


async def pull(by: Photographer) -> None:
    if by.app.current_mode != "registry":
        await registry(by)
    await by.verb("registry.pull")


async def light(by: Photographer) -> None:
    by.app.theme = "tuidock-light"
    await by.verb("container.stats")


async def palette(by: Photographer) -> None:
    await by.press("ctrl+p")
    await by.type("lim")


SHOTS = (
    Shot("containers", "api", wave, ("Containers 8", "following", "mailer", "running")),
    Shot("logs", "api", verbs("list.drill"), ("following", "served", "database does not answer")),
    Shot("merged", "api", pressed("list.drill", "A", "t"), ("following", "order", "mailer")),
    Shot("stats", "waves", verbs("container.stats"), ("limit 60.0%", "limit 96.0M", "throttled")),
    Shot("limits", "waves", limits, ("CPU quota", "limit 30.0%", "Memory max")),
    Shot("why", "report", verbs("container.why"), ("What to do", "Its last lines", "memory")),
    Shot("processes", "web", verbs("container.top"), ("COMMAND", "python3")),
    Shot("files", "mailer", tab("files"), ("CHANGED", "srv/", "differences")),
    Shot("env", "api", tab("env"), ("API_TOKEN", "•••", "LOG_LEVEL")),
    Shot("health", "api", tab("health"), ("healthy",)),
    Shot("anatomy", "web", verbs("container.anatomy"), ("How it was born", "map user ids")),
    Shot("inspect", "web", verbs("container.inspect"), ("KEY AND VALUE", "State")),
    Shot("shell", "web", shell, ("drwx", "srv", "PID")),
    Shot("run", "web", form, ("tuidock run -d --name shop", "chatter")),
    Shot("images", "web", verbs("pane.images"), ("REPOSITORY", "tuidock/starter", "Layers")),
    Shot("registry", "web", registry, ("shop/mailer", "2.4", "a pull gets")),
    Shot("pull", "", pull, ("LAYER", "24.0M", "shop/api:2.4")),
    Shot("jobs", "web", verbs("pane.jobs"), ("Jobs 1", "pull", "shop/api:2.4")),
    Shot("events", "web", verbs("pane.events"), ("ACTION", "oom", "health_status: healthy")),
    Shot("done", "web", verbs("pane.done"), ("tuidock update", "--cpus 0.3")),
    Shot("doctor", "web", verbs("app.doctor"), ("kernel", "overlay")),
    Shot("palette", "web", palette, ("Limits",)),
    Shot("help", "web", verbs("app.help"), ("Keys: Containers", "Restart")),
    Shot("light", "waves", light, ("limit 30.0%", "limit 96.0M")),
)


ASKED = ("doctor",)
"""Taken only when asked for: it tells of the machine it was taken on."""
KEPT = tuple(shot.name for shot in SHOTS if shot.name not in ASKED)


class Wanted(NamedTuple):
    """What to take, of which size and colours, and where to put it."""

    size: tuple[int, int] = SIZE
    theme: str = "dark"
    into: Path = TARGET
    names: tuple[str, ...] = ()


async def shoot(root: str, runroot: str, address: str, wanted: Wanted) -> None:
    """Walk through the interface, a picture at each stop."""
    config = Config(theme=f"tuidock-{wanted.theme}")
    app = TuidockApp(open_engine(root, runroot), config)
    async with app.run_test(size=wanted.size) as pilot:
        by = Photographer(pilot, address)
        await by.sees("running")
        for shot in SHOTS:
            if shot.name in (wanted.names or KEPT):
                await take(by, shot, wanted)


async def take(by: Photographer, shot: Shot, wanted: Wanted) -> None:
    """Go there and keep a picture; fails when it does not show what it should."""
    picture = wanted.into / f"{shot.name}.svg"
    try:
        if shot.container:
            await by.at(shot.container)
        await shot.way(by)
        picture.write_text(await by.sees(*shot.words))
    except TimeoutError as error:
        raise SystemExit(f"{shot.name}: {error}") from None
    columns = wanted.size[0]
    await asyncio.get_running_loop().run_in_executor(None, partial(rasterise, picture, columns))
    print(picture, flush=True)


def asked(arguments: Sequence[str] | None = None) -> Wanted:
    parser = argparse.ArgumentParser(prog="make screenshots")
    parser.add_argument("--size", default="x".join(map(str, SIZE)))
    parser.add_argument("--theme", default="dark")
    parser.add_argument("--into", type=Path, default=TARGET)
    parser.add_argument("names", nargs="*", choices=[[], *(shot.name for shot in SHOTS)])
    given = parser.parse_args(arguments)
    columns, _, lines = given.size.partition("x")
    return Wanted((int(columns), int(lines)), given.theme, given.into, tuple(given.names))


def main() -> None:
    wanted = asked()
    wanted.into.mkdir(parents=True, exist_ok=True)
    with stage(keep=False) as core, scene(core) as address:
        asyncio.run(shoot(core.layout.root, core.layout.runroot, address, wanted))


if __name__ == "__main__":
    main()
