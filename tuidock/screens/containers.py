"""The first screen: every container with its CPU and memory, and the chosen one in detail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType

from tuidock import format as fmt
from tuidock.engine.errors import EngineError
from tuidock.engine.types import DOWN, UP, Container
from tuidock.jobs import Say
from tuidock.screens.base import bindings, summary
from tuidock.screens.container_row import COLUMNS, PROJECT, Stillness, item, label, order
from tuidock.screens.detail import Detail, Tab
from tuidock.screens.ends import Ends
from tuidock.screens.groups import LABEL, Group
from tuidock.screens.later import Later
from tuidock.screens.lists import ListScreen
from tuidock.screens.logs import LogsTab, removal
from tuidock.turns import OPENING
from tuidock.verbs import LOSS, VERBS, shared
from tuidock.widgets.dialogs import Ask, Choose, Confirm, lettered
from tuidock.widgets.paint import Cell
from tuidock.world import World

if TYPE_CHECKING:
    from tuidock.screens.shell import ShellTab

EMPTY = "No containers yet.\n\nn  run one from an image      2  images      3  look into a registry"

BULK = (
    *("container.stop", "container.start", "container.restart", "container.pause"),
    *("container.unpause", "container.remove", "container.force_remove"),
)
"""What is done to many at once."""
GRAPHS = ("stats", "limits")
"""Tabs in which a moment has its place."""


class ContainersScreen(ListScreen):
    """Containers."""

    SCOPE = "containers"
    BINDINGS: ClassVar[list[BindingType]] = bindings("containers", "list")
    TABS: ClassVar[Mapping[str, type[Tab] | Later]] = {
        "logs": LogsTab,
        "stats": Later("tuidock.screens.stats:StatsTab", "Stats"),
        "why": Later("tuidock.screens.why:WhyTab", "Why"),
        "limits": Later("tuidock.screens.tune:LimitsTab", "Limits"),
        "top": Later("tuidock.screens.processes:ProcessesTab", "Processes"),
        "files": Later("tuidock.screens.files:FilesTab", "Files"),
        "env": Later("tuidock.screens.env:EnvTab", "Env"),
        "health": Later("tuidock.screens.health:HealthTab", "Health"),
        "anatomy": Later("tuidock.screens.anatomy:AnatomyTab", "Anatomy"),
        "inspect": Later("tuidock.screens.panes:InspectTab", "Inspect"),
        "shell": Later("tuidock.screens.shell:ShellTab", "Shell"),
    }
    COLUMNS = COLUMNS
    TITLE_TEXT = "Containers"
    EMPTY = EMPTY
    WAYS = (
        (LABEL + PROJECT, "compose project"),
        ("image", "image"),
        ("status", "status"),
        ("network", "network"),
    )
    show_stopped = True

    # --- what it shows --------------------------------------------------------------------

    def on_mount(self) -> None:
        self._still = Stillness()
        self.pane.head = self._head
        self._ends = Ends(self.detail, self.engine)

    def _head(self, group: Group) -> Sequence[Cell]:
        """The row of a group."""
        from tuidock.screens.container_group import head

        return head(group, self.world)

    def show(self, world: World, before: World) -> None:
        if (
            world.containers is not before.containers
            or world.pending is not before.pending
            or (
                world.samples is not before.samples
                and not self._still.rests(world, self.dock.now())
            )
        ):
            self.fill()
        if (
            world.samples is not before.samples
            or world.histories is not before.histories
            or world.anatomy is not before.anatomy
            or world.living is not before.living
        ):
            for frame in self.details.frames:
                frame.tab.tick(world)

    def fill(self) -> None:
        """Give the list all containers, as they are now."""
        world, now = self.world, self.dock.now()
        chosen = [it for it in world.containers.values() if self.show_stopped or it.status in UP]
        rows = [item(it, world, now) for it in sorted(chosen, key=order)]
        self.pane.set_items(rows)
        self.seek()
        self.look()

    def seek(self) -> None:
        """Put the cursor on the container that somebody asked for, once it is here."""
        if self.dock.wanted in self.world.containers:
            self.pane.table.cursor_key = self.dock.wanted
            self.dock.wanted = None

    def look(self) -> None:
        """A bad end is told unasked."""
        it = self.subject()[0]
        self._ends.pass_on(it)
        super().look()
        if it is not None and self._ends.is_news(it):
            self._tell_why(it)

    @work(group="end", exit_on_error=False)
    async def _tell_why(self, it: Container) -> None:
        with suppress(EngineError):  # it was removed meanwhile: nobody asked
            await self._ends.tell(it, lambda: self.subject()[0])

    def subject(self) -> tuple[Container | None, str]:
        it = self.world.containers.get(self.pane.cursor_key or "")
        return it, label(it) if it else ""

    def targets(self) -> list[Container]:
        known = self.world.containers
        return [known[key] for key in self.pane.keys if key in known]

    def crowd(self) -> list[Container]:
        known, pane = self.world.containers, self.pane
        every = [row.key for row in pane.table.rows]
        keys = pane.keys if pane.table.marked or pane.group else every
        return [known[key] for key in keys if key in known]

    def label(self, binding: Binding) -> str:
        """Keys with two meanings say the one that fits."""
        verb = VERBS.get(binding.id or "")
        targets = self.targets()
        if verb is None or not verb.either or not targets:
            return binding.description
        found = shared(verb, targets)
        return found[0][0].title if found else binding.description

    def action_show(self, name: str) -> None:
        """From a line of the log to the graphs of its moment."""
        tab = self.detail.tab
        from_log = name in GRAPHS and isinstance(tab, LogsTab) and tab.has_focus_within
        moment = tab.chosen if from_log and isinstance(tab, LogsTab) else None
        self._ends.stay()
        super().action_show(name)
        if moment is not None:
            self._look_at(name, moment)

    @work(group=OPENING, exit_on_error=False)
    async def _look_at(self, name: str, moment: float) -> None:
        tab = await self.details.place_of(name).bring(name)
        tab.point(moment)

    @on(Detail.LogWanted)
    @work(group=OPENING, exit_on_error=False)
    async def _read_log(self, event: Detail.LogWanted) -> None:
        """From a moment of the graphs to its line of the log."""
        with self.presented():
            frame = self.details.place_of("logs")
            tab = await frame.bring("logs")
            tab.point(event.at)
            frame.take_focus()

    # --- verbs that are more than one call -------------------------------------------------

    @work(group="dialog", exit_on_error=False)
    async def action_kill(self) -> None:
        """Choose a signal, then send it."""
        from tuidock.screens import signals

        targets = [it for it in self.targets() if it.status in UP]
        names = ", ".join(it.name for it in targets)
        name = await signals.choose(self, "Send which signal?", f"to the first process of {names}")
        for it in targets if name else ():
            with self.presented():
                await self.engine.containers.kill(it.id, name)
                self.unmark([it.id])

    @work(group="dialog", exit_on_error=False)
    async def action_new(self) -> None:
        """Run a container from an image of the store."""
        from tuidock.screens import flows

        options = [(image.id, flows.image_name(image)) for image in self.world.images]
        if not options:
            self.notify("pull one with P in the images pane", title="No images yet")
            return
        chosen = await self.app.push_screen_wait(Choose("Run which image?", options))
        image = next((it for it in self.world.images if it.id == chosen), None)
        if image is not None:
            await flows.run(self, image)

    @work(group="dialog", exit_on_error=False)
    async def action_clone(self) -> None:
        """Another one like that under the cursor."""
        it, _ = self.subject()
        if it is not None:
            from tuidock.screens import flows

            await flows.clone(self, it)

    @work(group="dialog", exit_on_error=False)
    async def action_edit(self) -> None:
        """One of another spec in the place of that under the cursor."""
        it, _ = self.subject()
        if it is not None:
            from tuidock.screens import flows

            await flows.edit(self, it)

    @work(group="dialog", exit_on_error=False)
    async def action_bulk(self) -> None:
        """One verb for the marked, the group, or all that are listed, as far as it fits them."""
        them = self.crowd()
        fitting = [(VERBS[name], shared(VERBS[name], them)) for name in BULK]
        lines = [
            (verb.id, f"{verb.title:<15}{'; '.join(summary([it for _, it in found], 3))}")
            for verb, found in fitting
            if found
        ]
        options, letters = lettered(lines, short=True)
        what = self.aim() if self.pane.table.marked or self.pane.group else f"{len(them)} listed"
        chosen = await self.app.push_screen_wait(Choose(what, options, keys=letters))
        if chosen:
            self.perform(VERBS[str(chosen)], them)

    @work(group="dialog", exit_on_error=False)
    async def action_rename(self) -> None:
        """Another name for the container under the cursor."""
        it, _ = self.subject()
        if it is None:
            return
        name = await self.app.push_screen_wait(Ask(f"Another name for {it.name}", it.name))
        if name and name != it.name:
            with self.presented():
                await self.engine.containers.rename(it.id, name)

    @work(group="dialog", exit_on_error=False)
    async def action_removed(self) -> None:
        """Choose among the removed, and read what is left of its log."""
        with self.presented():
            gone = {it.id: it for it in await self.engine.containers.removed()}
            if not gone:
                self.notify("in the last hour, or it said nothing", title="Nothing was removed")
                return
            options = [(it.id, removal(it)) for it in gone.values()]
            chosen = await self.app.push_screen_wait(Choose("Logs of removed containers", options))
            if chosen:
                frame = self.details.place_of("logs")
                tab = await frame.bring("logs")
                frame.take_focus()
                assert isinstance(tab, LogsTab)
                tab.look_back(gone[chosen])

    @work(group="dialog", exit_on_error=False)
    async def action_prune(self) -> None:
        """Remove all that do not run, and say what that gave back."""
        them = [it for it in self.world.containers.values() if it.status in DOWN]
        if not them:
            self.notify("every container runs", title="Nothing to prune")
            return
        title, body = (
            fmt.count(len(them), "stopped container"),
            "\n".join([*summary(them), "", LOSS]),
        )
        question = Confirm(f"Remove {title}?", body, dangerous=True, yes="Remove")
        if self.dock.config.confirm and not await self.app.push_screen_wait(question):
            return
        words = ("tuidock", "container", "prune", "-f")
        self.dock.jobs.begin("prune", title, words, self._prune)

    async def _prune(self, say: Say) -> None:
        pruned = await self.engine.containers.prune()
        say(
            f"{fmt.count(len(pruned.ids), 'container')} removed, {fmt.size(pruned.space)} reclaimed"
        )

    @work(group="dialog", exit_on_error=False)
    async def action_custom(self) -> None:
        """Commands of the user's own."""
        from tuidock.screens import custom

        with self.presented():
            await custom.run(self, self.targets())

    def action_toggle_stopped(self) -> None:
        self.show_stopped = not self.show_stopped
        self.fill()

    @work(group="dialog", exit_on_error=False)
    async def action_open_port(self) -> None:
        """A published port, in the browser."""
        from tuidock.screens import ports

        for it in self.targets()[:1]:
            await ports.open_one(self, it)

    def action_anatomy(self) -> None:
        """On the whole screen: it is read, not glanced at."""
        self.action_show("anatomy")
        self._resize(2, self.details)

    # --- sessions -------------------------------------------------------------------------

    def action_shell(self) -> None:
        self._session(attach=False)

    def action_attach(self) -> None:
        self._session(attach=True)

    @work(group=OPENING, exit_on_error=False)
    async def _session(self, *, attach: bool) -> None:
        it, _ = self.subject()
        if it is not None:
            tab = await self._shells()
            self.action_show("shell")
            await tab.begin(it, attach=attach)

    async def _shells(self) -> ShellTab:
        """The tab of shells, in view or not."""
        from tuidock.screens.shell import ShellTab

        tab = await self.details.place_of("shell").bring("shell")
        assert isinstance(tab, ShellTab)
        return tab

    @work(group="dialog", exit_on_error=False)
    async def action_another(self) -> None:
        """A further session: which shell, as whom, where."""
        from tuidock.screens import opening

        it, _ = self.subject()
        if it is not None:
            with self.presented():
                await opening.another(self, await self._shells(), it)

    @work(group="dialog", exit_on_error=False)
    async def action_shells(self) -> None:
        """All open sessions, wherever they are."""
        from tuidock.screens import opening

        await opening.switch(self, await self._shells())

    @work(group=OPENING, exit_on_error=False)
    async def action_shell_full(self) -> None:
        """Give the whole terminal to a shell until it ends."""
        from tuidock.screens.lending import full_shell

        it, _ = self.subject()
        if it is not None:
            with self.presented():
                await full_shell(self, it)

    # --- copy -----------------------------------------------------------------------------

    def yankable(self) -> list[tuple[str, str]]:
        import shlex

        from tuidock.widgets.run_spec import command_line

        it, _ = self.subject()
        if it is None:
            return []
        found = [("name", it.name), ("id", it.id), ("image", it.image)]
        found += [("ip", it.address)] if it.address else []
        found += [("command", shlex.join(it.command))]
        return [*found, ("run", command_line(it.spec))]

    async def as_json(self) -> str:
        import json

        it, _ = self.subject()
        found = await self.engine.containers.inspect(it.id) if it else {}
        return json.dumps(found, indent=2, ensure_ascii=False)
