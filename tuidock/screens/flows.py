"""Conversations of more than one step: run an image, clone or edit a container, pull an image.

Each is a coroutine that a screen's worker awaits. Invariant: a pull belongs to the app, so that
it outlives the dialog and the screen that began it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tuidock import format as fmt
from tuidock.engine.types import Container, ContainerSpec, Image, Status
from tuidock.screens.making import made
from tuidock.screens.pulling import PullScreen
from tuidock.screens.recreate import recreate
from tuidock.widgets.dialogs import Ask, Confirm
from tuidock.widgets.run_form import Order, RunForm
from tuidock.widgets.run_spec import values_of

if TYPE_CHECKING:
    from tuidock.screens.base import DockScreen

ONCE = frozenset({"cidfile"})
"""Flags that are not remembered for the next container of an image."""


def image_name(image: Image) -> str:
    """The first tag as people type it, or the short id."""
    return fmt.reference(image.tags[0]) if image.tags else fmt.short_id(image.id)


async def run(screen: DockScreen, image: Image) -> None:
    """Ask how, as it was asked the last time; create, start, and go and look."""
    reference = image.tags[0] if image.tags else image.id
    form = RunForm(image, screen.dock.state.forms.get(reference), neighbours=_neighbours(screen))
    await _make(screen, await screen.app.push_screen_wait(form))


async def clone(screen: DockScreen, it: Container) -> None:
    """Another container like this one."""
    values = values_of(_asked(screen, it)._replace(name=""))
    form = RunForm(await _image(screen, it), values, neighbours=_neighbours(screen))
    await _make(screen, await screen.app.push_screen_wait(form))


async def _make(screen: DockScreen, order: Order | None) -> None:
    """Create, and start if asked; one that could not be started stays, with the reason."""
    if order is None:
        return
    values = {name: value for name, value in order.values.items() if name not in ONCE}
    screen.dock.remember_form(order.spec.image, values)
    with screen.presented():
        it = await made(screen, order, screen.engine.containers.create)
        if it is None:
            return
        screen.dock.go_to(it.id)
        if order.start:
            await screen.engine.containers.start(it.id)


async def edit(screen: DockScreen, it: Container) -> None:
    """Change what a container is: a new one takes its place as soon as that runs."""
    values = values_of(_asked(screen, it)._replace(name=it.name))
    image = await _image(screen, it)
    form = RunForm(image, values, neighbours=_neighbours(screen, it), replaces=it.name)
    order = await screen.app.push_screen_wait(form)
    if order is None or not await _sure(screen, it):
        return
    screen.dock.write(lambda world: world.with_pending(it.id, "Recreate"))
    try:
        with screen.presented():
            new = await made(screen, order, partial(recreate, screen.engine.containers, it))
            if new is not None:
                screen.dock.go_to(new.id)
                screen.notify("the new one runs", title=f"Recreated {it.name}", markup=False)
    finally:
        screen.dock.write(lambda world: world.with_pending(it.id, ""))


async def _sure(screen: DockScreen, it: Container) -> bool:
    if not screen.dock.config.confirm:
        return True
    body = (
        "Its log and the files it changed outside of its mounts are lost once the new one runs. "
        "If that does not run, the old one is put back."
    )
    question = Confirm(f"Recreate {it.name}?", body, dangerous=True, yes="Recreate")
    answer: bool | None = await screen.app.push_screen_wait(question)
    return bool(answer)


def _asked(screen: DockScreen, it: Container) -> ContainerSpec:
    """What somebody asked for: without the labels that are the image's."""
    found = next((each for each in screen.world.images if each.id == it.image_id), None)
    own = found.labels.items() if found else ()
    return it.spec._replace(labels=tuple(pair for pair in it.spec.labels if pair not in own))


async def _image(screen: DockScreen, it: Container) -> Image | str:
    """The image by the name that the container asked for, with what it says if it is here."""
    found = next((each for each in screen.world.images if each.id == it.image_id), None)
    return found._replace(tags=(it.spec.image,)) if found else it.spec.image


def _neighbours(screen: DockScreen, but: Container | None = None) -> list[str]:
    """Containers whose namespaces a new one could join."""
    running = (it for it in screen.world.containers.values() if it.status is Status.RUNNING)
    return [it.name for it in running if but is None or it.id != but.id]


async def pull(screen: DockScreen, reference: str = "") -> None:
    """Ask for a name when there is none, then show the pull."""
    if not reference:
        answer = await screen.app.push_screen_wait(
            Ask("Pull an image", placeholder="debian:12   registry.example/team/app:2.4")
        )
        reference = (answer or "").strip()
    if reference:
        screen.dock.pull(reference)
        await screen.app.push_screen(PullScreen(reference))
