"""The logs tab: what one container, or several in one, wrote and write.

Invariant: a stream of the engine is a worker of the tab, so that it ends when the tab sleeps.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing

from textual import on, work
from textual.app import ComposeResult

from tuidock.engine.events import Event
from tuidock.engine.types import Container, LogQuery, Removed
from tuidock.format import clock, date
from tuidock.screens.detail import Tab, new_life
from tuidock.screens.merged import banner, merged, names, watch
from tuidock.widgets.log_rows import Break
from tuidock.widgets.logview import LogView
from tuidock.world import World

TAIL = 20_000
"""Lines read of a log that has no files to index."""


class LogsTab(Tab):
    """What the container wrote, and writes."""

    TITLE = "Logs"
    HOT = "LogView"

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self._merged: Sequence[Container] = ()
        """Containers whose logs are shown as one; then the cursor moves nothing."""
        self._open = False
        self._due: float | None = None
        """A moment to go to once the log is open."""

    def compose(self) -> ComposeResult:
        yield LogView(now=lambda: self.dock_screen.dock.now())

    @property
    def moment(self) -> float | None:
        """When the line under the cursor was written, seconds since the epoch."""
        return self.query_one(LogView).moment

    @property
    def chosen(self) -> float | None:
        """The same, but only of a line that somebody went to."""
        return None if self.query_one(LogView).lines.follow else self.moment

    def point(self, at: float) -> None:
        """Go to the first line written at or after a moment, now or once the log is open."""
        if self._open:
            self.query_one(LogView).seek(at)
        else:
            self._due = at

    def _opened(self) -> None:
        self._open = True
        at, self._due = self._due, None
        if at is not None:
            self.point(at)

    def sleep(self) -> None:
        self._open, self._due = False, None
        super().sleep()

    def show(self, subject: Container | None, before: Container | None) -> None:
        view = self.query_one(LogView)
        if self._merged:
            if before is None:
                self.follow_all(self._merged, view)
        elif subject is None:
            view.clear()
            self.entitle("")
            self.workers.cancel_node(self)
        elif before is not None and self._mourned(before, view):
            self.workers.cancel_group(self, "logs")
            self.entitle(f"{before.name}  removed")
            view.banner = "removed; it stays until the cursor moves"
            view.lines.post_message(view.lines.Changed())
        elif new_life(subject, before):
            self.follow(subject, view)

    def _mourned(self, before: Container, view: LogView) -> bool:
        """Whether somebody reads the log of a container that has just been removed."""
        return before.id not in self.dock_screen.world.containers and view.has_focus_within

    @work(exclusive=True, group="logs", exit_on_error=False)
    async def look_back(self, it: Removed) -> None:
        """Show what is left of the log of a container that was removed."""
        view = self.query_one(LogView)
        self._merged = ()
        view.clear()
        view.title, view.banner = it.name, removal(it)
        self.entitle(f"{it.name}  removed")
        with self.dock_screen.presented():
            containers = self.dock_screen.engine.containers
            if not await _index(view, await containers.log_files(it.id)):
                async for lines in containers.logs(it.id):
                    view.append(lines)
                    await view.drained()

    @work(exclusive=True, group="logs", exit_on_error=False)
    async def follow(self, it: Container, view: LogView) -> None:
        """Show the end of the log, then every line as it comes."""
        self._open = False
        view.clear()
        view.title, view.banner = it.name, ""
        self.entitle("")
        with self.dock_screen.presented():
            containers = self.dock_screen.engine.containers
            indexed = await _index(view, await containers.log_files(it.id))
            if indexed:
                self._opened()
                self.tell_runs(it, view)
                async for _ in containers.log_growth(it.id):
                    view.grown()
                return
            async for lines in containers.logs(it.id, LogQuery(follow=True, tail=TAIL)):
                view.append(lines)
                await view.drained()
                if not self._open:
                    view.flush()
                    self._opened()
                    self.tell_runs(it, view)

    @work(exclusive=True, group="runs", exit_on_error=False)
    async def tell_runs(self, it: Container, view: LogView) -> None:
        """Draw a line in the log where a run ended and the next began, if it has several."""
        source = view.source
        if source.end > source.first and view.lines.line(source.first).at < it.started:
            with self.dock_screen.presented():
                found = await self.dock_screen.engine.containers.history(it.id)
                view.lines.set_breaks(runs_ended(found.events))

    def tick(self, world: World) -> None:
        """A container that was started again has a stream again."""
        now = [world.containers.get(it.id, it) for it in self._merged]
        if any(new_life(fresh, it) for fresh, it in zip(now, self._merged, strict=True)):
            self._merged = now
            self.follow_all(now, self.query_one(LogView))

    @on(LogView.MergeWanted)
    def _merge_wanted(self, event: LogView.MergeWanted) -> None:
        """All marked containers, or all of them, in one; or back to one alone."""
        event.stop()
        self._merged = () if self._merged else self.dock_screen.crowd()
        self.show(self.subject, None)

    @work(exclusive=True, group="logs", exit_on_error=False)
    async def follow_all(self, chosen: Sequence[Container], view: LogView) -> None:
        """Show the logs of several containers by time."""
        view.clear()
        view.title, view.banner = "merged", banner(chosen)
        self.entitle(banner(chosen))
        with self.dock_screen.presented():
            containers = self.dock_screen.engine.containers
            files = [await containers.log_files(it.id) for it in chosen]
            if all(files) and await _index_all(view, chosen, files):
                await watch(containers, chosen, view.grown)
                return
            view.lines.set_names(names(chosen))
            lines = merged(containers, chosen)
            async with aclosing(lines):
                async for batch in lines:
                    view.append(batch)
                    await view.drained()


def removal(it: Removed) -> str:
    """A removed container in a few words."""
    end = "never ran" if it.code is None else f"exit {it.code}"
    return f"{it.name}  {end}, removed {clock(it.at)}"


def runs_ended(events: Sequence[Event]) -> list[Break]:
    """Where one run ended and another followed."""
    starts = [event.at for event in events if event.action == "start"]
    last = max(starts, default=0.0)
    return [
        Break(event.at, f"exit {dict(event.attributes).get('exitCode', '?')}, {date(event.at)}")
        for event in events
        if event.action == "die" and event.at < last
    ]


async def _index(view: LogView, files: Sequence[str]) -> bool:
    """Let the view read the files itself, however large; False when there are none (any more)."""
    try:
        await view.open(files)
    except OSError:
        return False
    return bool(files)


async def _index_all(
    view: LogView, chosen: Sequence[Container], files: Sequence[Sequence[str]]
) -> bool:
    """Let the view read the files of several; False when some are gone."""
    try:
        await view.open_all([(it.name, paths) for it, paths in zip(chosen, files, strict=True)])
    except OSError:
        return False
    return True
