"""DockScreen: what every screen of tuidock shares.

Knows the app's engine, World and settings, turns a verb of the table into calls of the engine,
and is the only place where errors become something to see. Invariant: a screen reads the World
and never writes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar, cast

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from tuidock.config import split
from tuidock.engine.api import Engine
from tuidock.engine.errors import Conflict, EngineError, InvalidInput, NotFound
from tuidock.engine.types import Container
from tuidock.notices import Notice
from tuidock.screens.chrome import KeyBar, TitleBar
from tuidock.verb import ANY, Verb
from tuidock.verbs import VERBS, fits, in_scope, shared
from tuidock.world import World

if TYPE_CHECKING:
    from tuidock.app import TuidockApp

BREADTHS = [(0, "-narrow"), (100, "-normal"), (170, "-wide")]
HEIGHTS = [(0, "-short"), (28, "-tall")]
"""Columns and lines from which a screen has these CSS classes."""
SMALL = (Conflict, InvalidInput, NotFound)
"""Errors that a short notice explains; the others get a dialog."""


def bindings(*scopes: str) -> list[BindingType]:
    """Textual's bindings for the verbs of some scopes."""
    return [
        Binding(
            verb.key,
            verb.binding_action,
            verb.title,
            show=verb.shown,
            tooltip=verb.help,
            id=verb.id,
            priority=verb.id == "app.exit",
        )
        for verb in in_scope(*scopes)
        if verb.key
    ]


