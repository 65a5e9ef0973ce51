"""Conversations of more than one step: run an image, pull one, tag one.

Each is a coroutine that a screen's worker awaits. Invariant: a pull belongs to the app, so that
it outlives the dialog and the screen that began it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuidock import format as fmt
from tuidock.engine.types import ContainerSpec, Image
from tuidock.screens.pulling import PullScreen
from tuidock.widgets.dialogs import Ask
from tuidock.widgets.run_form import RunForm

if TYPE_CHECKING:
    from tuidock.screens.base import DockScreen


def image_name(image: Image) -> str:
    """The first tag as people type it, or the short id."""
    return fmt.reference(image.tags[0]) if image.tags else fmt.short_id(image.id)


async def run(screen: DockScreen, image: Image) -> None:
    """Ask how, create, start, and go and look."""
    spec = await screen.app.push_screen_wait(RunForm(image))
    if spec is not None:
        await start(screen, spec)


async def start(screen: DockScreen, spec: ContainerSpec) -> None:
    """Create and start; a container that could not be started stays, with the reason."""
    with screen.presented():
        it = await screen.engine.containers.create(spec)
        screen.dock.go_to(it.id)
        await screen.engine.containers.start(it.id)


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
