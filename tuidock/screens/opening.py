"""Which shell, as whom, where: the question before a further session.

Knows which shells people use, and looks which of them a container has. Invariant: nothing is run
in the container to find out.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tuidock.engine.api import Engine
from tuidock.engine.errors import EngineError
from tuidock.engine.types import Container
from tuidock.screens.shell import ATTACHED, DEBUG, ShellTab
from tuidock.widgets.dialogs import Ask, Choose

if TYPE_CHECKING:
    from tuidock.screens.lists import ListScreen

KNOWN = ("bash", "zsh", "fish", "ash", "sh")
PLACES = ("/bin", "/usr/bin", "/usr/local/bin")
OTHER = "other"


async def shells_of(engine: Engine, it: Container) -> list[str]:
    """The shells that a container has, by name."""
    found = await asyncio.gather(*(_names(engine, it, place) for place in PLACES))
    return [name for name in KNOWN if any(name in names for names in found)]


async def _names(engine: Engine, it: Container, place: str) -> set[str]:
    try:
        listing = await engine.files.list(it.id, place)
    except EngineError:  # not there, or it cannot be looked at: no shell to offer
        return set()
    return {entry.name for entry in listing.entries}


async def another(screen: ListScreen, tab: ShellTab, it: Container) -> None:
    """Ask, and open it; a shell that was chosen is that image's usual one from then on."""
    shells = await shells_of(screen.engine, it)
    options = [(name, f"{letter}  {name}") for letter, name in zip("bzfas", KNOWN, strict=True)]
    options = [each for each in options if each[0] in shells]
    keys = {name[0]: name for name, _ in options}
    options += [
        (OTHER, "u  a shell as another user, in another directory …"),
        (DEBUG, "d  debug: tools of this machine, the files in /container"),
        (ATTACHED, "i  attach: its own input and output"),
    ]
    keys |= {"u": OTHER, "d": DEBUG, "i": ATTACHED}
    chosen = await screen.app.push_screen_wait(Choose(f"Open in {it.name}", options, keys=keys))
    if chosen and chosen != OTHER:
        screen.action_show("shell")
    if chosen in shells:
        screen.dock.remember_shell(it.image, str(chosen))
        await tab.open_shell(it, str(chosen))
    elif chosen == DEBUG:
        await tab.open(it, DEBUG, tab.debug(it))
    elif chosen == ATTACHED:
        await tab.open(it, ATTACHED, tab.attach(it))
    elif chosen == OTHER:
        await _as_other(screen, tab, it, (shells or ["sh"])[0])


async def _as_other(screen: ListScreen, tab: ShellTab, it: Container, shell: str) -> None:
    title = f"{shell} in {it.name}: user, and directory"
    words = (await screen.app.push_screen_wait(Ask(title, placeholder="root  /srv")) or "").split()
    directory = next((word for word in words if word.startswith("/")), None)
    user = next((word for word in words if not word.startswith("/")), None)
    if words:
        screen.action_show("shell")
        await tab.open_shell(it, shell, user, directory)


async def switch(screen: ListScreen, tab: ShellTab) -> None:
    """Choose among all open sessions, and go there."""
    names = {it.id: it.name for it in screen.world.containers.values()}
    open_ones = [shell for shell in tab.shells if shell.owner in names]
    if not open_ones:
        screen.notify(
            f"{screen.key_of('container.shell')} opens one", title="No open shell", markup=False
        )
        return
    options = [
        (shell.id or "", f"{names[shell.owner]:<20} {shell.called}{' (ended)' * shell.ended}")
        for shell in open_ones
    ]
    chosen = await screen.app.push_screen_wait(Choose("Open shells", options))
    shell = next((each for each in open_ones if each.id == chosen), None)
    if shell is not None:
        screen.action_show("shell")
        tab.turn_to(shell)
        screen.dock.go_to(shell.owner)