class DockScreen(Screen[None]):
    """A pane of the interface: title bar, body, keys."""

    SCOPE: ClassVar[str] = ""
    HORIZONTAL_BREAKPOINTS = BREADTHS
    VERTICAL_BREAKPOINTS = HEIGHTS

    def __init__(self) -> None:
        super().__init__()
        # Textual adds these when the screen is first drawn, and reckons all styles anew for them.
        for size, sizes in zip(self.app.size, (BREADTHS, HEIGHTS), strict=True):
            self.add_class(max(it for it in sizes if it[0] <= size)[1], update=False)

    @property
    def dock(self) -> TuidockApp:
        return cast("TuidockApp", self.app)

    @property
    def engine(self) -> Engine:
        return self.dock.engine

    @property
    def world(self) -> World:
        return self.dock.world

    def compose(self) -> ComposeResult:
        yield TitleBar(self.SCOPE)
        yield from self.compose_body()
        yield KeyBar()

    def compose_body(self) -> ComposeResult:
        """The screen's own widgets."""
        yield from ()

    # --- facts come down ------------------------------------------------------------------

    def on_mount(self) -> None:
        self.watch(self.app, "world", self._world_moved, init=False)

    def on_screen_resume(self) -> None:
        self.query_one(TitleBar).show(self.world)
        self.show(self.world, World())

    def _world_moved(self, before: World, after: World) -> None:
        if self.on_stage:
            self.query_one(TitleBar).show(after)
            self.show(after, before)

    @property
    def on_stage(self) -> bool:
        """True when it can be seen, maybe beneath a dialog; a hidden pane does nothing."""
        return self.is_mounted and self in self.app.screen_stack

    def show(self, world: World, before: World) -> None:
        """Show what differs; parts that are the same object need no look."""

    def go_back(self) -> bool:
        """One level back; False when this is the first."""
        return False

    # --- verbs go up ----------------------------------------------------------------------

    def targets(self) -> Sequence[Container]:
        """The containers that a verb would act on now."""
        return ()

    def crowd(self) -> Sequence[Container]:
        """The marked containers, or all that are listed."""
        return ()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey what the status of the targets does not allow."""
        verb = _verb_of(action, parameters)
        if verb is not None and verb.alters and self.dock.read_only:
            return None
        if verb is None or not (verb.call or verb.either or verb.when is not ANY):
            return True
        return True if fits(verb, self.targets()) else None

    def action_verb(self, verb_id: str) -> None:
        """Do a verb to the targets."""
        self.perform(VERBS[verb_id], tuple(self.targets()))

    @work(group="verbs", exit_on_error=False)
    async def perform(self, verb: Verb, targets: Sequence[Container]) -> None:
        """Ask when it cannot be undone, then call the engine for every target that fits."""
        chosen = shared(verb, targets)
        if not chosen or not await self._sure(chosen[0][0], [it for _, it in chosen]):
            return
        ends = await asyncio.gather(*(self._call(step, it) for step, it in chosen))
        pairs = [(it, end) for (_, it), end in zip(chosen, ends, strict=True)]
        self.unmark(it.id for it, end in pairs if end is None)
        self._tell_end(chosen[0][0], pairs)

    def _tell_end(self, verb: Verb, pairs: Sequence[tuple[Container, Exception | None]]) -> None:
        """One that failed is told as ever; of several, each with its reason, in one place."""
        failed = [(it.name, end) for it, end in pairs if end is not None]
        if len(pairs) == 1 and failed:
            with self.presented():
                raise failed[0][1]
        elif failed:
            from tuidock.widgets.dialogs import Failures

            title = f"{verb.title}: {len(failed)} of {len(pairs)} failed"
            self.app.push_screen(Failures(title, failed))
        elif len(pairs) > 1:
            self.notify(f"{len(pairs)} containers", title=f"{verb.title}: done", markup=False)

    async def _sure(self, verb: Verb, them: Sequence[Container]) -> bool:
        if not verb.confirm or not self.dock.config.confirm:
            return True
        from tuidock.widgets.dialogs import Confirm

        what = them[0].name if len(them) == 1 else f"{len(them)} containers"
        body = verb.loss if len(them) == 1 else "\n".join([*summary(them), "", verb.loss])
        question = Confirm(verb.confirm.format(what), body, dangerous=True, yes=verb.title)
        answer: bool | None = await self.app.push_screen_wait(question)
        return bool(answer)

    async def _call(self, verb: Verb, it: Container) -> Exception | None:
        """Why it failed; None when it did not."""
        self.dock.write(lambda world: world.with_pending(it.id, verb.title))
        try:
            if verb.call is not None:
                await verb.call(self.engine, it)
        except Exception as error:  # told by `perform`, a bug as a bug
            return error
        finally:
            self.dock.write(lambda world: world.with_pending(it.id, ""))
        return None

    def unmark(self, keys: Iterable[str]) -> None:
        """What was asked of these is done: they need no mark any more."""

    def key_of(self, verb_id: str) -> str:
        """The first key that a verb has now, as people write it."""
        return self.app.get_key_display(Binding((*self.keys_of(verb_id), "")[0], ""))

    def keys_of(self, verb_id: str) -> list[str]:
        """All keys that a verb has now, as Textual names them."""
        return split(self.dock.config.keys.get(verb_id, VERBS[verb_id].key))

    def tell(self, notice: Notice) -> None:
        """News, in the line of keys."""
        self.query_one(KeyBar).tell(notice)

    # --- errors ---------------------------------------------------------------------------

    @contextmanager
    def presented(self) -> Iterator[None]:
        """Whatever goes wrong inside is shown, and ends there."""
        try:
            yield
        except EngineError as error:
            self.present(error)
        except Exception as error:  # a bug in tuidock must not take the interface down
            self.dock.report_bug(error)

    @contextmanager
    def bugs_presented(self) -> Iterator[None]:
        """For those who show engine errors in a place of their own."""
        try:
            yield
        except EngineError:
            raise
        except Exception as error:
            self.dock.report_bug(error)

    def present(self, error: EngineError) -> None:
        """A notice for small things, a dialog for the rest."""
        if isinstance(error, SMALL):
            self.notify(error.hint or "", title=error.message, severity="error", markup=False)
        else:
            from tuidock.widgets.dialogs import Failure

            self.app.push_screen(Failure(error))


def summary(them: Sequence[Container], names: int = 12) -> list[str]:
    """Which ones, told by what they do: `2 running: web, api`, one line for each status.

    After so many `names` the rest is only counted.
    """
    lines = []
    for status in dict.fromkeys(it.status for it in them):
        found = [it.name for it in them if it.status is status]
        more = f" and {len(found) - names} more" if len(found) > names else ""
        lines.append(f"{len(found)} {status}: {', '.join(found[:names])}{more}")
    return lines


def _verb_of(action: str, parameters: tuple[object, ...]) -> Verb | None:
    if action == "verb" and parameters:
        return VERBS.get(str(parameters[0]))
    return next((verb for verb in VERBS.values() if verb.action == action), None)
