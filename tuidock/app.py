"""TuidockApp: panes, theme, keys, and the workers that keep the World up to date.

The only module that imports Textual at the top of the house. Invariant: `world` is assigned in
`write` alone, on the event loop.
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
import traceback
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, ClassVar

from textual import work
from textual.app import ScreenStackError
from textual.binding import BindingType
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.notifications import SeverityLevel
from textual.reactive import var
from textual.theme import Theme
from textual.worker import Worker

from tuidock import config as settings
from tuidock import state as remembered
from tuidock.commands import ContainerCommands, VerbCommands
from tuidock.deeds import noted
from tuidock.driver import LoopDriver
from tuidock.engine import readonly
from tuidock.engine.api import Engine
from tuidock.engine.errors import EngineError
from tuidock.feeds import Feeds
from tuidock.job import Job
from tuidock.jobs import Jobs, Say
from tuidock.notices import Noticing
from tuidock.remembering import Remembering
from tuidock.screens.base import DockScreen, bindings
from tuidock.screens.bug import BugScreen, keep_traceback
from tuidock.screens.containers import ContainersScreen
from tuidock.screens.later import Later
from tuidock.stylesheet import Stylesheet
from tuidock.themes import DARK, THEMES, defaults
from tuidock.turns import LEAVING, InTurn
from tuidock.wearing import own_themes, worn
from tuidock.world import World

HEAD_START = 0.5
"""Seconds; a store that takes longer is read while there is a screen that says so."""


class TuidockApp(Noticing, Remembering, InTurn, inherit_bindings=False):
    """The interface on an engine."""

    TITLE = "tuidock"
    CSS_PATH = "tuidock.tcss"
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    COMMANDS: ClassVar[set[Any]] = {VerbCommands, ContainerCommands}
    BINDINGS: ClassVar[list[BindingType]] = bindings("everywhere")
    MODES: ClassVar[dict[str, Any]] = {
        "containers": ContainersScreen,
        "images": Later("tuidock.screens.images:ImagesScreen"),
        "registry": Later("tuidock.screens.registry:RegistryScreen"),
        "events": Later("tuidock.screens.events:EventsScreen"),
        "jobs": Later("tuidock.screens.jobs:JobsScreen"),
        "done": Later("tuidock.screens.done:DoneScreen"),
    }
    DEFAULT_MODE = "containers"

    world: var[World] = var(World(), init=False, always_update=True)
    """A `var`: a `reactive` of the app would paint the whole screen each time."""

    def __init__(
        self,
        engine: Engine,
        config: settings.Config | None = None,
        now: Callable[[], float] = time.time,
        memory: str = "",
        *,
        read_only: bool = False,
        themes: Sequence[Theme] = (),
        greet: bool = False,
    ) -> None:
        """`now` is the clock that ages are reckoned from; a test may give one that stands.

        `memory` is the path of the state kept between two runs, empty for none.
        `read_only`: the engine refuses whatever changes something. `themes` are the user's own.
        `greet`: somebody who has never been here sees what the doctor says.
        """
        settled = config or settings.Config()
        super().__init__(ansi_color=THEMES.get(settled.theme, DARK).ansi)
        self.read_only = read_only
        self.own_themes = themes
        self._greet = greet and bool(memory) and not os.path.exists(memory)
        watched = noted(engine, self._note, self._name_of, now)
        self.engine = readonly.read_only(watched) if read_only else watched
        self.config = settled
        self._dress()
        self.now = now
        self.open_memory(memory)
        self.feeds = Feeds(self.engine, self.write, self._report, now)
        self.jobs = Jobs(self.write, now, self._launch, self._job_over)
        self._pulls: dict[str, int] = {}
        self.broken = False
        """A bug ended the interface."""
        self.wanted: str | None = None
        """A container to put the cursor on as soon as it is known."""

    def _dress(self) -> None:
        """Before anything is made: a theme that comes later has every style reckoned again."""
        for theme in (*THEMES.values(), *self.own_themes):
            self.register_theme(theme)
        known = self.config.theme in self.available_themes
        self.theme = self.config.theme if known else DARK.name
        self.stylesheet = Stylesheet(self.get_css_variables())

    def get_driver_class(self) -> type[Driver]:
        """On a terminal our own; a browser's, or one that the environment names, as they are."""
        found = super().get_driver_class()
        return LoopDriver if found is LinuxDriver else found

    def watch_theme(self) -> None:
        """Colours of the terminal's own go to it as they are; Textual would mix them itself."""
        self.ansi_color = self.current_theme.ansi

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return defaults(self.current_theme)

    def on_mount(self) -> None:
        self.watch_theme()
        self.set_keymap(dict(self.config.keys))
        self.follow()
        self.call_after_refresh(self._recall)
        if self._greet:
            self.call_after_refresh(self.action_doctor, first=True)
            self._remember(self.state)

    # --- the World ------------------------------------------------------------------------

    def write(self, change: Callable[[World], World]) -> None:
        """Replace the World; the one place that does."""
        after = change(self.world)
        if after is not self.world:
            self.world = after

    def follow(self) -> None:
        """Let the feeds flow until the app ends."""
        self._guarded(self.feeds.follow_events, "events")
        self._guarded(self.feeds.follow_stats, "stats")

    def _guarded(self, feed: Callable[[], Any], group: str) -> Worker[None]:
        async def run() -> None:
            try:
                await feed()
            except EngineError as error:
                self._report(error)
            except Exception as error:  # shown as a bug, with the interface still there
                self.report_bug(error)

        return self.run_worker(run(), group=group, exit_on_error=False)

    def _report(self, error: EngineError) -> None:
        if isinstance(self.screen, DockScreen):
            self.screen.present(error)
        else:
            self.notify(error.hint, title=error.message, severity="error", markup=False)

    # --- jobs: they outlive the screens -----------------------------------------------------

    def _launch(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        async def live() -> None:
            try:
                await work
            except Exception as error:  # shown as a bug, with the interface still there
                self.report_bug(error)

        return asyncio.create_task(live())

    def pull(self, reference: str, platform: str = "") -> int:
        """Begin a pull, unless it runs already; `World.pulls` tells how it goes. Its job."""

        async def work(say: Say) -> None:
            pull = await self.feeds.pull(reference, platform)
            if pull.error is not None:
                raise pull.error
            say("pulled")

        known = self.world.pulls.get(reference)
        if known is None or not known.running:
            chosen = ("--platform", platform) if platform else ()
            words = ("tuidock", "pull", *chosen, reference)
            self._pulls[reference] = self.jobs.begin("pull", reference, words, work)
        return self._pulls[reference]

    def cancel_pull(self, reference: str) -> None:
        if reference in self._pulls:
            self.jobs.cancel(self._pulls[reference])

    def _job_over(self, job: Job) -> None:
        """Say how it ended to somebody who is not looking at it."""
        if getattr(self.screen, "reference", "") == job.title:
            return
        if job.problem:
            kind: SeverityLevel = "information" if job.problem == "cancelled" else "error"
            title = f"{job.kind} {job.title}: {job.problem}"
            self.notify(job.hint, title=title, severity=kind, markup=False)
        else:
            self.notify(job.title, title=f"{job.kind} is done".capitalize(), markup=False)

    # --- going places -----------------------------------------------------------------------

    def go_to(self, container_id: str) -> None:
        """Show a container, now or as soon as the World knows it."""
        self.wanted = container_id
        self.action_pane("containers")
        if isinstance(self.screen, ContainersScreen):
            self.screen.seek()

    def action_pane(self, name: str) -> None:
        if self.current_mode != name:
            self.switch_mode(name)

    def action_notices(self) -> None:
        """Read again what was said."""
        from tuidock.screens.said import SaidScreen

        self.push_screen(SaidScreen(tuple(self.notices)))

    @work(group="dialog", exit_on_error=False)
    async def action_theme(self) -> None:
        """Choose a theme, seeing it; the choice is remembered."""
        from tuidock.screens.wardrobe import ChooseTheme

        before = self.theme
        chosen = await self.push_screen_wait(ChooseTheme(before, self.own_themes))
        self.theme = chosen or before
        if chosen:
            self._remember(self.state._replace(theme=chosen))

    def action_doctor(self, *, first: bool = False) -> None:
        from tuidock.screens.doctor import DoctorScreen

        self.push_screen(DoctorScreen(first=first))

    def action_jump(self) -> None:
        from tuidock.screens.jump import JumpScreen, places

        self.push_screen(JumpScreen(places(self.screen)))

    def action_help(self) -> None:
        from tuidock.screens.help import HelpScreen

        if isinstance(self.screen, DockScreen):
            self.push_screen(HelpScreen(self.screen.SCOPE, self.config.keys, self.screen.focused))

    @work(group="reload", exclusive=True, exit_on_error=False)
    async def action_reload(self) -> None:
        try:
            await self.feeds.refresh()
        except EngineError as error:
            self._report(error)

    @work(group=LEAVING, exclusive=True, exit_on_error=False)
    async def action_leave(self) -> None:
        """One level back; at the first level, ask, and leave."""
        screen = self.screen
        if not (isinstance(screen, DockScreen) and screen.go_back()):
            await self._leave(ask=self.config.confirm)

    @work(group=LEAVING, exclusive=True, exit_on_error=False)
    async def action_exit_now(self) -> None:
        """Leave, from wherever; only jobs are asked about."""
        await self._leave(ask=False)

    async def _leave(self, *, ask: bool) -> None:
        from tuidock.screens.leaving import leave

        await leave(self, ask=ask)

    # --- bugs ---------------------------------------------------------------------------------

    def report_bug(self, error: Exception) -> None:
        """Anything that is not an EngineError: keep the traceback, say so, go on."""
        path = keep_traceback("".join(traceback.format_exception(error)))
        self.push_screen(BugScreen(error, path))

    def clear_selection(self) -> None:
        """Textual's own, for inputs of a mode's first screen too.

        With Python 3.12's eager tasks that screen is composed before it is on its stack.
        """
        with suppress(ScreenStackError):
            super().clear_selection()

    def _handle_exception(self, error: Exception) -> None:
        """Textual's last resort: the widget whose handler failed is deaf from here on.

        So the interface ends, with a sentence instead of frames. Tests see the error.
        """
        if self.is_headless:
            super()._handle_exception(error)
            return
        if self.broken:  # what fails while the interface goes down says nothing of the cause
            return
        path = keep_traceback("".join(traceback.format_exception(error)))
        self.broken = True
        self.panic(
            f"tuidock: a bug ended the interface: {error!r}\nYour containers live on. {path}"
        )


def run(engine: Engine, config: str = "", *, read_only: bool = False, greet: bool = False) -> int:
    """Open the interface and stay until the user leaves; the exit code. Closes the engine.

    `config` is the path of the settings, the user's own when empty. Raises BadConfig.
    """
    path, memory = config or settings.default_path(), remembered.default_path()
    chosen = settings.load(path, widget_keys)
    themes = own_themes(os.path.join(os.path.dirname(path), "themes"))
    chosen = worn(chosen, [it.name for it in themes], remembered.load(memory).theme)
    app = TuidockApp(engine, chosen, memory=memory, read_only=read_only, themes=themes, greet=greet)
    # What is imported is never looked through again; of what was drawn, little is left lying.
    gc.freeze()
    gc.set_threshold(20_000)
    return asyncio.run(_stay(app))


async def _stay(app: TuidockApp) -> int:
    try:
        with suppress(TimeoutError):
            await asyncio.wait_for(app.feeds.begin(), HEAD_START)
        code = await app.run_async()
    finally:
        await app.jobs.end()
        await app.engine.close()
    return 1 if app.broken else code or app.return_code or 0


def widget_keys() -> dict[str, str]:
    """Binding ids of all widgets and their default keys."""
    from tuidock.screens.help import WIDGETS

    return {
        binding.id: binding.key
        for widget in WIDGETS
        for binding in widget.BINDINGS
        if not isinstance(binding, tuple) and binding.id
    }


def _demo() -> int:
    """The interface on a fake harbour, for work on the interface itself."""
    from tuidock.engine.fake import FakeEngine
    from tuidock.engine.fake.scene import harbour

    class Demo(TuidockApp):
        async def on_load(self) -> None:
            await harbour(engine)

    engine = FakeEngine()
    return Demo(engine, settings.load(widget_keys=widget_keys)).run() or 0


if __name__ == "__main__":
    raise SystemExit(_demo())
